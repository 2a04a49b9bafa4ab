"""Workers by fork: copies of this process."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import time

from poolwise.engine import worker as worker_process
from poolwise.engine.channel import ParentEnd, parent_side
from poolwise.engine.deaths import UNKNOWN_CODE
from poolwise.engine.lifeline import Lifeline
from poolwise.engine.memory import WorkerMemory
from poolwise.engine.process import Process, blocked_signals
from poolwise.engine.worker import WorkerJob
from poolwise.model.units import Seconds

# How often a process without a sentinel is asked whether it is still there.
ASK_EVERY_S: Seconds = 0.01


class ForkStarter:
    """Copies this process."""

    by_fork = True

    def __init__(self, job: WorkerJob, life: Lifeline) -> None:
        """Keep what the copies need."""
        self._job = job
        self._life = life

    def start(self, connection: socket.socket, channel: ParentEnd, memory: WorkerMemory) -> Process:
        """Fork."""
        # What is in the buffers would be written twice.
        flush_streams()
        with blocked_signals() as mask:
            pid = os.fork()
            if pid == 0:
                try:
                    worker_process.forked(self._job, connection, memory, self._life, mask)
                finally:
                    # Whatever happens, a child must never go on as if it were its parent.
                    os._exit(1)
        return ChildProcess(pid)

    def renew(self) -> None:
        """Nothing is loaded but what is loaded here."""

    def close(self) -> None:
        """Nothing helped."""


class ChildProcess:
    """A child of this process."""

    def __init__(self, pid: int) -> None:
        """Watch ``pid``."""
        self.pid = pid
        self._code: int | None = None
        self._sentinel = open_pidfd(pid)
        parent_side.add(self)

    def sentinel(self) -> int | None:
        """Give a descriptor that becomes readable when the process ends; None where there is none."""
        return self._sentinel

    def exit_code(self, patience_s: Seconds) -> int | None:
        """Wait for its end and reap it."""
        deadline = time.monotonic() + patience_s
        while self._code is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                # The program reaps children by itself (SIGCHLD ignored, or a handler of its own) and got it first.
                self._code = UNKNOWN_CODE
                break
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
            elif not self._wait(deadline):
                break
        return self._code

    def kill(self) -> None:
        """End it at once; not reaped yet, its pid is still its own."""
        if self._code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Close the descriptor."""
        if self._sentinel is not None:
            os.close(self._sentinel)
            self._sentinel = None

    def _wait(self, deadline: Seconds) -> bool:
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        if self._sentinel is None:
            time.sleep(min(left, ASK_EVERY_S))
        else:
            select.select([self._sentinel], [], [], left) if self._sentinel < FD_SETSIZE else time.sleep(ASK_EVERY_S)
        return True


# select() cannot watch descriptors from here on.
FD_SETSIZE = 1024


def open_pidfd(pid: int) -> int | None:
    """Give a descriptor for a process, which stays true when its number is used again; None where there are none."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def flush_streams() -> None:
    """Write out what is in the standard streams' buffers; whatever they are."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
