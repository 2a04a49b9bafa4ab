"""Programs of their own, run as a user would run them: for what cannot be tried inside the test's process."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

# A hang fails long after anything that works has ended.
WATCHDOG_S = 40


def run_program(folder: Path, source: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``source`` as a script and give what came of it."""
    script = write(folder, source)
    return subprocess.run(
        [sys.executable, str(script), *arguments], capture_output=True, text=True, timeout=WATCHDOG_S, check=False
    )


def write(folder: Path, source: str, name: str = "program.py") -> Path:
    """Write a script into ``folder``."""
    script = folder / name
    script.write_text(textwrap.dedent(source))
    return script


@contextmanager
def running_program(folder: Path, source: str) -> Iterator[subprocess.Popen[str]]:
    """Start ``source`` in a process group of its own; whatever is left of it is ended at the end."""
    program = subprocess.Popen(
        [sys.executable, str(write(folder, source))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield program
    finally:
        for process in [*descendants(program.pid), program]:
            try:
                process.send_signal(signal.SIGKILL)
            except (ProcessLookupError, psutil.NoSuchProcess):
                continue
        program.communicate(timeout=WATCHDOG_S)


def descendants(pid: int) -> list[psutil.Process]:
    """List the processes below ``pid`` that live."""
    try:
        return [each for each in psutil.Process(pid).children(recursive=True) if lives(each)]
    except psutil.NoSuchProcess:
        return []


def lives(process: psutil.Process) -> bool:
    """Tell whether a process does anything any more: in a container nobody may reap an orphan."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(true: Callable[[], bool], what: str, within_s: float = WATCHDOG_S) -> None:
    """Poll until ``true()``; fail with ``what`` after the watchdog's time."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, f"after {within_s} s still not: {what}"
        time.sleep(0.01)


def files_in(folder: Path, pattern: str) -> list[Path]:
    """List files by a pattern."""
    return list(folder.glob(pattern))
