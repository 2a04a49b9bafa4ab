"""The command as a program of its own, for the tests of this folder."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

# A watchdog, no expectation: the slowest command here takes a second or two.
PATIENCE_S = 40.0

WORK = '''\
import os, pathlib, sys, time

def double(x):
    return x + x

def picky(x):
    if x == "bad":
        raise ValueError("no " + x)
    return x

def chatty(x):
    print("hello", x)
    return x

def later(x):
    time.sleep(float(x))
    return x

def hang(x):
    """Say that it has begun, and sleep for longer than any test."""
    pathlib.Path(f"begun-{x}").touch()
    time.sleep(600)

def leave(x):
    sys.exit(3)

def interrupt(x):
    raise KeyboardInterrupt

async def wait(x):
    import asyncio
    await asyncio.sleep(0)
    return x

def deaf(x):
    pathlib.Path(f"begun-{x}").touch()
    while True:
        try:
            time.sleep(600)
        except BaseException:
            return x
'''


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, object]]:
        """Its output, line by line."""
        return [json.loads(line) for line in self.out.splitlines()]


def command(*args: str) -> list[str]:
    """Give the command line of ``poolwise args``."""
    return [sys.executable, "-m", "poolwise", *args]


def poolwise(*args: str, cwd: Path, text: str | bytes | None = None) -> Ended:
    """Run the command to its end."""
    given = text.encode() if isinstance(text, str) else text
    stdin = {"input": given} if given is not None else {"stdin": subprocess.DEVNULL}
    ended = subprocess.run(command(*args), cwd=cwd, capture_output=True, timeout=PATIENCE_S, check=False, **stdin)
    return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


@contextlib.contextmanager
def started(*args: str, cwd: Path, **options: object):
    """Start the command in a session of its own; whatever the test does, nothing of it is left."""
    child = subprocess.Popen(
        command(*args),
        cwd=cwd,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Where the tests themselves run in the background, Ctrl-C is ignored, which children inherit.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - it does nothing else
        **options,
    )
    try:
        yield child
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.communicate()


def until(condition: Callable[[], object], what: str) -> None:
    """Look until it is so; a test that waits in vain says for what."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE_S:g} s in vain until {what}"
        time.sleep(0.01)


def descendants(pid: int) -> list[psutil.Process]:
    """Give all processes below ``pid``."""
    return psutil.Process(pid).children(recursive=True)
