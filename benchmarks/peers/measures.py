"""How each part is measured, for any peer: functions of a way and a part that give figures. They run in the child."""

from __future__ import annotations

import hashlib
import marshal
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from benchmarks.peers.parts import Part
from benchmarks.peers.ways.loop import Loop, durations
from benchmarks.peers.ways.way import Way

Figures = dict[str, Any]
clock = time.perf_counter

# A warm pool has done a tenth of the work before the clock starts, at most so many items.
WARMED_BY = 100_000
TWO_ITEM_MAPS = 200
# When the memory of a stream is looked at, as shares of its items.
MOMENTS = {"early": 0.1, "middle": 0.5, "end": 0.95}


def map_cold(way: Way, part: Part) -> Figures:
    """Time a map from before the pool is made until it is closed."""
    items = part.items()
    begun = clock()
    results = way.map_once(part.function, items)
    seconds = clock() - begun
    return {"seconds": seconds, "check": check(results)} | _durations(way, part, items)


def map_warm(way: Way, part: Part) -> Figures:
    """Time a map on a pool that has been used."""
    items = part.items()
    with way:
        way.map(part.function, items[: min(len(items) // 10, WARMED_BY)])
        begun = clock()
        results = way.map(part.function, items)
        seconds = clock() - begun
    return {"seconds": seconds, "check": check(results)} | _durations(way, part, items)


def arrays_in_cold(way: Way, part: Part) -> Figures:
    """Time big arguments from before the pool is made until it is closed."""
    arrays = part.items()
    begun = clock()
    sums = list(way.take_arrays_once(part.function, arrays))
    return {"seconds": clock() - begun, "check": check(sorted(sums))}


def arrays_in_warm(way: Way, part: Part) -> Figures:
    """Time big arguments on a pool that has been used for such."""
    arrays = part.items()
    with way:
        list(way.take_arrays(part.function, arrays[:8]))
        begun = clock()
        sums = list(way.take_arrays(part.function, arrays))
        seconds = clock() - begun
    return {"seconds": seconds, "check": check(sorted(sums))}


def arrays_out_cold(way: Way, part: Part) -> Figures:
    """Time big results from before the pool is made until it is closed."""
    _load_numpy()
    items = part.items()
    begun = clock()
    sums = _sums(way.give_arrays_once(part.function, items))
    return {"seconds": clock() - begun, "check": check(sorted(sums))}


def arrays_out_warm(way: Way, part: Part) -> Figures:
    """Time big results on a pool that has been used for such."""
    _load_numpy()
    items = part.items()
    with way:
        _sums(way.give_arrays(part.function, items[:8]))
        begun = clock()
        sums = _sums(way.give_arrays(part.function, items))
        seconds = clock() - begun
    return {"seconds": seconds, "check": check(sorted(sums))}


def submit(way: Way, part: Part) -> Figures:
    """Time single tasks on a warm pool."""
    items = part.items()
    with way:
        way.submit(part.function, items[:200])
        begun = clock()
        results = way.submit(part.function, items)
        seconds = clock() - begun
    return {"seconds": seconds, "check": check(results)}


def cold(way: Way, part: Part) -> Figures:
    """Time the first result of two, and the end of the pool."""
    begun = clock()
    results = iter(way.stream_once(part.function, part.items()))
    both = [next(results)]
    first_s = clock() - begun
    both += results
    return {"seconds": clock() - begun, "first_s": first_s, "check": check(both)}


def warm_two(way: Way, part: Part) -> Figures:
    """Give the median time of a map of two items on a warm pool."""
    items = part.items()
    seconds = []
    with way:
        for _ in range(TWO_ITEM_MAPS):
            begun = clock()
            results = way.map(part.function, items)
            seconds.append(clock() - begun)
    return {"seconds": statistics.median(seconds[TWO_ITEM_MAPS // 10 :]), "check": check(results)}


def memory(way: Way, part: Part) -> Figures:
    """Consume a stream, and tell when it was where; the parent of this process looks at the memory meanwhile."""
    moments = {round(share * part.tasks): name for name, share in MOMENTS.items()}
    stamps = {"begun": time.monotonic()}
    begun = clock()
    total = 0
    for count, value in enumerate(way.stream_once(part.function, (item for item in part.items()))):
        total += value
        if count in moments:
            stamps[moments[count]] = time.monotonic()
    return {"seconds": clock() - begun, "check": check([total]), "stamps": stamps | {"ended": time.monotonic()}}


MEASURES: dict[str, Callable[[Way, Part], Figures]] = {
    measure.__name__: measure
    for measure in (
        map_cold,
        map_warm,
        arrays_in_cold,
        arrays_in_warm,
        arrays_out_cold,
        arrays_out_warm,
        submit,
        cold,
        warm_two,
        memory,
    )
}


def check(results: Iterable[Any]) -> str:
    """Give the same word for the same results; version 2 of marshal writes equal values equally."""
    return hashlib.sha256(marshal.dumps(list(results), 2)).hexdigest()[:12]


def _sums(arrays: Iterator[Any]) -> list[float]:
    """Sum each array, and drop it before the next is asked for."""
    sums = []
    for array in arrays:
        sums.append(float(array.sum()))
        del array
    return sums


def _durations(way: Way, part: Part, items: Sequence[Any]) -> Figures:
    """Add how long each item takes alone: the loop tells it, where the part compares with an ideal schedule."""
    wanted = isinstance(way, Loop) and any(name.startswith("to_ideal") for name, _ in part.shows)
    return {"durations": durations(part.function, items)} if wanted else {}


def _load_numpy() -> None:
    """Import NumPy before the clock starts, so that forked workers have it; spawned ones pay for it."""
    import numpy as np  # noqa: PLC0415 - see above

    np.zeros(1)
