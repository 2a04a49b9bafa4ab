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

from poolwise.measure.free_threading import gil_stays
from poolwise.model.classes import field, mutable
from poolwise.model.profile import Hot
from poolwise.model.units import Bytes, Seconds

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
# Where they cannot, a look is due after so long, which the shortest work ends before; then after as long again, and
# each time after that twice as long.
FIRST_DUE_S: Seconds = 0.001
# A stack of a hundred frames takes some 10 kB; so much holds all that are due in an hour.
MOST_BYTES: Bytes = 1 << 20

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
        gil = gil_stays()
        self._frames = gil and hasattr(sys, "_current_frames") and sys.version_info >= FRAMES_LAST
        self._dumps = gil and not self._frames and sys.implementation.name == "cpython" and hasattr(os, "memfd_create")
        self._lines: dict[tuple[str, int], _Line] = {}
        self._due_s: Seconds = FIRST_DUE_S
        self._stacks: Stacks | None = None
        self._looks = 0
        self._seconds: Seconds = 0.0
        self._skipped_s: Seconds = 0.0
        self._kinds: dict[str, str] = {}

    def look(self, thread_id: int, *, waiting: bool, seconds: Seconds = 1.0) -> None:
        """See where the thread is now; the look stands for ``seconds``, in which it mostly waited or computed."""
        if self._frames:
            found = self._own_frame(thread_id)
        else:
            self._skipped_s += seconds
            if not self._dumps or self._skipped_s < self._due_s:
                return
            if self._stacks is None:
                try:
                    self._stacks = Stacks()
                except OSError:
                    # No file can be had: the line will not be known.
                    self._dumps = False
                    return
            found = self._own_lines(self._stacks.of(thread_id))
            seconds, self._skipped_s = self._skipped_s, 0.0
            self._due_s = self._due_s * 2 if self._looks else self._due_s
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

    def rest(self) -> None:
        """Hold nothing that would have to be closed; it may look again."""
        stacks, self._stacks = self._stacks, None
        if stacks is not None:
            stacks.close()

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


class Stacks:
    """Reads stacks of other threads without a frame object, and without letting the GIL go meanwhile.

    They are written into a file in memory, one behind the other, which this process sees as memory.
    """

    def __init__(self) -> None:
        """Make the file."""
        import mmap  # noqa: PLC0415 - in CPython 3.11 only

        # A file object, so that Python tells where one is forgotten.
        self._file = os.fdopen(os.memfd_create("stacks-of-poolwise"), "wb", buffering=0)
        try:
            self._file.truncate(MOST_BYTES)
            self._seen = mmap.mmap(self._file.fileno(), MOST_BYTES, prot=mmap.PROT_READ)
        except BaseException:
            self._file.close()
            raise
        self._end = 0

    def of(self, thread_id: int) -> list[Place]:
        """Give the stack of a thread, innermost first; nothing where it is not to be seen.

        The form is faulthandler's: ``Thread 0x… (most recent call first):``, then ``  File "…", line 5 in name``.
        """
        import faulthandler  # noqa: PLC0415 - in CPython 3.11 only

        if self._end > MOST_BYTES // 2:
            return []
        begin = self._end
        faulthandler.dump_traceback(self._file.fileno(), all_threads=True)
        self._end = self._seen.find(b"\0", begin)
        if self._end < 0:
            # More than there was room for; it is not known where it ends.
            self._end = MOST_BYTES
            return []
        _, header, rest = self._seen[begin : self._end].partition(b"hread 0x%016x " % thread_id)
        stack: list[Place] = []
        for line in rest.split(b"\n\n", 1)[0].splitlines()[1 : 1 + MOST_FRAMES] if header else ():
            path, quote, where = line.removeprefix(b'  File "').rpartition(b'", line ')
            number, _, name = where.partition(b" in ")
            if not (quote and number.isdigit()):
                # "  ..." after as many frames as it tells.
                break
            stack.append((_unescaped(path), int(number), _unescaped(name), None, -1))
        return stack

    def close(self) -> None:
        """Let the file go."""
        self._seen.close()
        self._file.close()


def _unescaped(name: bytes) -> str:
    r"""Give a name whose letters beyond ASCII were written as ``\xe4`` or ``\u20ac``."""
    return name.decode("unicode_escape" if b"\\" in name else "ascii")


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
    file, number, function, code, offset = place
    return called_at(code, offset) if code is not None else called_on(file, number, function)


# Functions without a name of their own, and what they are in the source.
NAMELESS = {
    "<lambda>": "Lambda",
    "<listcomp>": "ListComp",
    "<setcomp>": "SetComp",
    "<dictcomp>": "DictComp",
    "<genexpr>": "GeneratorExp",
}


def called_on(file: str, number: int, function: str) -> str:
    """Name what a line of a function calls last, where no more is known: "get" of ``session.get(url(1))``."""
    import ast  # noqa: PLC0415 - it takes 5 ms
    import linecache  # noqa: PLC0415 - it imports tokenize, 2 ms

    text = linecache.getline(file, number).strip()
    for whole in (text, f"{text} pass", f"try: pass\n{text} pass", f"if 1: pass\n{text} pass"):
        try:
            tree = ast.parse(whole)
        except (SyntaxError, ValueError):
            continue
        kind = NAMELESS.get(function, "Module")
        within = next((each for each in ast.walk(tree) if type(each).__name__ == kind), tree)
        # From the outermost inwards: that is called when those within have come back.
        return next((_name(each) for each in ast.walk(within) if isinstance(each, ast.Call)), "")
    return ""


def _name(call: ast.Call) -> str:
    import ast  # noqa: PLC0415 - it takes 5 ms

    called = call.func
    return called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""


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
