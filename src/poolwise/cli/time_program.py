"""Runs a program as ``python script.py`` or ``python -m module`` would, in a process that does nothing else.

``cli/time.py`` starts this file by its path, as ``time_program.py FIGURES [-m] PROGRAM ARGUMENT…``, and measures the
process from outside. From inside come only the GIL, and when the program itself began: written to the file FIGURES,
which both processes map, so that they are there however this one ends.
"""

from __future__ import annotations

import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    # The folder of this file is no place to import from: it has a ``map`` and a ``time``.
    sys.path.pop(0)

import atexit
import builtins
import io
import mmap
import os
import struct
import time
from importlib.machinery import SourceFileLoader, SourcelessFileLoader
from types import CodeType, ModuleType, TracebackType
from typing import NamedTuple

MAIN_THREAD = "/proc/self/schedstat"
# Where the program ended before it began, all is zero.
FORM = struct.Struct("8d")


class Figures(NamedTuple):
    """What the file holds: beginning and end on the monotonic clock, CPU used by then and by the last look, the GIL."""

    begun: float = 0.0
    ended: float = 0.0
    """0 where it ended in the middle, by a signal or os._exit."""
    cpu_begun_s: float = 0.0
    cpu_s: float = 0.0
    held_s: float = 0.0
    seen_s: float = 0.0
    meter_s: float = 0.0
    queued_s: float = 0.0
    """Time since the beginning for which the main thread was ready and had no core."""


def read_figures(path: str) -> Figures:
    """Read the file."""
    with open(path, "rb") as file:  # noqa: PTH123 - pathlib would be one more import in the user's program
        return Figures(*FORM.unpack(file.read(FORM.size)))


def main(figures: str, program: list[str]) -> None:
    """Run the program; what it raises ends the interpreter as it would have without us."""
    measure(figures)
    if program[0] == "-m":
        run_module(program[1:])
    else:
        run_file(program)


def measure(path: str) -> None:
    """Begin to look at the GIL, and to write down what is seen."""
    from poolwise.measure.gil_meter import GilMeter, Reading  # noqa: PLC0415 - the path is set by now
    from poolwise.work.proc import queued_s  # noqa: PLC0415 - see above

    with open(path, "r+b") as file:  # noqa: PTH123 - see above
        page = mmap.mmap(file.fileno(), FORM.size)
    home = os.getpid()

    def write(sums: Reading, ended: float = 0.0) -> None:
        waited_s = queued_s(MAIN_THREAD) - queued_begun_s
        FORM.pack_into(page, 0, begun, ended, cpu_begun_s, time.process_time(), *sums, waited_s)

    def end() -> None:
        if os.getpid() == home:
            # Not in a child that the program has forked. What follows is the interpreter's own end.
            meter.leave()
            write(meter.reading(), time.monotonic())

    atexit.register(end)
    meter = GilMeter(write)
    queued_begun_s = queued_s(MAIN_THREAD)
    begun, cpu_begun_s = time.monotonic(), time.process_time()
    write(Reading())
    meter.enter()


def run_module(program: list[str]) -> None:
    """Run ``python -m``, which is written in Python itself."""
    import runpy  # noqa: PLC0415 - as Python does it

    sys.argv[:] = ["-m", *program[1:]]
    _put_first(os.getcwd())  # noqa: PTH109 - as Python does it
    _fresh_main()
    with _Unseen():
        runpy._run_module_as_main(program[0])  # type: ignore[attr-defined]  # noqa: SLF001 - what Python itself calls


def run_file(program: list[str]) -> None:
    """Run a script, or the ``__main__`` of a folder or an archive."""
    script = program[0]
    sys.argv[:] = program
    loader = SourcelessFileLoader if script.endswith(".pyc") else SourceFileLoader
    if os.path.isdir(script) or _is_archive(script):  # noqa: PTH112 - pathlib would be one more import
        import runpy  # noqa: PLC0415 - as Python does it

        # Also where imports are to be safe: a folder that was named is meant.
        sys.path.insert(0, os.path.abspath(script))  # noqa: PTH100 - see above
        _fresh_main()
        with _Unseen():
            runpy._run_module_as_main("__main__", alter_argv=False)  # type: ignore[attr-defined]  # noqa: SLF001 - see above
        return
    _put_first(os.path.dirname(os.path.realpath(script)))  # noqa: PTH120 - see above
    file = os.path.abspath(script)  # noqa: PTH100 - see above
    space = _fresh_main(__file__=file, __cached__=None, __loader__=loader("__main__", file))
    with _Unseen():
        exec(_code(file), space)  # noqa: S102 - to run it is what we are for


def _code(file: str) -> CodeType:
    if file.endswith(".pyc"):
        code = SourcelessFileLoader("__main__", file).get_code("__main__")
        if code is not None:
            return code
    with io.open_code(file) as source:
        return compile(source.read(), file, "exec", dont_inherit=True)


def _is_archive(file: str) -> bool:
    if file.endswith((".py", ".pyc")):
        return False
    import zipfile  # noqa: PLC0415 - few programs are one

    return zipfile.is_zipfile(file)


def _put_first(folder: str) -> None:
    if not sys.flags.safe_path:
        sys.path.insert(0, folder)


def _fresh_main(**names: object) -> dict[str, object]:
    """Put a new ``__main__`` in our own's place, with the names that Python gives it."""
    module = ModuleType("__main__")
    sys.modules["__main__"] = module
    space = vars(module)
    space.update({"__builtins__": builtins, "__spec__": None, "__package__": None, **names})
    if sys.version_info < (3, 14):
        space["__annotations__"] = {}
    return space


class _Unseen:
    """What is raised within is shown without our frames, by the hook of the program's own if it has one."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None or error is None or isinstance(error, SystemExit):
            return
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        sys.excepthook(kind, error.with_traceback(trace), trace)
        # It goes on to the interpreter, which ends as it always does (a Ctrl-C by its signal), and has no more to say.
        sys.excepthook = lambda *_: None


if __name__ == "__main__":
    _figures, *_program = sys.argv[1:]
    sys.orig_argv[:] = [*sys.orig_argv[: sys.orig_argv.index(__file__)], *_program]
    # What was started is not yet seen as part of the package.
    _root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))  # noqa: PTH120 - see above
    sys.path.insert(0, _root)
    import poolwise as _poolwise  # noqa: F401

    sys.path.remove(_root)
    main(_figures, _program)
