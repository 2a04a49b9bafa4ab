"""What travels between the scheduler, the driver and a backend: chunks go out, events come back."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any, TypeAlias

from poolwise.errors import RemoteTraceback
from poolwise.model.classes import field, frozen
from poolwise.model.units import Seconds


@frozen
class Chunk:
    """Items ``start`` to ``stop - 1``, sent together to one worker."""

    id: int
    start: int
    stop: int
    marked: bool = False
    """The worker marks each item as it begins it, so that a death can name the very item."""

    def __len__(self) -> int:
        """Say how many items it has."""
        return self.stop - self.start

    def between(self, start: int, stop: int) -> Chunk:
        """Give a part of it, by the same number."""
        return Chunk(self.id, start, stop, self.marked)


@frozen
class Trouble:
    """What an error says of a service that was asked, found where it was raised: not every exception travels whole."""

    retry_after_s: Seconds | None = None
    """So long it wants to be left alone (``Retry-After``), where it said so."""
    what: str = ""
    """The trouble in a word or two: ``HTTP 503``, ``ConnectionResetError``."""


@frozen
class TaskError:
    """What one call raised, ready to travel: the exception and its traceback's text."""

    error: BaseException
    traceback: str = ""
    trouble: Trouble | None = None
    """What the error says of a service that was asked; None: it says nothing of any."""

    def as_raised(self) -> BaseException:
        """Give the exception for the caller; its traceback as the cause where that stayed behind in another process."""
        if self.traceback and self.error.__traceback__ is None:
            # Some exceptions (frozen dataclasses) take no cause.
            with contextlib.suppress(Exception):
                self.error.__cause__ = RemoteTraceback(self.traceback)
        return self.error


@frozen
class Outcome:
    """What came of a chunk: a value for each item that ran, None in the place of one that raised.

    ``values`` is shorter than the chunk where running stopped at the first error; it is empty up to the error
    where the caller has no use for the values before it (see ``work.chunk.ChunkRules``).
    """

    values: Sequence[Any]
    errors: dict[int, TaskError] = field(default_factory=dict)
    """Offset in the chunk: what was raised there."""
    wall_s: Seconds = 0.0
    cpu_s: Seconds = 0.0
    """CPU of the thread that ran the chunk."""
    item_bytes: float = 0.0
    """What an item took to travel, on average; 0 where they did not."""
    value_bytes: float = 0.0
    """What a value took to travel, on average."""
    light: bool = False
    """The values are built-in ones and small, all together: it is no matter when each of them is let go."""
    ended_s: Seconds = 0.0
    """When the last of it had run, by ``time.perf_counter``, which is one clock for all processes of a machine."""
    each_s: Sequence[Seconds] = ()
    """What each item took, where that was asked for and is known: for as many items as were begun, in order."""

    @property
    def told(self) -> int:
        """Items that it tells of, the first ones: each has its value, kept or not, or an error.

        Where running stopped at the first error, others may have failed beside it; nothing between them was kept, and
        what is told ends with the first.
        """
        return max(len(self.values), min(self.errors) + 1) if self.errors else len(self.values)


@frozen
class WorkerReady:
    """A worker has started and waits for chunks."""

    worker: int


@frozen
class ChunkDone:
    """A worker has run a chunk, or the first part of it."""

    worker: int
    chunk: int
    outcome: Outcome
    more: bool = False
    """These are the first items of what is left of the chunk; the worker goes on with the others."""
    cut: bool = False
    """The worker has left the items behind these, because they were taken back."""


@frozen
class TakenBack:
    """A worker will not begin any of its items from here on: they may be given to another."""

    worker: int
    kept: tuple[tuple[int, int], ...]
    """For each chunk that lost items, its number and the item at which it now stops."""


@frozen
class Waited:
    """Nothing has happened for a while."""


# In the place of an item's number: between two items, none of the next chunk begun.
NOTHING_BEGUN = -1


@frozen
class WorkerLost:
    """A worker is gone: it died, or was given up because an item was late. Its chunks have no outcome."""

    worker: int
    error: BaseException
    """Why, in words for the item that it was on: WorkerDiedError, TaskTimeoutError, WorkerStartError."""
    index: int | None = None
    """The item that it was on, where that is known; ``NOTHING_BEGUN``: it had begun none of those that it was given."""
    span: tuple[int, int] | None = None
    """Else the items, first and behind the last, one of which it was on, where that is known."""
    guilty: bool = False
    """The item has failed by this alone (it was late); else it is a suspect and is tried again."""


@frozen
class WorkerFailed:
    """No worker can ever be ready (the initializer raised, the function cannot travel): the run is over."""

    error: BaseException


@frozen
class WorkerRetired:
    """A worker has grown too large and has ended between two chunks; what was sent ahead to it is not begun."""

    worker: int


@frozen
class WorkerRefused:
    """A worker cannot be had: the system gives no more threads. It has begun nothing."""

    worker: int
    error: BaseException


Event: TypeAlias = WorkerReady | ChunkDone | TakenBack | WorkerLost | WorkerFailed | WorkerRetired | WorkerRefused


@frozen
class ItemsRead:
    """The driver has read items; ``known`` can be taken in all, and no more will come where ``ended``."""

    known: int
    ended: bool
    recalled: Sequence[Batch] = ()
    """What is known already of the newest, from an earlier run, in order: nobody needs to run them."""


@frozen
class Now:
    """The time, for what happens by the clock: waits before items are tried again, rates, rests."""

    at_s: Seconds


@frozen
class Failed:
    """An item has failed for good."""

    index: int
    error: TaskError
    attempts: int


@frozen
class Batch:
    """Finished items on their way to the caller: values of the items ``start`` and following."""

    start: int
    values: Sequence[Any]
    failures: dict[int, Any] = field(default_factory=dict)
    """Offset in the batch: what failed there, a ``Failed`` until the run dresses it as the caller's ``Failure``."""
    light: bool = False
    """As of an ``Outcome``."""


# --- Instructions: what the scheduler tells the driver to do ---------------------------------------------------


@frozen
class Start:
    """Start a worker with this number."""

    worker: int


@frozen
class Send:
    """Give a worker a chunk."""

    worker: int
    chunk: Chunk


@frozen
class TakeBack:
    """Take back part of what a worker has not begun, for one that has nothing to do; TakenBack tells what came."""

    worker: int
    whole: bool = False
    """All of it: others are to do it."""


@frozen
class End:
    """End a worker that has nothing to do and will get nothing more."""

    worker: int


@frozen
class Read:
    """Read up to so many more items."""

    count: int


@frozen
class Emit:
    """Hand finished items to the caller."""

    batch: Batch


@frozen
class Keep:
    """Write down what came of some items, before anybody is told."""

    batch: Batch


@frozen
class Raise:
    """End the run: an item has failed for good, or no worker can be had."""

    failed: Failed | None
    error: BaseException


@frozen
class Rest:
    """The service fails: nothing is sent for a while, and then one item; tell whoever looks on."""

    seconds: Seconds
    failures: int
    """So many one after another have led to it."""
    what: str
    """The newest of them, in a word or two."""
    again: bool = False
    """It was tried after the rest before, and still fails."""


@frozen
class Resume:
    """A rest is over: the service answers, or it is not waited for any more."""

    served: bool
    rested_s: Seconds
    """All the time that nothing was sent."""


Instruction: TypeAlias = Start | Send | TakeBack | End | Read | Keep | Emit | Raise | Rest | Resume
