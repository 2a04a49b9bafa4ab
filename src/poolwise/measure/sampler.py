"""Where the work spends its time: the hottest line of the user's own code, found by looking at its thread's stack.

Each look walks from the innermost frame of the watched thread outwards to the first line of the user's own code: not
the standard library's, not an installed package's, not ours. That line is what a person can change; what it had called
by then (``recv``, ``sleep``, ``loads``) says what it was doing. A thread that computes with the GIL is only seen where
the interpreter takes the GIL away: at the next call or turn of a loop, which is on or beside the line that computes.

A look keeps no frame: only code objects and places in them, from which ``hot()`` makes names and lines once, when
somebody asks. Sampling profilers work likewise (https://github.com/bdarnell/plop says what they miss).
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from itertools import islice
from types import CodeType, FrameType
from typing import TypeAlias

from poolwise.model.classes import field, mutable
from poolwise.model.profile import Hot
from poolwise.model.units import Seconds

# One look may have come at an odd moment. Of work that holds the GIL a probe of 20 ms sees no more than three or four.
LEAST_LOOKS = 2
# A look at a deep recursion ends here: at 0.05 µs a frame it takes less than 10 µs.
MOST_FRAMES = 100
# Below this share of a line's time, what it called is one of many things.
MOSTLY = 0.5

OURS = __file__.rsplit(os.sep, 2)[0] + os.sep
LIBRARY = os.__file__.rsplit(os.sep, 1)[0] + os.sep
# Between this thread's last frame of ours and the user's: what calls the function on the items.
CALLERS = tuple(f"{OURS}work{os.sep}{name}" for name in ("chunk.py", "chunk_async.py", "call.py"))
INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")

Place: TypeAlias = tuple[CodeType, int]
"""A code object and the offset of the instruction that it is at."""


@mutable
class _Line:
    """What was seen of one line."""

    code: CodeType
    seconds: Seconds = 0.0
    waited_s: Seconds = 0.0
    own: defaultdict[int, Seconds] = field(default_factory=lambda: defaultdict(float))
    """Seconds by offset in the line's own code."""
    inner: defaultdict[Place, Seconds] = field(default_factory=lambda: defaultdict(float))
    """Seconds by the innermost place that the line had led to."""


class Sampler:
    """Looks at a thread when it is told to, from any other thread; it starts nothing."""

    def __init__(self) -> None:
        """Nothing has been seen."""
        # Without a GIL the watched thread runs on while its frames are read, which the interpreter does not protect.
        self._able = hasattr(sys, "_current_frames") and getattr(sys, "_is_gil_enabled", lambda: True)()
        self._lines: dict[tuple[CodeType, int], _Line] = {}
        self._looks = 0
        self._seconds: Seconds = 0.0
        self._kinds: dict[str, str] = {}

    def look(self, thread_id: int, *, waiting: bool, seconds: Seconds = 1.0) -> None:
        """See where the thread is now; the look stands for ``seconds``, in which it mostly waited or computed."""
        frame = sys._current_frames().get(thread_id) if self._able else None  # noqa: SLF001 - documented, for this use
        # CPython 3.11 once gave a builtin function in the place of a frame, in a thread that was about to make one.
        own = self._own_frame(frame) if type(frame) is FrameType else None
        if frame is None or own is None:
            return
        self._looks += 1
        self._seconds += seconds
        line = own.f_lineno or own.f_code.co_firstlineno
        seen = self._lines.get((own.f_code, line))
        if seen is None:
            seen = self._lines[own.f_code, line] = _Line(own.f_code)
        seen.seconds += seconds
        seen.waited_s += seconds if waiting else 0.0
        seen.own[own.f_lasti] += seconds
        seen.inner[frame.f_code, frame.f_lasti] += seconds

    def hot(self) -> Hot | None:
        """Give the line that took most of the time; None with too few looks."""
        lines = [*self._lines.items()]  # at once: the watching thread may add one meanwhile
        if self._looks < LEAST_LOOKS or self._seconds <= 0:
            return None
        (_, number), line = max(lines, key=lambda each: each[1].seconds)
        return Hot(
            file=line.code.co_filename,
            line=number,
            function=line.code.co_qualname,
            callee=_callee(line),
            share=min(1.0, line.seconds / self._seconds),
            waiting_share=min(1.0, line.waited_s / self._seconds),
            samples=self._looks,
        )

    def _own_frame(self, innermost: FrameType) -> FrameType | None:
        """Walk out to the first frame of the user's own; where all is a library's, the innermost stands for it.

        None where the thread is not in the user's function, but in what we do between two calls.
        """
        frame: FrameType | None = innermost
        for _ in range(MOST_FRAMES):
            if frame is None:
                return None
            kind = self._kind(frame.f_code.co_filename)
            if kind == "own":
                return frame
            if kind != "library":
                return innermost if kind == "caller" and frame is not innermost else None
            frame = frame.f_back
        return None

    def _kind(self, file: str) -> str:
        kind = self._kinds.get(file)
        if kind is None:
            kind = self._kinds[file] = kind_of(file)
        return kind


def kind_of(file: str) -> str:
    """Say whose code a file is: the user's "own", a "library", the "caller" of the user's function, or else "ours"."""
    if file.startswith(CALLERS):
        return "caller"
    if file.startswith(OURS):
        return "ours"
    if file.startswith(("<frozen", LIBRARY)) or any(part in file for part in INSTALLED):
        return "library"
    return "own"


# --- Names, when somebody asks ---------------------------------------------------------------------------------------


def _callee(line: _Line) -> str:
    """Say what the line had called, most of the time: by name, or "" where it computed by itself."""
    names: defaultdict[str, Seconds] = defaultdict(float)
    for (code, offset), seconds in line.inner.items():
        # Seen between two calls, the line computes by itself, and a function that it had called is known by its name.
        names[called_at(code, offset) or ("" if code is line.code else code.co_name)] += seconds
    name = max(names, key=lambda each: names[each])
    if names[name] >= MOSTLY * line.seconds:
        return name
    return called_at(line.code, max(line.own, key=lambda each: line.own[each]))


def called_at(code: CodeType, offset: int) -> str:
    """Name what is called by the instruction at ``offset``: "recv" of ``self.sock.recv(n)``; "" where it is no call.

    The compiler keeps from where to where in the source each instruction's expression goes (PEP 657), so that nothing
    needs to be known of byte code, which every version has anew.
    """
    place = next(islice(code.co_positions(), offset // 2, None), None) if offset >= 0 else None
    first, last, column, end = place or (None, None, None, None)
    if first is None or last is None or column is None or end is None:
        return ""
    text = _source(code.co_filename, first, last, column, end)
    import ast  # noqa: PLC0415 - it takes 5 ms

    try:
        node = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        return ""
    if isinstance(node, ast.Await):
        node = node.value
    if not isinstance(node, ast.Call):
        return ""
    called = node.func
    return called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""


def _source(file: str, first: int, last: int, column: int, end: int) -> str:
    """Give the source text of an expression; its columns count bytes of UTF-8."""
    import linecache  # noqa: PLC0415 - it imports tokenize, 2 ms

    lines = [linecache.getline(file, number).encode() for number in range(first, last + 1)]
    if not lines[-1]:
        return ""
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][column:]
    return b"".join(lines).decode(errors="replace")
