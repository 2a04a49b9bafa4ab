"""What a run is to do, who does it, and what has happened so far: the values around the scheduler."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from poolwise.model.classes import field, frozen, mutable
from poolwise.model.events import Batch
from poolwise.model.options import ErrorsChoice
from poolwise.model.retry import Retry
from poolwise.run.adapt import ChunkSizer, Sizing

NO_RETRIES = Retry(0)


class Lines(Protocol):
    """Tasks of different kinds, one kind after another: a *line* of tasks is what is sent together at most."""

    def end_of(self, number: int) -> int:
        """Give the number up to which tasks may be sent together with this one, which comes first."""
        ...

    def sizer_of(self, number: int) -> ChunkSizer:
        """Give what knows the tasks of this one's kind: quick ones say nothing about slow ones."""
        ...


class Keeper(Protocol):
    """What remembers finished items beyond this run."""

    def find(self, start: int, items: Sequence[Any]) -> Sequence[Batch]:
        """Give what is known already of these items, which have the numbers from ``start`` on.

        Batches are in order and by number; a recorded failure is a ``Failed`` among their ``failures``.
        """
        ...

    def keep(self, batch: Batch, items: Sequence[Any]) -> None:
        """Write down what came of some items; it survives this process's death when this returns."""
        ...

    def sync(self) -> None:
        """Have what was kept survive a loss of power, when this returns."""
        ...

    @property
    def due(self) -> bool:
        """Tell whether to sync now costs a small share of the time since the last one."""
        ...


@frozen(kw_only=True)
class Wishes:
    """What the caller wants of the whole run."""

    ordered: bool = True
    errors: ErrorsChoice = "raise"
    retry: Retry = NO_RETRIES
    max_failures: int | None = None
    """More items than this that fail for good end the run; None: however many."""
    keeps: bool = False
    """What is finished is written down at once (a journal), before its turn in order has come."""
    crash_retries: int = 1
    """A suspect is run again so often before it is named: a kill from outside, once, must cost nothing but time."""
    stream: bool = False
    """Results are taken one by one (``imap``): read ahead a little only, and raise an error in its turn."""
    crowding: Callable[[BaseException], str | None] | None = None
    """Says of an error whether company may have caused it: such an item is tried again with less. None: none is."""
    refusal: Callable[[BaseException], bool] | None = None
    """Says of an error whether the far side could not take so many at once: an adaptive limit learns from it."""
    lines: Lines | None = None
    """Tasks of different kinds wait (a pool), and come by themselves. What waits is spread over the workers, since
    nobody knows whether more will come."""


@frozen(kw_only=True)
class Crew:
    """How a backend is staffed."""

    workers: int = 1
    depth: int = 1
    """Chunks that a worker may hold: one in work, the others ahead."""
    sizing: Sizing = field(default_factory=Sizing)
    marked: bool = False
    """Workers mark every item, not only those under suspicion."""
    gives_back: bool = False
    """What a worker has not begun can be taken back from it."""
    isolates: bool = True
    """A death costs a worker, and not the caller's program."""
    prompt: bool = True
    """What a worker has done is told although it is on the next task of the same chunk by then."""
    at_once: bool = False
    """A worker is sent its first chunk with its start: it is ready in a moment, and need not wait for it then."""
    ends_idle: bool = False
    """Once nothing is left to begin, who has nothing to do is ended, while others are still at work."""
    here: int | None = None
    """The worker that is the calling thread. It is given nothing more once an item may have killed another."""


@mutable
class Counts:
    """What has happened so far, in numbers."""

    done: int = 0
    """Items that came to an end, those that were recalled among them."""
    recalled: int = 0
    """Items that had come to an end in an earlier run."""
    failed: int = 0
    retried: int = 0
    deaths: int = 0
    recycled: int = 0
    crowded: int = 0
    """Items that failed in company, in a way that company causes, and were tried again with less."""
    chunks: int = 0
    started: int = 0
