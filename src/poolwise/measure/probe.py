"""The probe: the first items, run as real work by one worker, and measured.

To the driver it is a backend like any other: it wraps the one that runs the items (the calling thread; a thread of its
own where a late item must be given up; an event loop for coroutines) and takes the time of all that passes through.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from poolwise.backends.protocol import Backend, Hear
from poolwise.measure.free_threading import gil_enabled
from poolwise.measure.gil import GilWatch
from poolwise.measure.growth import MemoryWatch
from poolwise.measure.payload import measure_payload, measure_payloads
from poolwise.model.classes import frozen
from poolwise.model.events import Chunk, ChunkDone, Event, Outcome, WorkerLost
from poolwise.model.profile import Hot, Payload, Profile
from poolwise.model.units import Seconds
from poolwise.work.cuttable import AtWork
from poolwise.work.libraries import have_threads, one_thread_inside
from poolwise.work.proc import queued_s

# The probe is real work done by one worker while others could help, so that it costs at most this much times the share
# that they would have taken; it is some forty looks at the GIL, and as long as starting two workers takes.
BUDGET_S: Seconds = 0.01
# The first item often pays for an import or a connection. A second one tells, unless waiting for it would cost more
# than knowing is worth; a first item that mostly waited wants company at once, whatever it waited for.
SECOND_BELOW_S: Seconds = 0.1
WAITED = 0.2
# Items that take so many times as long as the Plan thought are a reason to think again.
SURPRISING = 1.5
# The newest chunks tell what the work is like now.
NEWEST_SAMPLES = 32
# So many items and results are enough to see what shipping costs.
SHIPPED_SAMPLE = 64
# The chunks of the probe: short, so that it ends in time, and enough of them to see a spread.
PROBE_CHUNK_S: Seconds = 0.002
# Few items are watched from the first on, since one may be all that the probe sees; many only once they have taken so
# long: starting and ending the watch takes 0.15 ms, which is 3 % of 100,000 calls of x + 1.
FEW_ITEMS = 5000
WATCH_AFTER_S: Seconds = 0.005
# Asking how long this thread was kept from a core takes 0.02 ms, and is done for work of at least so long: longer than
# the interpreter's switch interval, since asking lets the GIL go, and the watch, which waits for it, would see nothing
# else than that.
QUEUED_FROM_S: Seconds = 0.006
# Above this share most looks found the GIL held, which is no accident.
MOSTLY = 0.5
# Fewer looks than this do not say that it is free.
SURE_NAPS = 5
# CPU of the process for each second of the thread's own: more says that others compute beside it, or spin.
INNER_THREADS = 1.4
# A first chunk that took so many times the mean of the others is told apart from them.
COLD = 3.0


@frozen
class Sample:
    """A measured chunk."""

    items: int
    wall_s: Seconds
    thread_cpu_s: Seconds
    process_cpu_s: Seconds
    """Without what others compute in the background."""
    together_s: Seconds
    """With it."""


class Probe:
    """Measures what passes through the backend that it wraps."""

    def __init__(
        self,
        inner: Backend,
        *,
        coroutine: bool,
        total: int | None,
        here: bool,
        look: Callable[[], object] | None = None,
        background: float = 0.0,
    ) -> None:
        """Start nothing. ``total`` is the number of items, where it is known; ``here``: this thread runs them.

        Other threads of this process, which are not the work's, keep ``background`` cores busy.

        While they run, ``look`` is called again and again, by another thread.
        """
        self._before: Profile | None = None
        self._background = background
        self._here = here
        self._watch_from_s = 0.0 if total is None or total <= FEW_ITEMS else WATCH_AFTER_S
        self._inner = inner
        self._coroutine = coroutine
        self._looker = GilWatch(look, here=here)
        self._watch: GilWatch | None = self._looker
        self._gil = gil_enabled()
        self._crowded = False
        self._held_then: float | None = None
        self._memory: MemoryWatch | None = None
        self._inner_then = 1.0
        self._sizes: dict[int, int] = {}
        # Made anew with each one: another thread may be going through them.
        self._samples: tuple[Sample, ...] = ()
        self._first: Sample | None = None
        self._elapsed_s = 0.0
        self._queued_from: tuple[Seconds, Seconds] | None = None
        self._queued_s: Seconds = 0.0
        self._queued_of_s: Seconds = 0.0
        self._sent_at = 0.0
        self._counted = 0
        self._items: Sequence[Any] = ()
        self._newest: Outcome | None = None
        self._total = total
        self._alone: list[Sample] = []
        """What was run with one thread inside of BLAS and OpenMP."""
        self._is_alone = False

    @property
    def elapsed_s(self) -> Seconds:
        """Seconds that the items took, those that were given up included."""
        return self._elapsed_s

    @property
    def items(self) -> int:
        """Items that were measured."""
        return self._counted

    def satisfied(self) -> bool:
        """Tell whether enough is known to decide."""
        if self._wants_trial():
            return False
        if self._elapsed_s < BUDGET_S or self._counted > 1 or self._first is None:
            return self._elapsed_s >= BUDGET_S
        waited = self._first.process_cpu_s < WAITED * self._first.wall_s
        return waited or self._elapsed_s >= SECOND_BELOW_S

    @property
    def gil_held(self) -> float | None:
        """Share of the time in which the GIL was held, as far as is known."""
        return self._gil_held(1.0)

    @property
    def inner(self) -> float:
        """CPU of the process for each second of the worker's own: more than 1 where the function has threads inside."""
        samples = self._samples
        own = sum(sample.thread_cpu_s for sample in samples)
        return sum(sample.process_cpu_s for sample in samples) / own if own > 0 else 1.0

    def _wants_trial(self) -> bool:
        """Tell whether to run an item with one thread inside of BLAS and OpenMP, to see what the others are good for.

        The threads of such libraries spin after each call, for up to a tenth of a second, so that the clock of the
        process cannot tell whether they help. The first item tells nothing where it is short: it may be their first.
        """
        able = self._here and not (self._coroutine or self._crowded or self._alone or self._before is not None)
        if not able or self._first is None or self._elapsed_s >= SECOND_BELOW_S or self._counted == self._total:
            return False
        known = len(self._samples) > 1 or self._first.wall_s >= BUDGET_S
        own, together = self._sums(self._samples)
        return known and together > INNER_THREADS * own and have_threads()

    @staticmethod
    def _sums(samples: Sequence[Sample]) -> tuple[Seconds, Seconds]:
        return sum(each.thread_cpu_s for each in samples), sum(each.together_s for each in samples)

    def crowd(self, *, computes: bool) -> None:
        """Others compute in this process from now on: what it computes says nothing of these items any more.

        What was seen of the GIL holds for items that have computed so far; of one that waited it says nothing.
        """
        self._held_then = self._gil_held(1.0) if computes else None
        self._inner_then, self._crowded = self.inner, True

    def follow(self, profile: Profile | None) -> None:
        """Begin anew, from what was found; the GIL is not watched again."""
        self.rest()
        self._before, self._watch, self._first = profile, None, None
        self._samples = ()
        self._alone.clear()
        self._elapsed_s, self._queued_s, self._queued_of_s, self._queued_from = 0.0, 0.0, 0.0, None

    def rest(self) -> None:
        """End the watching thread."""
        if self._watch is not None:
            self._watch.stop()

    def surprised(self, item_s: Seconds) -> bool:
        """Tell whether items take much longer by now than the ``item_s`` that a Plan was made with."""
        if self._elapsed_s < BUDGET_S or not self._samples:
            return False
        newest = self._samples[-1]
        return newest.wall_s > SURPRISING * item_s * newest.items

    def profile(self, *, shipping: bool, function: object = None) -> Profile | None:
        """Say what was measured; None where no item came to an end.

        With ``shipping``, a sample item and result are pickled, which takes as long as it takes. The ``function`` is
        given where workers would not be forked from here: then it has to travel too, and all travels by value.
        """
        if self._first is None:
            return self._before
        steady = _without_cold_start(list(self._samples))
        items, thread_cpu = sum(sample.items for sample in steady), sum(sample.thread_cpu_s for sample in steady)
        wall, first = sum(sample.wall_s for sample in steady), self._first
        by_value = function is not None
        watching = self._watch.cpu_s if self._watch else 0.0
        process_cpu = max(thread_cpu, sum(sample.process_cpu_s for sample in steady) - watching)
        if self._alone:
            # What an item needs with one thread; a longer one than those before says no more than their clock did.
            most = max(thread_cpu, self._sums(steady)[1])
            alone = sum(each.thread_cpu_s for each in self._alone) / sum(each.items for each in self._alone)
            process_cpu = min(max(thread_cpu, alone * items), most)
        queued_s = self._queued() * wall
        wall -= self._taken_s(wall, process_cpu, watching)
        return Profile(
            items=self.items,
            wall_s=wall / items,
            first_s=first.wall_s / first.items,
            spread=_spread(steady),
            thread_cpu_s=thread_cpu / items,
            process_cpu_s=process_cpu / items,
            queued_s=queued_s / items,
            gil_held=self._gil_held(process_cpu / wall if wall else 0.0),
            gil_samples=self._gil_samples(),
            coroutine=self._coroutine,
            memory_bytes=self._memory.grown() if self._memory is not None and not self._crowded else 0,
            argument=_payload(self._sample_items(), by_value=by_value) if shipping else None,
            result=_payload(self._sample_results(), by_value=by_value) if shipping else None,
            function=measure_payload(function, by_value=True) if shipping and by_value else None,
        )

    def hot(self) -> Hot | None:
        """Give the line in which the time went: that takes a look into the user's files, a millisecond."""
        return self._looker.hot()

    # --- A backend like any other -----------------------------------------------------------------------------

    def start(self, worker: int) -> None:
        """Start the one worker."""
        self._inner.start(worker)

    def send(self, worker: int, chunk: Chunk, items: Sequence[Any] | None) -> None:
        """Pass a chunk on, and remember what it holds."""
        self._sizes[chunk.id] = len(chunk)
        self._sent_at = time.perf_counter()
        self._items = items or self._items
        self._inner.send(worker, chunk, items)

    def flush(self) -> None:
        """Pass it on."""
        self._inner.flush()

    def inherits_items(self, worker: int) -> bool:
        """Say what the wrapped backend says."""
        return self._inner.inherits_items(worker)

    def take_back(self, worker: int, *, whole: bool = False) -> None:
        """Pass it on."""
        self._inner.take_back(worker, whole=whole)

    def end(self, worker: int) -> None:
        """Pass it on."""
        self._inner.end(worker)

    def wait(self, timeout_s: Seconds | None) -> list[Event]:
        """Wait, with the clocks running."""
        if self._watch is None:
            return self._measure(timeout_s)
        if self._sizes and self._elapsed_s >= self._watch_from_s:
            # With nothing at work, an item waits for its next try: there is nothing to see, for minutes maybe.
            self._watch.resume()
        try:
            return self._measure(timeout_s)
        finally:
            self._watch.pause()

    @property
    def running(self) -> AtWork | None:
        """What is run now, where some of it may be taken away."""
        return getattr(self._inner, "running", None)

    def tell_there(self, hear: Hear) -> bool:
        """Say no: what is told is measured."""
        return False

    def wake(self) -> None:
        """Wake the wrapped backend."""
        self._inner.wake()

    def close(self, *, abort: bool) -> None:
        """End everything that measures, then the wrapped backend."""
        self.rest()
        self._inner.close(abort=abort)

    def _measure(self, timeout_s: Seconds | None) -> list[Event]:
        if self._here and self._queued_from is None and self._elapsed_s >= self._watch_from_s:
            # As near to the work as can be: what else this thread does waits for a core, too.
            self._queued_from = queued_s(), self._elapsed_s
        if self._memory is None and self._counted and self._elapsed_s >= self._watch_from_s:
            # The first item is left out: it imports, and fills caches.
            self._memory = MemoryWatch()
        cpu, own = time.process_time(), time.thread_time()
        self._is_alone = self._wants_trial()
        with one_thread_inside() if self._is_alone else contextlib.nullcontext():
            events = self._inner.wait(timeout_s)
        cpu, own = time.process_time() - cpu, time.thread_time() - own
        if not self._here:
            # This thread only waited for the one that works; what it took for that is not the work's.
            cpu -= own
        for event in events:
            if isinstance(event, ChunkDone):
                self._note(event, cpu)
            elif isinstance(event, WorkerLost):
                # Nothing is learnt of an item that was given up, but time has passed: the probe must end.
                self._elapsed_s += time.perf_counter() - self._sent_at
        self._note_queued()
        return events

    def _note_queued(self) -> None:
        if self._queued_from is None:
            return
        queued, elapsed = self._queued_from
        if self._elapsed_s - elapsed >= QUEUED_FROM_S:
            self._queued_s += queued_s() - queued
            self._queued_of_s += self._elapsed_s - elapsed
            self._queued_from = None

    def _note(self, event: ChunkDone, process_cpu_s: Seconds) -> None:
        size, outcome = self._sizes.pop(event.chunk), event.outcome
        if self._crowded:
            process_cpu_s = outcome.cpu_s * self._inner_then
        together_s = max(process_cpu_s, outcome.cpu_s)
        process_cpu_s -= self._background * outcome.wall_s
        count = outcome.told or size
        self._elapsed_s += outcome.wall_s
        self._counted += count
        sample = Sample(count, outcome.wall_s, outcome.cpu_s, max(process_cpu_s, outcome.cpu_s), together_s)
        self._first = self._first or sample
        if self._is_alone:
            self._alone.append(sample)
        else:
            self._samples = (*self._samples[1 - NEWEST_SAMPLES :], sample)
        if len(outcome.errors) < count:
            self._newest = outcome

    def _taken_s(self, wall_s: Seconds, cpu_s: Seconds, watching_s: Seconds) -> Seconds:
        """Give the part of the time that the items would not have taken without us."""
        if not (self._here and self._gil) or self._crowded:
            return 0.0
        return taken_by_us_s(wall_s * (1 - self._queued()), cpu_s, watching_s)

    def _queued(self) -> float:
        """Share of the time since the looking began for which this thread was kept from a core by others."""
        return min(1.0, self._queued_s / self._queued_of_s) if self._queued_of_s > 0 else 0.0

    def _sample_items(self) -> list[Any]:
        return list(itertools.islice(self._items, SHIPPED_SAMPLE))

    def _sample_results(self) -> list[Any]:
        if self._newest is None:
            return []
        some = enumerate(itertools.islice(self._newest.values, SHIPPED_SAMPLE))
        return [value for offset, value in some if offset not in self._newest.errors]

    def _gil_samples(self) -> int:
        if self._watch is not None:
            return self._watch.naps if self._gil else 0
        return self._before.gil_samples if self._before is not None else 0

    def _gil_held(self, computing: float) -> float | None:
        """Share of the time that the GIL was held; on an interpreter without one, never."""
        if not self._gil:
            # Turned on meanwhile, by what an item has imported: of what it is held for, nothing was seen.
            return None if gil_enabled() else 0.0
        if self._crowded:
            # Whoever held it since, it need not have been the item that was looked at.
            return None if self._held_then is None else _believable(self._held_then, computing)
        if self._watch is not None:
            held = self._watch.held
            if held is not None and held <= MOSTLY and self._watch.naps < SURE_NAPS:
                # Where it is free, it is looked at more often than that.
                return None
            return _believable(held, computing)
        return self._before.gil_held if self._before is not None else None


def taken_by_us_s(wall_s: Seconds, cpu_s: Seconds, watching_s: Seconds) -> Seconds:
    """Say for how long items waited for the GIL, because who looks on and starts their company had it.

    To fork two workers takes 1 to 2 ms, in which the thread that forks has the GIL: of 10 ms of items that compute, a
    sixth looked like waiting. It kept them from computing only where that was what they did: of an item that computes
    for a part of its time, for that part.
    """
    waited_s = max(0.0, wall_s - cpu_s)
    return min(waited_s, watching_s * min(1.0, cpu_s / wall_s)) if wall_s > 0 else 0.0


def _payload(sample: list[Any], *, by_value: bool) -> Payload | None:
    return measure_payloads(sample, by_value=by_value) if sample else None


def _believable(held: float | None, computing: float) -> float | None:
    """Hold what was seen of the GIL against the CPU time: who holds it computes, nearly always.

    On a busy machine some looks come late because there was no core for them. Most of them do not, so that a GIL that
    is held most of the time is believed (a C library may wait without letting it go).
    """
    return held if held is None or held > MOSTLY else min(held, computing)


def _without_cold_start(samples: list[Sample]) -> list[Sample]:
    """Leave out a first chunk that is far off the others: it paid for what they found ready."""
    first, others = samples[0], samples[1:]
    if not others:
        return samples
    mean = sum(sample.wall_s for sample in others) / sum(sample.items for sample in others)
    return others if first.wall_s / first.items > COLD * mean else samples


def _spread(samples: list[Sample]) -> float:
    """Give the standard deviation from chunk to chunk as a share of the mean, each chunk weighed by its items."""
    items = sum(sample.items for sample in samples)
    mean = sum(sample.wall_s for sample in samples) / items
    if mean <= 0:
        return 0.0
    variance = sum(sample.items * (sample.wall_s / sample.items - mean) ** 2 for sample in samples) / items
    return math.sqrt(variance) / mean
