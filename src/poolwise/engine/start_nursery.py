"""Workers by forkserver: one fresh interpreter, the nursery, forks them when asked."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time

from poolwise.engine.channel import Message, ParentEnd, frame, parent_side
from poolwise.engine.lifeline import Lifeline
from poolwise.engine.memory import WorkerMemory
from poolwise.engine.messages import NURSERY_REPLY
from poolwise.engine.process import Process
from poolwise.engine.start_fork import open_pidfd
from poolwise.engine.start_spawn import start_interpreter
from poolwise.model.units import Seconds

# How long a nursery may take to end its children and itself.
PATIENCE_S: Seconds = 2.0
# The exit code of a process whose nursery is gone too.
LOST = 255


class NurseryStarter:
    """Keeps one fresh interpreter that has loaded the job, and lets it fork workers."""

    by_fork = False

    def __init__(self, packed_job: Message, life: Lifeline) -> None:
        """Start the nursery and send it the job."""
        self._life = life
        mine, its = socket.socketpair()
        self._control = mine
        self._codes: dict[int, int] = {}
        self._replies = bytearray()
        parent_side.add(mine)
        with its:
            self._nursery = start_interpreter("poolwise.engine.nursery", "main", (its.fileno(), life.worker_end))
        # A nursery that is gone already is told by the first worker that it cannot start.
        with contextlib.suppress(OSError):
            self._control.sendall(b"".join(frame(packed_job)))

    def start(self, connection: socket.socket, channel: ParentEnd, memory: WorkerMemory) -> Process:
        """Ask the nursery for a worker, and wait for its process number."""
        try:
            socket.send_fds(self._control, [b"F"], [connection.fileno(), memory.descriptor])
            pid = self._reply()
        except (OSError, EOFError):
            pid = 0
        return NurseryProcess(self, pid)

    def exit_code(self, pid: int, patience_s: Seconds) -> int | None:
        """Wait until the nursery has told how one of its children ended."""
        deadline = time.monotonic() + patience_s
        while pid not in self._codes:
            self._control.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                self._read()
            except TimeoutError:
                return None
            except (OSError, EOFError):
                return self._codes.get(pid, LOST)
        return self._codes[pid]

    def close(self) -> None:
        """End the nursery, which ends its children."""
        self._control.close()
        try:
            self._nursery.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._nursery.kill()
            self._nursery.wait()

    def _reply(self) -> int:
        """Read until a process number has come; exit codes that come before it are kept."""
        self._control.settimeout(None)
        while True:
            pid = self._read()
            if pid is not None:
                return pid

    def _read(self) -> int | None:
        """Read one reply: a started process's number, or (told as None) a process that has ended."""
        while len(self._replies) < NURSERY_REPLY.size:
            more = self._control.recv(NURSERY_REPLY.size - len(self._replies))
            if not more:
                raise EOFError
            self._replies += more
        kind, pid, code = NURSERY_REPLY.unpack(self._replies)
        self._replies.clear()
        if kind == b"P":
            return int(pid)
        self._codes[pid] = code
        return None


class NurseryProcess:
    """A child of the nursery."""

    def __init__(self, nursery: NurseryStarter, pid: int) -> None:
        """Watch ``pid``."""
        self.pid = pid
        self._nursery = nursery
        self._pidfd = open_pidfd(pid) if pid else None

    def sentinel(self) -> int | None:
        """Give a descriptor that becomes readable when the process ends; None where there is none."""
        return self._pidfd

    def exit_code(self, patience_s: Seconds) -> int | None:
        """Wait until the nursery has told its exit code."""
        return self._nursery.exit_code(self.pid, patience_s)

    def kill(self) -> None:
        """End it at once; through its descriptor, since the nursery may have reaped it and its number be another's."""
        with contextlib.suppress(ProcessLookupError):
            if self._pidfd is not None:
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            elif self.pid:
                os.kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Close the descriptor."""
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
