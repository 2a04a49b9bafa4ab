"""``poolwise time``: run a program as Python would, and say what it cost and what kind of work it was.

The program has a process of its own, in which nothing is different for it (``time_program.py``), and is measured from
here: so is what it leaves running, and what it did before it was killed. Rejected: to run it in this process, whose
signal handlers, modules and command line it would find.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from poolwise.api.timer import make_timing, tell
from poolwise.cli import time_program
from poolwise.cli.output import write_file
from poolwise.cli.time_program import FORM, Figures, read_figures
from poolwise.errors import TargetError
from poolwise.measure.gil_meter import Reading
from poolwise.measure.usage import UsageClock
from poolwise.measure.watcher import Watcher
from poolwise.model.classes import replace
from poolwise.model.timing import Timing
from poolwise.model.units import Seconds
from poolwise.model.usage import Usage
from poolwise.work.proc import process_cpu_s

DESCRIPTION = """\
Runs a program as `python script.py` or `python -m module` would, and says on standard error what it has cost, its
child processes included, and what kind of work it was. The start and end of the interpreter are not counted. The exit
code is the program's own; 128 + N where signal N has ended it."""
EPILOG = """\
examples:
  poolwise time script.py --its --own=options
  poolwise time --json timing.json -m package.module argument
"""
# Everything behind the program's name is the program's.
PASSES_ON = True
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say which arguments ``time`` takes."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.usage = f"{parser.prog} [-h] [--json FILE] [-m] PROGRAM [ARGUMENT …]"
    parser.add_argument("--json", metavar="FILE", help="write the timing as JSON to FILE too")
    parser.add_argument("-m", action="store_true", dest="is_module", help="PROGRAM is the name of a module")
    parser.add_argument("program", metavar="PROGRAM", help="a script, a folder or an archive with a __main__.py")
    passed_on = parser.add_argument("arguments", metavar="ARGUMENT", nargs=argparse.REMAINDER, help="the program's own")
    # Or else argparse says of a missing program that its arguments are missing, too.
    passed_on.required = False


def run(arguments: argparse.Namespace) -> int:
    """Run the program, tell its timing, and give its exit code."""
    if not arguments.is_module and not Path(arguments.program).exists():
        raise TargetError(f"there is no file {arguments.program!r}; for a module write -m before its name")
    if arguments.json is not None:
        write_file(arguments.json, "")
    ended, timing = time_run([*(["-m"] if arguments.is_module else []), arguments.program, *arguments.arguments])
    tell(timing)
    if arguments.json is not None:
        write_file(arguments.json, json.dumps(timing.to_dict(), indent=2) + "\n")
    return ended if ended >= 0 else 128 - ended


class _Last(NamedTuple):
    """What the system told of a process that had ended, before it was waited for."""

    at: Seconds
    cpu_s: Seconds


def time_run(program: list[str]) -> tuple[int, Timing]:
    """Run a program to its end; give how it ended, as ``subprocess`` does, and what it has cost."""
    descriptor, path = tempfile.mkstemp(prefix="poolwise-")
    try:
        os.write(descriptor, bytes(FORM.size))
        os.close(descriptor)
        with Watcher(with_root=False) as watch, UsageClock(watch=watch) as clock:
            process = subprocess.Popen(_command(path, program))  # noqa: S603 - the user's own program
            with _passed_on(process):
                last = _wait(process)
        figures = read_figures(path)
    finally:
        Path(path).unlink()
    code = process.returncode
    label = " ".join(program[:2] if program[0] == "-m" else program[:1])
    sums = Reading(figures.held_s, figures.seen_s, figures.meter_s)
    usage = _usage(clock.usage(), figures, last)
    return code, make_timing(label, usage, (Reading(), sums), thread_queued_s=figures.queued_s, failed=_failure(code))


def _command(path: str, program: list[str]) -> list[str]:
    # What this interpreter was started with (-X dev, -W error) is meant for the program.
    flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001 - multiprocessing's way
    return [sys.executable, *flags, time_program.__file__, path, *program]


def _wait(process: subprocess.Popen[bytes]) -> _Last:
    """Wait for the end, and see what only those that were not waited for yet still tell."""
    if sys.platform != "linux":
        process.wait()
        return _Last(time.monotonic(), 0.0)
    with suppress(ChildProcessError):
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    last = _Last(time.monotonic(), process_cpu_s(process.pid))
    process.wait()
    return last


def _usage(seen: Usage, figures: Figures, last: _Last) -> Usage:
    """Tell the program from its children; leave out the start and end of its interpreter, and all of this process."""
    children_s = seen.cpu_children_s - max(figures.cpu_s, last.cpu_s)
    own_s = figures.cpu_s if figures.ended else max(figures.cpu_s, last.cpu_s)
    wall_s = (figures.ended or last.at) - figures.begun if figures.begun else seen.wall_s
    return replace(
        seen,
        wall_s=wall_s,
        cpu_own_s=max(0.0, own_s - figures.cpu_begun_s),
        cpu_children_s=children_s if children_s > _STEP_S else 0.0,
    )


# The clocks of the program and of all its family are two; below this their difference is no child.
_STEP_S: Seconds = 0.001


def _failure(code: int) -> str | None:
    if code < 0:
        with suppress(ValueError):
            return f"ended by {signal.Signals(-code).name}"
        return f"ended by signal {-code}"
    return f"exit code {code}" if code else None


@contextmanager
def _passed_on(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Pass on what we are told to do: the program decides what becomes of it, and when."""

    def hear(number: int, _frame: FrameType | None) -> None:
        # Ctrl-C in a terminal is told to everybody in it by the terminal.
        if not (number == signal.SIGINT and _is_in_front()):
            with suppress(OSError):
                process.send_signal(number)

    before = {each: signal.signal(each, hear) for each in SIGNALS if signal.getsignal(each) != signal.SIG_IGN}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _is_in_front() -> bool:
    """Tell whether we are what a terminal runs now."""
    if sys.platform == "win32":
        return True
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
