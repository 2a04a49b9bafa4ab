"""Workers that will not get on by themselves, where the caller has set a ``timeout``: late, stopped, or silent.

A death is seen at once by the system's means; a worker that lives and does nothing is not, and has to be looked for:

* **late**: its marks say that it has been on an item for longer than the timeout. The item is to blame.
* **stopped** (SIGSTOP) while it starts or between two items: no item is to blame.
* **silent**: it has been given a chunk, and neither begins an item nor answers (a thread that the function has left
  behind holds the GIL for ever).
* **not ready** for far longer than any start takes.

Time counts only while somebody looks: a consumer of ``imap`` that is busy elsewhere makes no worker late.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Protocol, TypeVar

from poolwise.engine.channel import ParentEnd
from poolwise.engine.handle import Sent
from poolwise.engine.memory import WorkerMemory
from poolwise.engine.process import Process
from poolwise.errors import WorkerDiedError, WorkerStartError
from poolwise.model.classes import field, mutable, replace
from poolwise.model.events import NOTHING_BEGUN, WorkerLost
from poolwise.model.units import Seconds
from poolwise.work.chunk import late
from poolwise.work.proc import read_proc

# A late item is noticed within this share of its timeout, and no sooner than after a millisecond.
LATE_SHARE = 0.1
# A worker that is stopped is given so long to be woken again: Ctrl-Z stops and wakes a whole group of processes, in no
# order that could be relied on.
STOPPED_S: Seconds = 1.0
# From a chunk's arrival to its first item or its answer there is nothing but reading a frame; so long is never needed,
# however busy the machine.
SILENT_S: Seconds = 10.0
# Loading a large model from a network disk takes a minute or two. Whoever needs more sets no timeout, or a longer one.
START_S: Seconds = 300.0
# ... a start may take at least so many timeouts.
START_TIMEOUTS = 10


class Watched(Protocol):
    """What is read of a worker; ``supervisor.Handle`` is one."""

    worker: int
    process: Process
    channel: ParentEnd
    memory: WorkerMemory
    chunks: deque[Sent]
    ready: bool
    answers: int


Its = TypeVar("Its", bound=Watched)


@mutable
class Seen:
    """What was seen of a worker, and since when it is so, on the watch's own clock."""

    state: object
    since_s: Seconds
    stopped_since_s: Seconds | None = None


@mutable
class Watch:
    """Looks after the workers of a pool."""

    limit_s: Seconds
    """The timeout."""
    marked: bool = True
    """Workers mark every item. Those of coroutine functions do not: they cancel what is late themselves."""
    _clock_s: Seconds = 0.0
    _looked_at_s: Seconds | None = None
    _seen: dict[int, Seen] = field(default_factory=dict)

    def tick(self, now_s: Seconds) -> None:
        """Begin a look at all workers; call it before they are judged. Long pauses between two looks do not count."""
        if self._looked_at_s is not None:
            # The supervisor looks this often or oftener, as long as anybody wants results.
            self._clock_s += min(now_s - self._looked_at_s, 2 * max(self.look_s, 0.1))
        self._looked_at_s = now_s

    @property
    def look_s(self) -> Seconds:
        """How long the supervisor may wait between two looks."""
        return max(0.001, self.limit_s * LATE_SHARE)

    def judge_all(self, workers: Iterable[Its]) -> list[tuple[Its, WorkerLost]]:
        """Give those that have to be ended now, and what to tell of each; all are looked at before any is ended.

        Workers that are not born yet have one nursery for their process: they end with it, and for the same reason.
        """
        found = [(its, self.judge(its)) for its in workers]
        ended = {its.process.pid: lost for its, lost in found if lost is not None}
        if not ended:
            return []
        return [
            (its, lost or replace(ended[pid], worker=its.worker))
            for its, lost in found
            if (pid := its.process.pid) in ended
        ]

    def judge(self, its: Watched) -> WorkerLost | None:
        """Say what to tell of a worker that has to be ended now; None for one that may go on."""
        index = its.memory.marks.index
        if its.chunks and index is not None:
            self._seen.pop(its.worker, None)
            took = its.memory.marks.on_for_s()
            if took <= self.limit_s:
                return None
            what = (
                "its worker was stopped (SIGSTOP), and ended" if is_stopped(its.process.pid) else "its worker was ended"
            )
            return WorkerLost(its.worker, late(self.limit_s, took, f"; {what}"), index, guilty=True)
        seen = self._look(its)
        if self._is_stopped(seen, its.process.pid):
            return _stopped(its)
        return self._judge_silence(its, self._clock_s - seen.since_s)

    def forget(self, worker: int) -> None:
        """A worker is gone."""
        self._seen.pop(worker, None)

    def _look(self, its: Watched) -> Seen:
        state = (its.ready, bool(its.chunks), its.answers, its.channel.is_sending)
        seen = self._seen.get(its.worker)
        if seen is None or seen.state != state:
            stopped = None if seen is None else seen.stopped_since_s
            seen = self._seen[its.worker] = Seen(state, self._clock_s, stopped)
        return seen

    def _is_stopped(self, seen: Seen, pid: int) -> bool:
        if not is_stopped(pid):
            seen.stopped_since_s = None
        elif seen.stopped_since_s is None:
            seen.stopped_since_s = self._clock_s
        return seen.stopped_since_s is not None and self._clock_s - seen.stopped_since_s > STOPPED_S

    def _judge_silence(self, its: Watched, for_s: Seconds) -> WorkerLost | None:
        if not its.ready:
            too_long = for_s > max(START_S, START_TIMEOUTS * self.limit_s)
            return WorkerLost(its.worker, _never_ready(its, for_s), NOTHING_BEGUN) if too_long else None
        given = its.chunks and not its.channel.is_sending
        if given and self.marked and for_s > max(SILENT_S, self.limit_s):
            return WorkerLost(its.worker, _silent(its, for_s))
        return None


def is_stopped(pid: int) -> bool:
    """Tell whether a process is stopped (SIGSTOP, Ctrl-Z); a debugger's hold is another state."""
    try:
        # The name of the program, in parentheses, may hold anything.
        return read_proc(f"/proc/{pid}/stat").rpartition(b")")[2].split()[0] == b"T"
    except (OSError, IndexError):
        return False


def _stopped(its: Watched) -> WorkerLost:
    what = f"{_name(its)} was stopped (SIGSTOP, Ctrl-Z) and not woken within {STOPPED_S:g} s"
    if its.ready:
        return WorkerLost(its.worker, WorkerDiedError(f"{what}; it was ended, and no item is to blame"), NOTHING_BEGUN)
    error = WorkerStartError(f"{what} before it was ready; look for who stops processes here")
    return WorkerLost(its.worker, error, NOTHING_BEGUN)


def _never_ready(its: Watched, for_s: Seconds) -> WorkerStartError:
    return WorkerStartError(
        f"{_name(its)} was not ready after {for_s:.3g} s and was ended: look at the initializer and at what the "
        "function's module does when it is imported; without timeout, nobody ends a slow start"
    )


def _silent(its: Watched, for_s: Seconds) -> WorkerDiedError:
    return WorkerDiedError(
        f"{_name(its)} was given an item {for_s:.3g} s ago and has not begun it; it was ended. Likely cause: "
        "a thread that an earlier item has left behind holds the GIL (C code that never lets it go)"
    )


def _name(its: Watched) -> str:
    return f"worker {its.worker} (pid {its.process.pid})"
