"""What was decided, and why: values only; ``report.explain`` makes the words."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from poolwise.model.classes import frozen
from poolwise.model.machine import NativePool
from poolwise.model.options import BackendName, StartMethod
from poolwise.model.plain import as_dict
from poolwise.model.units import Seconds

BoundedBy: TypeAlias = Literal["memory", "files", "threads", "load"]
TasksAre: TypeAlias = Literal["coroutines", "threads"]

# --- Reasons -------------------------------------------------------------------------------------------------


@frozen
class Forced:
    """The caller asked for this backend."""

    backend: BackendName


@frozen
class WorkEnded:
    """All items were done before there was anything to decide."""

    items: int
    seconds: Seconds


@frozen
class Waits:
    """The function waits for most of its time."""

    share: float


@frozen
class Computes:
    """The function computes for most of its time."""

    share: float


@frozen
class HoldsGil:
    """The function holds the GIL, so that threads take turns."""

    share: float


@frozen
class ReleasesGil:
    """The function lets the GIL go while it computes, so that threads run side by side."""

    share: float


@frozen
class NoGil:
    """This interpreter has no GIL: threads compute side by side."""


@frozen
class GilTurnedOn:
    """This interpreter could do without a GIL, but something has turned it on: threads take turns."""

    by: str
    """As ``Machine.gil_by`` says it."""


@frozen
class IsCoroutine:
    """The function is a coroutine function: it runs in an event loop."""


@frozen
class NotCoroutine:
    """The function is an ordinary one, which an event loop cannot run."""


@frozen
class PoolCostsMore:
    """What is left in the loop takes less than a pool would."""

    items: int
    loop_s: Seconds
    pool: BackendName
    pool_s: Seconds


@frozen
class Predicted:
    """The chosen way is the cheapest by estimate."""

    items: int
    seconds: Seconds
    loop_s: Seconds


@frozen
class Slower:
    """This way would take longer, by estimate, than the chosen one."""

    seconds: Seconds
    chosen_s: Seconds


@frozen
class CannotShip:
    """The function, an item or a result cannot travel to another process."""

    what: str
    problem: str


@frozen
class CannotTimeOut:
    """This way cannot end an item that is late."""

    backend: BackendName


@frozen
class OneCore:
    """There is one core to use, so that computing gains nothing from company."""

    source: str


@frozen
class LengthUnknown:
    """How many items will come is not known; so many more were assumed."""

    assumed: int


@frozen
class InsideWorker:
    """This process is a worker already; its siblings have the other cores."""


@frozen
class StartsBy:
    """How worker processes are started, and which threads there are: they forbid to fork, or survive it."""

    method: StartMethod
    python_threads: int = 1
    native_threads: int = 0
    forced: bool = False
    available: bool = True
    native_pools: tuple[NativePool, ...] = ()


@frozen
class NoStartMethod:
    """Worker processes cannot be started in this way here."""

    method: StartMethod
    platform: str
    frozen: bool = False
    """There is no Python to start: the program is its own executable."""


@frozen
class NeedsInterpreters:
    """This Python cannot have interpreters beside the first one."""

    python: str


@frozen
class NotIsolated:
    """Extension modules are loaded that may not load into a second interpreter of a process."""

    modules: tuple[str, ...]


@frozen
class Joined:
    """Workers that joined the calling thread while it ran the first items."""

    backend: BackendName
    after_s: Seconds
    """Since the run began."""


@frozen
class Stays:
    """Others are at work already, and to move the rest elsewhere would gain too little."""

    backend: BackendName


@frozen
class OnlyHere:
    """An item failed in another thread, because what it uses belongs to the calling one."""


@frozen
class Debugged:
    """Somebody looks on with a debugger, which stops in the calling thread."""

    debugger: str


@frozen
class NotMeasured:
    """Nothing was measured before (the backend was given), so that chunks are sized while running."""


@frozen
class Bounded:
    """More at a time would promise more, but the machine has no more of something."""

    by: BoundedBy
    workers: int
    """Workers, or items at a time, that there may be."""
    free: int
    """What there is to take: bytes, files, threads or cores."""
    each: int = 1
    """What each of them takes."""


Reason: TypeAlias = (
    Forced
    | WorkEnded
    | Waits
    | Computes
    | HoldsGil
    | ReleasesGil
    | NoGil
    | GilTurnedOn
    | IsCoroutine
    | NotCoroutine
    | PoolCostsMore
    | Predicted
    | Slower
    | CannotShip
    | CannotTimeOut
    | OneCore
    | LengthUnknown
    | InsideWorker
    | StartsBy
    | NoStartMethod
    | NotMeasured
    | NeedsInterpreters
    | NotIsolated
    | Joined
    | OnlyHere
    | Debugged
    | Stays
    | Bounded
)


# --- Plan ----------------------------------------------------------------------------------------------------


@frozen
class Estimate:
    """What a way would cost for the items that are left, term by term."""

    start_s: Seconds
    work_s: Seconds
    tail_s: Seconds
    limit: str = ""
    """What sets ``work_s``: "waiting", "cores", "GIL", "shipping", "one event loop", "one worker"."""

    @property
    def total_s(self) -> Seconds:
        """All terms together."""
        return self.start_s + self.work_s + self.tail_s


@frozen
class Candidate:
    """A way to run the rest, with its estimate, or with the reason why it cannot serve."""

    backend: BackendName
    workers: int
    estimate: Estimate | None
    tasks_per_worker: int = 1
    why_not: Reason | None = None
    tasks_are: TasksAre = "coroutines"


@frozen(kw_only=True)
class Plan:
    """How the rest is run, and why."""

    backend: BackendName
    workers: int = 1
    tasks_per_worker: int = 1
    """Items that one worker process runs at a time."""
    tasks_are: TasksAre = "coroutines"
    """Where that is more than one: coroutines of its event loop, or calls on threads of its own."""
    here: bool = False
    """The calling thread runs items besides."""
    chunksize: int | None = None
    """Items sent together; None where measured time decides while running."""
    item_s: Seconds | None = None
    """Wall time that one item is thought to take; None where nothing was measured."""
    start_method: StartMethod | None = None
    """How worker processes are started; None where there are none."""
    items: int | None = None
    """Items that the Plan is for: those left after the probe; None where not known."""
    estimate: Estimate | None = None
    reasons: tuple[Reason, ...] = ()
    rejected: tuple[Candidate, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data that JSON can carry; see ``model.plain``."""
        return as_dict(self)


@frozen
class Turning:
    """What would change the decision: one fact, all others being as they are."""

    fact: Literal["cores", "item_s", "items"]
    """The cores to use, the seconds that an item takes, the items that are left."""
    at: float
    """From this on, or ``below`` this, another backend would be chosen."""
    below: bool
    backend: BackendName
    factor: float
    """``at`` as a multiple of what it is now."""


@frozen(kw_only=True)
class Revision:
    """A Plan that was made while the run was going on, and what had changed since the one before."""

    at_s: Seconds
    """Since the run began."""
    backend: BackendName
    workers: int
    before: BackendName
    item_s: Seconds | None = None
    """What an item took by then ..."""
    item_before_s: Seconds | None = None
    """... and what had been thought."""
    waiting: float | None = None
    """The share of it that was waiting, 0 to 1 ..."""
    waiting_before: float | None = None
    """... and what had been thought."""
    lock: bool = False
    """Threads were seen standing in line at a lock of the function's."""
    only_here: bool = False
    """An item had failed because it was not run in the calling thread."""
    gil_by: str | None = None
    """What had turned the GIL of a free-threaded interpreter on by then (``Machine.gil_by``), and had not before."""


def plan_ended(items: int, seconds: Seconds, *, coroutine: bool = False) -> Plan:
    """Make the Plan of a run that was over before there was anything to decide."""
    return Plan(backend="asyncio" if coroutine else "loop", items=0, reasons=(WorkEnded(items, seconds),))
