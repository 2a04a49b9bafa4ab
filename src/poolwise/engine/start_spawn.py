"""Workers by spawn: a fresh interpreter for each."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys

from poolwise.engine.channel import Message, ParentEnd
from poolwise.engine.lifeline import Lifeline
from poolwise.engine.memory import WorkerMemory
from poolwise.engine.process import Process, blocked_signals
from poolwise.engine.start_fork import ChildProcess
from poolwise.errors import WorkerStartError
from poolwise.model.units import Seconds
from poolwise.work.executable import FROZEN, python


class SpawnStarter:
    """Starts a fresh interpreter for each worker."""

    by_fork = False

    def __init__(self, packed_job: Message, life: Lifeline) -> None:
        """Keep what each is sent."""
        self._packed_job = packed_job
        self._life = life

    def start(self, connection: socket.socket, channel: ParentEnd, memory: WorkerMemory) -> Process:
        """Start an interpreter and send it the job."""
        descriptors = (connection.fileno(), memory.descriptor, self._life.worker_end)
        child = start_interpreter("poolwise.engine.worker", "spawned", descriptors)
        channel.send(self._packed_job)
        return PopenProcess(child)

    def renew(self) -> None:
        """Nothing helps."""

    def close(self) -> None:
        """Nothing helped."""


class PopenProcess(ChildProcess):
    """A child that ``subprocess`` started; it must be asked through it, so that both agree on who has reaped it."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        """Watch ``child``."""
        super().__init__(child.pid)
        self._child = child

    def exit_code(self, patience_s: Seconds) -> int | None:
        """Wait for its end and reap it."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._code = self._child.wait(patience_s)
        return self._code


def start_interpreter(module: str, function: str, descriptors: tuple[int, ...]) -> subprocess.Popen[bytes]:
    """Start Python with our import path, the given descriptors open, and Ctrl-C blocked until it ignores it."""
    numbers = ", ".join(map(str, descriptors))
    # An import path holds strings; whatever else somebody has put there, the interpreter passes over.
    entries: list[object] = [*sys.path]
    path = [entry for entry in entries if isinstance(entry, str)]
    code = f"import sys; sys.path[:] = {path!r}; from {module} import {function}; {function}({numbers})"
    # The standard library's own start methods pass the interpreter's flags (-W, -X, -I ...) on by this function too.
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001
    # So that ``import poolwise`` there loads no more than the engine does.
    flags += ["-X", "poolwise-worker"]
    executable = python()
    if executable is None:
        raise WorkerStartError(f"a worker cannot be started in a fresh interpreter: {FROZEN}")
    with blocked_signals():
        return subprocess.Popen([executable, *flags, "-c", code], pass_fds=descriptors, stdin=subprocess.DEVNULL)  # noqa: S603 - our own interpreter
