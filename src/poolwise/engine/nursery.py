"""The forkserver's process: it has loaded the job, once, and forks a worker whenever it is asked.

It is a fresh interpreter (``main``), or a copy of the caller's process (``copied``), which need not load anything.

It listens to nothing but the socket that it was born with, and ends when that is closed.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import time

from poolwise.engine.channel import Message, WorkerEnd, parent_side, receive_exactly
from poolwise.engine.lifeline import hold
from poolwise.engine.memory import WorkerMemory
from poolwise.engine.messages import NURSERY_REPLY
from poolwise.engine.process import ENDING
from poolwise.engine.spare import load_or_step_back
from poolwise.engine.worker import WorkerJob, become_worker, receive_job, serve_and_exit
from poolwise.model.units import Seconds
from poolwise.work import role

# Workers that were told to stop get so long before they are killed.
PATIENCE_S: Seconds = 1.0


def main(control: int, life: int) -> None:
    """Be the nursery, in a fresh interpreter."""
    role.become_worker()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
    hold(life)
    with socket.socket(fileno=control) as connection, contextlib.suppress(EOFError, OSError):
        message = receive_exactly(connection)
        Nursery(connection, life, message, load_or_step_back(lambda: receive_job(message), life)).serve()
    os._exit(0)


def copied(job: WorkerJob, connection: socket.socket, life: int, mask: set[signal.Signals]) -> None:
    """Be the nursery, in a process that was forked a moment ago; never returns.

    Most copies are never asked for anything. So they do nothing before they are: what they touch has to be copied.
    """
    with contextlib.suppress(EOFError, OSError):
        if connection.recv(1, socket.MSG_PEEK):
            become_worker(life, mask)
            # Its workers hold on to it too; the parent's own goes with all that is the parent's.
            life = os.dup(life)
            for parents in tuple(parent_side):
                parents.close()
                parent_side.discard(parents)
            Nursery(connection, life, None, job).serve()
    os._exit(0)


class Nursery:
    """Forks on request and reaps."""

    def __init__(self, connection: socket.socket, life: int, message: Message | None, job: WorkerJob | None) -> None:
        """Have the loaded job to hand on; without one, each worker loads it, or tells its supervisor why it cannot."""
        self._connection = connection
        self._life = life
        self._message = message
        self._job = job
        self._children: dict[int, int] = {}
        self._asked = 0
        self._selector = selectors.DefaultSelector()
        self._selector.register(connection, selectors.EVENT_READ)

    def serve(self) -> None:
        """Fork and reap until the connection is closed."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._connection:
                    if not self._fork_on_request():
                        self._end()
                        return
                else:
                    self._reap(int(key.fd))

    def _fork_on_request(self) -> bool:
        request, descriptors, _, _ = socket.recv_fds(self._connection, 1, 2)
        if not request:
            return False
        connection, memory = descriptors
        self._asked += 1
        pid = os.fork()
        if pid == 0:
            self._become_worker(connection, memory)
        os.close(connection)
        os.close(memory)
        pidfd = os.pidfd_open(pid)
        self._children[pidfd] = pid
        self._selector.register(pidfd, selectors.EVENT_READ)
        self._tell_birth(pid)
        return True

    def _become_worker(self, connection: int, memory: int) -> None:
        hold(self._life)
        # Told by both: here, so that it is known before the worker is ready; there, should it die at once.
        with contextlib.suppress(OSError):
            self._tell_birth(os.getpid())
        self._selector.close()
        self._connection.close()
        for pidfd in self._children:
            os.close(pidfd)
        serve_and_exit(
            self._get_job,
            WorkerEnd(socket.socket(fileno=connection)),
            WorkerMemory(memory, parent=False),
        )

    def _get_job(self) -> WorkerJob:
        if self._job is not None:
            return self._job
        assert self._message is not None  # noqa: S101 - who has not loaded it has its message; for the type checker
        return receive_job(self._message)

    def _tell_birth(self, pid: int) -> None:
        self._connection.sendall(NURSERY_REPLY.pack(b"P", pid, self._asked))

    def _reap(self, pidfd: int) -> None:
        pid = self._children.pop(pidfd)
        self._selector.unregister(pidfd)
        os.close(pidfd)
        _, status = os.waitpid(pid, 0)
        with contextlib.suppress(OSError):
            self._connection.sendall(NURSERY_REPLY.pack(b"X", pid, os.waitstatus_to_exitcode(status)))

    def _end(self) -> None:
        """Let the children end, and kill those that do not."""
        self._selector.unregister(self._connection)
        deadline = time.monotonic() + PATIENCE_S
        while self._children and (left := deadline - time.monotonic()) > 0:
            for key, _ in self._selector.select(left):
                self._reap(int(key.fd))
        for pid in self._children.values():
            os.kill(pid, signal.SIGKILL)
