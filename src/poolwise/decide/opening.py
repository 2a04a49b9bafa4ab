"""Who keeps the first items company while they run: decided by what they do, long before they have ended.

A probe that runs whole items one after another has lost before it decides: 150 calls that sleep for 20 ms are done in
44 ms by 128 threads. So the first item is watched while it runs:

* It **waits**: others can wait beside it. How many is not known, since nobody knows yet how long it takes, nor what
  the far side bears. By Little's law (J. D. C. Little, Operations Research 9, 1961), what is under way is the rate
  times the latency: whoever begins calls at a steady rate has the more of them under way the longer they take. So
  company comes at a steady rate, ``PER_SECOND``, until the first answers tell more: a far side that answers in 5 ms
  sees some forty calls at once by then, and one that takes longer more.
* It waits for **somebody else**: another machine, a disk, a lock; neither for the clock nor for a program that it has
  started. That may bear less, and those that have been asked cannot be asked not to have been. So company comes ten
  times more slowly, a few at once and ``FAR_PER_SECOND``, and faster only where the first answer takes longer than
  ``FAR_QUICK_S``: as TCP begins slowly, and grows with what comes back (V. Jacobson, SIGCOMM 1988).
* It **computes without the GIL**: threads compute beside it, one for each core.
* It **computes with the GIL**: processes, if a copy of this process was kept from before the first item. It cannot be
  made now, while the item may hold a lock.
"""

from __future__ import annotations

from poolwise.decide.candidates import MOST_TASKS, MOST_THREADS
from poolwise.model.classes import frozen
from poolwise.model.options import BackendName, Options
from poolwise.model.pace import Pace
from poolwise.model.units import Seconds

# Who has waited for so long, and did next to nothing else lately, waits.
WAITED_S: Seconds = 0.001
WAITS = 0.7
# Companions for each second of waiting: 128 of them within 16 ms.
PER_SECOND: dict[BackendName, float] = {"threads": 8000.0, "asyncio": 20000.0}
# Somebody else who answers sees so many at once, and more for each second without an answer.
FAR_FIRST = 8
FAR_PER_SECOND = 800.0
# Who has not answered for longer is far away: to keep it as busy takes more at once, the more the longer it takes.
FAR_QUICK_S: Seconds = 0.03
FAR_GROWTH = 15000.0
# Who has computed for so long is worth a second core: a worker that is forked from a copy is ready after 2 ms.
COMPUTED_S: Seconds = 0.003
COMPUTES = 0.7
# What the calling thread ends sooner than this is not worth a worker, which takes some 3 ms to come and 2 ms to end.
WORTH_A_WORKER_S: Seconds = 0.015
# A GIL that is held for less than this share of the computing lets threads run side by side; seen so often.
RELEASES = 0.5
# CPU of the process for each second of the thread's own: more says that the function has threads inside.
INNER_THREADS = 1.4


@frozen(kw_only=True)
class Scene:
    """What is there, while the first items run."""

    pace: Pace
    gil_held: float | None
    """Share of the time in which the GIL was held; None: not known."""
    waiting: int
    """Items that could be begun now."""
    cores: int
    snapshot: bool
    """A copy of this process can fork workers."""
    kind: BackendName
    """What runs the first items."""
    far_side: bool = False
    """What they wait for is somebody else, as far as anybody can see."""
    item_s: Seconds | None = None
    """What an item takes; None: none has ended yet."""


@frozen
class Wanted:
    """Company: workers of one kind, besides the first one."""

    kind: BackendName
    workers: int


def company(scene: Scene, options: Options) -> Wanted | None:
    """Say who should keep the first worker company now; None: nobody, or it is too early to say."""
    pace = scene.pace
    most = options.max_workers - 1 if options.max_workers is not None else None
    if scene.waiting == 0 or most == 0:
        return None
    if pace.asleep and pace.waited_s >= WAITED_S and pace.waits >= WAITS:
        wanted: Wanted | None = _waiters(scene)
    elif pace.cpu_s >= COMPUTED_S and pace.waits <= 1 - COMPUTES:
        wanted = _computers(scene)
    else:
        return None
    if wanted is None or most is None:
        return wanted
    return Wanted(wanted.kind, min(wanted.workers, most))


def _waiters(scene: Scene) -> Wanted:
    kind: BackendName = "asyncio" if scene.kind == "asyncio" else "threads"
    most = MOST_TASKS if kind == "asyncio" else MOST_THREADS
    waited_s = scene.pace.waited_s
    count = FAR_FIRST + FAR_PER_SECOND * waited_s + FAR_GROWTH * max(0.0, waited_s - FAR_QUICK_S) ** 2
    return Wanted(kind, min(most - 1, int(count if scene.far_side else PER_SECOND[kind] * waited_s)))


def _computers(scene: Scene) -> Wanted | None:
    cores = scene.cores - 1
    if cores < 1 or scene.kind != "loop" or scene.pace.inner >= INNER_THREADS or scene.gil_held is None:
        return None
    if scene.gil_held < RELEASES * (1 - scene.pace.waits):
        return Wanted("threads", min(cores, scene.waiting))
    if not scene.snapshot or (scene.item_s is not None and scene.waiting * scene.item_s < WORTH_A_WORKER_S):
        return None
    return Wanted("processes", min(cores, scene.waiting))


# A copy of a small process takes half a millisecond, and ending it as long. Where more items than this for each core
# are left, waiting for the first of them costs less than a few percent, whatever it takes.
SNAPSHOT_ITEMS_PER_CORE = 16


def worth_a_snapshot(items: int, cores: int, options: Options) -> bool:
    """Say whether to copy this process before the first item: few items may be long ones, and two run side by side."""
    if cores == 1 or options.start_method not in (None, "fork") or options.max_workers == 1:
        return False
    return 1 < items <= SNAPSHOT_ITEMS_PER_CORE * cores
