"""Starting a worker process, three ways, each with one face: a ``Process`` that can be watched and ended.

* **fork**: a copy of this process. Nothing is pickled; only safe while there is no second thread.
* **spawn**: a fresh interpreter, which the job is sent to. Always safe, and takes a tenth of a second.
* **forkserver**: a fresh interpreter, once (the *nursery*), which loads the job and forks workers from itself.

Neither of the latter imports ``__main__`` again: what is defined there travels by value (cloudpickle), so that a script
needs no ``if __name__ == "__main__"`` for our workers' sake.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Protocol

from poolwise.engine import worker as worker_process
from poolwise.engine.channel import HEADER, ParentEnd, parent_side
from poolwise.engine.lifeline import Lifeline
from poolwise.engine.memory import Marks
from poolwise.engine.messages import NURSERY_REPLY, PROTOCOL
from poolwise.engine.worker import WorkerJob, pack_job
from poolwise.errors import FunctionShippingError
from poolwise.model.options import StartMethod
from poolwise.model.units import Seconds

# How often a process without a sentinel is asked whether it is still there.
ASK_EVERY_S: Seconds = 0.01


class Process(Protocol):
    """A worker process, as its supervisor sees it."""

    pid: int

    def sentinel(self) -> int | None:
        """Give a descriptor that becomes readable when the process ends; None where there is none."""
        ...

    def exit_code(self, patience_s: Seconds) -> int | None:
        """Wait for its end and give its exit code (minus the signal's number where one killed it)."""
        ...

    def kill(self) -> None:
        """End it at once."""
        ...

    def close(self) -> None:
        """Let go of what watching it took; it has ended."""
        ...


class Starter(Protocol):
    """Starts workers by one method."""

    by_fork: bool
    """Workers are copies of this process and find the items in their memory."""

    def start(self, connection: socket.socket, channel: ParentEnd, marks: Marks) -> Process:
        """Start a worker that talks over ``connection``, whose other end is ``channel``."""
        ...

    def close(self) -> None:
        """End whatever helped to start workers."""
        ...


def make_starter(method: StartMethod, job: WorkerJob, life: Lifeline) -> Starter:
    """Make the starter for a start method."""
    if method == "fork":
        return ForkStarter(job, life)
    packed = _pack_or_explain(job)
    return SpawnStarter(packed, life) if method == "spawn" else NurseryStarter(packed, life)


def _pack_or_explain(job: WorkerJob) -> tuple[object, ...]:
    try:
        return pack_job(job)
    except Exception as error:
        msg = (
            f"the function {job.job.call.name} cannot travel to another process ({type(error).__name__}: {error}). "
            "Let it take what cannot be pickled (a lock, a connection, an open file) from an initializer, "
            'or use backend="threads"'
        )
        raise FunctionShippingError(msg) from error


# --- fork ----------------------------------------------------------------------------------------------------


class ForkStarter:
    """Copies this process."""

    by_fork = True

    def __init__(self, job: WorkerJob, life: Lifeline) -> None:
        """Keep what the copies need."""
        self._job = job
        self._life = life

    def start(self, connection: socket.socket, channel: ParentEnd, marks: Marks) -> Process:
        """Fork."""
        # What is in the buffers would be written twice.
        _flush()
        with blocked_signals() as mask:
            pid = os.fork()
            if pid == 0:
                try:
                    worker_process.forked(self._job, connection, marks, self._life, mask)
                finally:
                    # Whatever happens, a child must never go on as if it were its parent.
                    os._exit(1)
        return ChildProcess(pid)

    def close(self) -> None:
        """Nothing helped."""


class ChildProcess:
    """A child of this process."""

    def __init__(self, pid: int) -> None:
        """Watch ``pid``."""
        self.pid = pid
        self._code: int | None = None
        self._sentinel = _open_pidfd(pid)
        parent_side.add(self)

    def sentinel(self) -> int | None:
        """Give a descriptor that becomes readable when the process ends; None where there is none."""
        return self._sentinel

    def exit_code(self, patience_s: Seconds) -> int | None:
        """Wait for its end and reap it."""
        deadline = time.monotonic() + patience_s
        while self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
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


def _open_pidfd(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


# --- spawn ---------------------------------------------------------------------------------------------------


class SpawnStarter:
    """Starts a fresh interpreter for each worker."""

    by_fork = False

    def __init__(self, packed_job: tuple[object, ...], life: Lifeline) -> None:
        """Keep what each is sent."""
        self._packed_job = packed_job
        self._life = life
        self._children: list[subprocess.Popen[bytes]] = []

    def start(self, connection: socket.socket, channel: ParentEnd, marks: Marks) -> Process:
        """Start an interpreter and send it the job."""
        descriptors = (connection.fileno(), marks.descriptor, self._life.worker_end)
        child = start_interpreter("poolwise.engine.worker", "spawned", descriptors)
        channel.send(self._packed_job)
        return PopenProcess(child)

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
    code = f"import sys; sys.path[:] = {sys.path!r}; from {module} import {function}; {function}({numbers})"
    # The standard library's own start methods pass the interpreter's flags (-W, -X, -I ...) on by this function too.
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001
    with blocked_signals():
        return subprocess.Popen([sys.executable, *flags, "-c", code], pass_fds=descriptors, stdin=subprocess.DEVNULL)  # noqa: S603 - our own interpreter


# --- forkserver ----------------------------------------------------------------------------------------------


class NurseryStarter:
    """Keeps one fresh interpreter that has loaded the job, and lets it fork workers."""

    by_fork = False

    def __init__(self, packed_job: tuple[object, ...], life: Lifeline) -> None:
        """Start the nursery and send it the job."""
        self._life = life
        mine, its = socket.socketpair()
        self._control = mine
        self._codes: dict[int, int] = {}
        self._replies = bytearray()
        parent_side.add(mine)
        with its:
            self._nursery = start_interpreter("poolwise.engine.nursery", "main", (its.fileno(), life.worker_end))
        body = pickle.dumps(packed_job, PROTOCOL)
        self._control.sendall(HEADER.pack(len(body)) + body)

    def start(self, connection: socket.socket, channel: ParentEnd, marks: Marks) -> Process:
        """Ask the nursery for a worker, and wait for its process number."""
        try:
            socket.send_fds(self._control, [b"F"], [connection.fileno(), marks.descriptor])
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
        self._pidfd = _open_pidfd(pid) if pid else None

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


# How long a nursery may take to end its children and itself.
PATIENCE_S: Seconds = 2.0
# The exit code of a process whose nursery is gone too.
LOST = 255


# --- for all ---------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def blocked_signals() -> Iterator[set[signal.Signals]]:
    """Hold Ctrl-C back while a process is being made, so that it cannot end in the middle of our code there."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield {each for each in mask if isinstance(each, signal.Signals)}
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
