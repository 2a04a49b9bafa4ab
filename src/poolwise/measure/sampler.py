"""Where the work spends its time: the hottest line of the user's own code, found by looking at its thread's stack.

Each look walks from the innermost frame of the watched thread outwards to the first line of the user's own code: not
the standard library's, not an installed package's, not ours. That line is what a person can change; what it had called
by then (``recv``, ``sleep``, ``loads``) says what it was doing. A thread that computes with the GIL is only seen where
the interpreter takes the GIL away: at the next call or turn of a loop, which is on or beside the line that computes.

A look keeps no frame: only code objects and places in them, from which ``hot()`` makes names and lines once, when
somebody asks. Sampling profilers work likewise (https://github.com/bdarnell/plop says what they miss).

In CPython 3.11 to hold a frame of another thread, for a moment in which that one may run, can crash the interpreter or
block it for ever (python/cpython issue 106883, DataDog/dd-trace-py issue 13567, getsentry/sentry-python issue 6119).
There the stacks are read by ``faulthandler``, which makes no frame objects and lets nobody run meanwhile: some 6 µs a
frame, so that it is done seldom, and into a file in memory, which Linux has.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from itertools import islice
from types import CodeType, FrameType
from typing import TYPE_CHECKING, TypeAlias

from poolwise.model.classes import field, mutable
from poolwise.model.profile import Hot
from poolwise.model.units import Seconds

if TYPE_CHECKING:
    import ast

# One look may have come at an odd moment. Of work that holds the GIL a probe of 20 ms sees no more than three or four.
LEAST_LOOKS = 2
# A look at a deep recursion ends here: at 0.05 µs a frame it takes less than 10 µs.
MOST_FRAMES = 100
# Below this share of a line's time, what it called is one of many things.
MOSTLY = 0.5
# From this version on frames of other threads can be held.
FRAMES_LAST = (3, 12)
# Where they cannot, the first look is left out, which most short work ends before, and of those after the fourth every
# second, fourth, eighth ... is taken.
ALL_UP_TO = 4

OURS = __file__.rsplit(os.sep, 2)[0] + os.sep
LIBRARY = os.__file__.rsplit(os.sep, 1)[0] + os.sep
# Between this thread's last frame of ours and the user's: what calls the function on the items.
CALLERS = tuple(f"{OURS}work{os.sep}{name}" for name in ("chunk.py", "chunk_async.py", "call.py"))
INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")

Place: TypeAlias = tuple[str, int, str, CodeType | None, int]
"""A file, a line, a function's name; and where they are known, the code and the offset of the instruction in it."""


@mutable
class _Line:
    """What was seen of one line."""

    seconds: Seconds = 0.0
    waited_s: Seconds = 0.0
    own: defaultdict[Place, Seconds] = field(default_factory=lambda: defaultdict(float))
    """Seconds by place in the line."""
    inner: defaultdict[Place, Seconds] = field(default_factory=lambda: defaultdict(float))
    """Seconds by the innermost place that the line had led to."""


class Sampler:
    """Looks at a thread when it is told to, from any other thread; it starts nothing."""

    def __init__(self) -> None:
        """Nothing has been seen."""
        # Without a GIL the watched thread runs on while its frames are read, which the interpreter does not protect.
        gil = getattr(sys, "_is_gil_enabled", lambda: True)()
        self._frames = gil and hasattr(sys, "_current_frames") and sys.version_info >= FRAMES_LAST
        self._dumps = gil and not self._frames and sys.implementation.name == "cpython" and hasattr(os, "memfd_create")
        self._lines: dict[tuple[str, int], _Line] = {}
        self._asked = 0
        self._looks = 0
        self._seconds: Seconds = 0.0
        self._skipped_s: Seconds = 0.0
        self._kinds: dict[str, str] = {}

    def look(self, thread_id: int, *, waiting: bool, seconds: Seconds = 1.0) -> None:
        """See where the thread is now; the look stands for ``seconds``, in which it mostly waited or computed."""
        if self._frames:
            found = self._own_frame(thread_id)
        elif self._dumps and self._is_due():
            found = self._own_lines(stack_of(thread_id))
            seconds, self._skipped_s = seconds + self._skipped_s, 0.0
        else:
            self._skipped_s += seconds
            return
        if found is None:
            return
        own, inner = found
        self._looks += 1
        self._seconds += seconds
        seen = self._lines.get(own[:2])
        if seen is None:
            seen = self._lines[own[:2]] = _Line()
        seen.seconds += seconds
        seen.waited_s += seconds if waiting else 0.0
        seen.own[own] += seconds
        seen.inner[inner] += seconds

    def hot(self) -> Hot | None:
        """Give the line that took most of the time; None with too few looks."""
        lines = [*self._lines.items()]  # at once: the watching thread may add one meanwhile
        if self._looks < LEAST_LOOKS or self._seconds <= 0:
            return None
        (file, number), line = max(lines, key=lambda each: each[1].seconds)
        _, _, name, code, _ = _most(line.own)
        return Hot(
            file=file,
            line=number,
            function=code.co_qualname if code is not None else name,
            callee=_callee(line),
            share=min(1.0, line.seconds / self._seconds),
            waiting_share=min(1.0, line.waited_s / self._seconds),
            samples=self._looks,
        )

    def _is_due(self) -> bool:
        self._asked += 1
        return 1 < self._asked <= ALL_UP_TO or (self._asked > 1 and not self._asked & (self._asked - 1))

    def _own_frame(self, thread_id: int) -> tuple[Place, Place] | None:
        """Walk out to the first frame of the user's own; where all is a library's, the innermost stands for it.

        None where the thread is not in the user's function, but in what we do between two calls.
        """
        innermost = frame = sys._current_frames().get(thread_id)  # noqa: SLF001 - documented, for this use
        for _ in range(MOST_FRAMES):
            if frame is None or innermost is None:
                return None
            kind = self._kind(frame.f_code.co_filename)
            if kind == "own":
                return _place(frame), _place(innermost)
            if kind != "library":
                both = kind == "caller" and frame is not innermost
                return (_place(innermost), _place(innermost)) if both else None
            frame = frame.f_back
        return None

    def _own_lines(self, stack: list[Place]) -> tuple[Place, Place] | None:
        """Do the same with what was read of a stack."""
        for depth, place in enumerate(stack):
            kind = self._kind(place[0])
            if kind == "own":
                return place, stack[0]
            if kind != "library":
                return (stack[0], stack[0]) if kind == "caller" and depth else None
        return None

    def _kind(self, file: str) -> str:
        kind = self._kinds.get(file)
        if kind is None:
            kind = self._kinds[file] = kind_of(file)
        return kind


def _place(frame: FrameType) -> Place:
    code = frame.f_code
    return code.co_filename, frame.f_lineno or code.co_firstlineno, code.co_name, code, frame.f_lasti


def stack_of(thread_id: int) -> list[Place]:
    """Read the stack of a thread, innermost first, without a frame object; nothing where it is not to be seen.

    The form is faulthandler's: ``Thread 0x… (most recent call first):``, then ``  File "…", line 5 in name``.
    """
    import faulthandler  # noqa: PLC0415 - in CPython 3.11 only

    file = os.memfd_create("poolwise")
    try:
        faulthandler.dump_traceback(file, all_threads=True)
        told = os.pread(file, os.lseek(file, 0, os.SEEK_CUR), 0).decode("ascii", errors="replace")
    finally:
        os.close(file)
    _, header, rest = told.partition(f"hread 0x{thread_id:016x} ")
    stack: list[Place] = []
    for line in rest.split("\n\n", 1)[0].splitlines()[1 : 1 + MOST_FRAMES] if header else ():
        path, quote, where = line.removeprefix('  File "').rpartition('", line ')
        number, _, name = where.partition(" in ")
        if not (quote and number.isdigit()):
            # "  ..." after as many frames as it tells.
            break
        stack.append((_unescaped(path), int(number), name, None, -1))
    return stack


def _unescaped(path: str) -> str:
    r"""Give a name whose letters beyond ASCII were written as ``\xe4`` or ``\u20ac``."""
    return path.encode("ascii").decode("unicode_escape") if "\\" in path and os.sep == "/" else path


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


def _most(places: dict[Place, Seconds]) -> Place:
    return max(places, key=lambda each: places[each])


def _callee(line: _Line) -> str:
    """Say what the line had called, most of the time: by name, or "" where it computed by itself."""
    own = _most(line.own)
    names: defaultdict[str, Seconds] = defaultdict(float)
    for inner, seconds in line.inner.items():
        # Seen between two calls, the line computes by itself, and a function that it had called is known by its name.
        same = (inner[0], inner[2]) == (own[0], own[2])
        names[_called(inner) or ("" if same else inner[2])] += seconds
    name = max(names, key=lambda each: names[each])
    return name if names[name] >= MOSTLY * line.seconds else _called(own)


def _called(place: Place) -> str:
    file, number, _, code, offset = place
    return called_at(code, offset) if code is not None else called_on(file, number)


def called_on(file: str, number: int) -> str:
    """Name what a line calls last, where nothing more than the line is known: "get" of ``session.get(url(1))``."""
    import ast  # noqa: PLC0415 - it takes 5 ms
    import linecache  # noqa: PLC0415 - it imports tokenize, 2 ms

    text = linecache.getline(file, number).strip()
    for whole in (text, f"{text} pass", f"try: pass\n{text} pass", f"if 1: pass\n{text} pass"):
        try:
            tree = ast.parse(whole)
        except (SyntaxError, ValueError):
            continue
        # From the outermost inwards: that is called when those within have come back.
        return next((_name(each) for each in ast.walk(tree) if isinstance(each, ast.Call)), "")
    return ""


def _name(call: ast.Call) -> str:
    called = call.func
    return called.attr if hasattr(called, "attr") else getattr(called, "id", "")


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
    return _name(node) if isinstance(node, ast.Call) else ""


def _source(file: str, first: int, last: int, column: int, end: int) -> str:
    """Give the source text of an expression; its columns count bytes of UTF-8."""
    import linecache  # noqa: PLC0415 - it imports tokenize, 2 ms

    lines = [linecache.getline(file, number).encode() for number in range(first, last + 1)]
    if not lines[-1]:
        return ""
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][column:]
    return b"".join(lines).decode(errors="replace")
