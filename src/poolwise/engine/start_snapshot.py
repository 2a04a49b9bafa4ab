"""Workers from a snapshot: a copy of this process, made when that was safe, which forks them when they are wanted.

Fork is safe only where nothing else runs in this process. When the first item has begun, it does: the item is half
done, may hold locks, and may have half filled a table that all later calls rely on. So the copy is made before the
first item, for half a millisecond, and waits. Whenever it turns out that processes are worth their price, it forks
workers that have the function and the items, and none of what has happened here since.
"""

from __future__ import annotations

import os
import socket

from poolwise.engine import nursery
from poolwise.engine.channel import ParentEnd, parent_side
from poolwise.engine.lifeline import Lifeline
from poolwise.engine.memory import WorkerMemory
from poolwise.engine.process import Process, blocked_signals
from poolwise.engine.start_fork import ChildProcess, flush_streams
from poolwise.engine.start_nursery import NurseryProcess
from poolwise.engine.worker import WorkerJob


class SnapshotStarter:
    """Has a copy of this process fork workers."""

    by_fork = True

    def __init__(self, job: WorkerJob, life: Lifeline) -> None:
        """Make the copy, now."""
        mine, its = socket.socketpair()
        parent_side.add(mine)
        # What is in the buffers would be written twice.
        flush_streams()
        with its, blocked_signals() as mask:
            pid = os.fork()
            if pid == 0:
                try:
                    # Else it would never see that this process is gone.
                    mine.close()
                    nursery.copied(job, its, life.worker_end, mask)
                finally:
                    # Whatever happens, a child must never go on as if it were its parent.
                    os._exit(1)
        self._nursery = NurseryProcess(ChildProcess(pid), mine)

    def is_gone(self) -> bool:
        """Tell whether it can fork no more; a second copy would not be what the first was."""
        return self._nursery.is_gone()

    def start(self, connection: socket.socket, channel: ParentEnd, memory: WorkerMemory) -> Process:
        """Ask the copy for a worker."""
        return self._nursery.fork(connection, memory)

    def renew(self) -> None:
        """The copy stays as it is: it is of one moment."""

    def close(self) -> None:
        """End the copy. Its children have ended before."""
        self._nursery.end()
