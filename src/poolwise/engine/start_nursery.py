"""Workers by forkserver: one fresh interpreter, the nursery, forks them when asked.

Nothing here waits for the nursery, which may be importing for as long as it pleases, be stopped, or be dead: a worker
is asked for, and its process number is known once it says that it is ready. Until then the nursery stands for it:
its end is the worker's, and who ends the worker ends the nursery. The next worker gets a new nursery then.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time

from poolwise.engine.channel import Message, ParentEnd, frame, parent_side
from poolwise.engine.deaths import UNKNOWN_CODE
from poolwise.engine.lifeline import Lifeline
from poolwise.engine.memory import WorkerMemory
from poolwise.engine.messages import NURSERY_REPLY
from poolwise.engine.process import Process
from poolwise.engine.start_fork import ChildProcess, open_pidfd
from poolwise.model.units import Seconds

# A nursery that has been killed is gone well within this.
GONE_S: Seconds = 1.0
# What a nursery did not tell within a moment of closing its socket, it will never tell.
LAST_WORDS_S: Seconds = 0.05


class NurseryStarter:
    """Keeps one fresh interpreter that has loaded the job, and lets it fork workers."""

    by_fork = False

    def __init__(self, packed_job: Message, life: Lifeline) -> None:
        """Start the nursery and send it the job."""
        self._packed_job = packed_job
        self._life = life
        self._nursery = fresh_nursery(packed_job, life)
        self._former: list[NurseryProcess] = []

    def start(self, connection: socket.socket, channel: ParentEnd, memory: WorkerMemory) -> Process:
        """Ask the nursery for a worker; one that is gone has its place taken."""
        if self._nursery.is_gone():
            self.renew()
        return self._nursery.fork(connection, memory)

    def renew(self) -> None:
        """Put another in the nursery's place. Its children live on, and are watched through their own descriptors."""
        self._former.append(self._nursery)
        self._nursery = fresh_nursery(self._packed_job, self._life)

    def close(self) -> None:
        """End the nursery. Its children have ended before, and it keeps nothing that could be lost."""
        for nursery in (*self._former, self._nursery):
            nursery.end()


def fresh_nursery(packed_job: Message, life: Lifeline) -> NurseryProcess:
    """Start a nursery in a fresh interpreter and send it the job."""
    from poolwise.engine.start_spawn import PopenProcess, start_interpreter  # noqa: PLC0415 - it needs subprocess, 5 ms

    control, its = socket.socketpair()
    parent_side.add(control)
    with its:
        child = start_interpreter("poolwise.engine.nursery", "main", (its.fileno(), life.worker_end))
    # One that is gone already is noticed when its worker's channel ends.
    with contextlib.suppress(OSError):
        control.sendall(b"".join(frame(packed_job)))
    return NurseryProcess(PopenProcess(child), control)


class NurseryProcess:
    """One nursery: its process, and the socket on which it is asked and answers."""

    def __init__(self, process: ChildProcess, control: socket.socket) -> None:
        """Talk to it over ``control``."""
        self.process = process
        self._control = control
        self._replies = bytearray()
        self._asked = 0
        self.was_gone = False
        """As far as was heard."""
        self._pids: dict[int, int] = {}
        """The number of a request, and the process that came of it."""
        self._codes: dict[int, int] = {}

    def is_gone(self) -> bool:
        """Tell whether it can fork no more."""
        self.listen(0.0)
        return self.was_gone

    def fork(self, connection: socket.socket, memory: WorkerMemory) -> Process:
        """Ask for a worker."""
        with contextlib.suppress(OSError):
            socket.send_fds(self._control, [b"F"], [connection.fileno(), memory.descriptor])
        self._asked += 1
        return NurserysChild(self, self._asked)

    def pid_of(self, request: int) -> int | None:
        """Give the process that came of a request; None while that is not known."""
        self.listen(0.0)
        return self._pids.get(request)

    def code_of(self, pid: int) -> int | None:
        """Give the exit code of one of its children; None while it is not known."""
        self.listen(0.0)
        return self._codes.get(pid)

    def listen(self, patience_s: Seconds) -> None:
        """Take in its answers; wait up to ``patience_s`` for the first."""
        try:
            self._control.settimeout(patience_s)
            while not self.was_gone and (more := self._control.recv(NURSERY_REPLY.size - len(self._replies))):
                self._replies += more
                if len(self._replies) == NURSERY_REPLY.size:
                    self._take(*NURSERY_REPLY.unpack(self._replies))
                    self._replies.clear()
                self._control.settimeout(0.0)
            self.was_gone = True
        except (BlockingIOError, TimeoutError):
            return
        except OSError:
            self.was_gone = True
        finally:
            with contextlib.suppress(OSError):
                self._control.settimeout(None)

    def _take(self, kind: bytes, pid: int, number: int) -> None:
        if kind == b"P":
            self._pids[number] = pid
            # The system uses numbers again: the code was a former child's.
            self._codes.pop(pid, None)
        else:
            self._codes[pid] = number

    def end(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.exit_code(GONE_S)
        self.process.close()
        self._control.close()


class NurserysChild:
    """A worker that a nursery forks."""

    def __init__(self, nursery: NurseryProcess, request: int) -> None:
        """Be the worker of a request."""
        self._nursery = nursery
        self._request = request
        self._pid: int | None = None
        self._pidfd: int | None = None

    @property
    def pid(self) -> int:
        """Its number; the nursery's as long as its own is not known."""
        return self._pid if self._is_born() and self._pid is not None else self._nursery.process.pid

    def sentinel(self) -> int | None:
        """Give a descriptor that becomes readable when the process ends; None while it is not known to be born."""
        self._is_born()
        return self._pidfd

    def exit_code(self, patience_s: Seconds) -> int | None:
        """Wait until the nursery has told its exit code, or is gone itself and tells its own."""
        deadline = time.monotonic() + patience_s
        while (code := self._code()) is None and (left := deadline - time.monotonic()) > 0:
            # Who listens once more here may hear of the very end that is then waited for.
            if self._nursery.was_gone:
                self._has_ended(left)
            else:
                self._nursery.listen(left)
        return code

    def kill(self) -> None:
        """End it at once; through its descriptor, since the nursery may have reaped it and its number be another's."""
        with contextlib.suppress(ProcessLookupError):
            if not self._is_born():
                self._nursery.process.kill()
            elif self._pidfd is not None:
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            elif self._code() is None:
                os.kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Close the descriptor."""
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None

    def _is_born(self) -> bool:
        if self._pid is None and (pid := self._nursery.pid_of(self._request)) is not None:
            self._pid = pid
            self._pidfd = open_pidfd(pid) if self._nursery.code_of(pid) is None else None
        return self._pid is not None

    def _code(self) -> int | None:
        born = self._is_born()
        if born and (code := self._nursery.code_of(self.pid)) is not None:
            return code
        if not self._nursery.was_gone:
            return None
        if not born:
            return self._nursery.process.exit_code(LAST_WORDS_S)
        # Whoever has adopted it reaps it, and tells nobody.
        return UNKNOWN_CODE if self._has_ended(0.0) else None

    def _has_ended(self, patience_s: Seconds) -> bool:
        if self._pidfd is None:
            return True
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        return bool(poll.poll(1000 * patience_s))
