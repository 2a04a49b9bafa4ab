"""One run from its first item to its report: probe → plan → run → report. Every verb tells this story."""

from __future__ import annotations

import contextlib
import functools
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from poolwise import backends
from poolwise.backends.protocol import CAPABILITIES
from poolwise.decide.choose import decide_by
from poolwise.decide.cost import CHUNK_S
from poolwise.decide.memory import memory_limit
from poolwise.decide.start import choose_start_method
from poolwise.errors import NotAwaitableError
from poolwise.measure.cpu import CpuClock
from poolwise.measure.machine import find_machine, wanted_cores
from poolwise.measure.probe import PROBE_CHUNK_S, Probe
from poolwise.model.classes import frozen, replace
from poolwise.model.events import Batch, Failed
from poolwise.model.facts import Facts, foresee_by
from poolwise.model.failure import Failure
from poolwise.model.options import CORES_VARIABLE, Options
from poolwise.model.plan import Plan, Turning, plan_ended
from poolwise.model.prose import learn_from
from poolwise.model.report import Diagnosis, Report
from poolwise.report import teach_words
from poolwise.report.progress import make_watch
from poolwise.run.adapt import Sizing
from poolwise.run.driver import Driver
from poolwise.run.scheduler import Scheduler
from poolwise.run.terms import Crew, Wishes
from poolwise.work import role
from poolwise.work.call import make_call, short_repr
from poolwise.work.chunk import ChunkRules
from poolwise.work.items import make_items
from poolwise.work.job import Job

if TYPE_CHECKING:
    import asyncio

    from poolwise.backends.coroutines import LoopThread
    from poolwise.model.machine import Machine
    from poolwise.model.profile import Profile
    from poolwise.model.units import Bytes, Seconds

# Streams are watched by their consumer and get chunks no longer than this.
STREAM_CHUNK_S: Seconds = 0.005
# Below this there is nothing to gain: starting the cheapest pool takes longer.
NOT_WORTH_A_LOOK_S: Seconds = 0.0005
# What ends sooner than this in the loop is not worth a pool, whatever pool: two forked workers take 5 ms to start and
# save half at most.
NOT_WORTH_A_POOL_S: Seconds = 0.01
# map() looks so far ahead into an iterator to learn how many items are left.
PEEK_ITEMS = 1024
PEEK_S: Seconds = 0.002


# A task that never awaits cannot be ended, and its loop's thread is left behind after so long.
OWN_LOOP_PATIENCE_S: Seconds = 0.5

learn_from(teach_words)


@foresee_by
def _turnings(facts: Facts) -> tuple[Turning, ...]:
    from poolwise.decide.turning import find_turnings  # noqa: PLC0415 - few ask

    return find_turnings(facts)


@frozen
class Ask:
    """What the caller asks for."""

    verb: str
    function: Callable[..., Any]
    iterables: tuple[Iterable[Any], ...]
    options: Options
    star: bool = False
    stream: bool = False
    event_loop: asyncio.AbstractEventLoop | None = None


class Execution:
    """A run: ``batches()`` does it, ``report()`` tells of it."""

    def __init__(self, ask: Ask) -> None:
        """Check what is asked; nothing runs yet."""
        role.refuse_nested_start(ask.verb)
        if CORES_VARIABLE in os.environ:
            wanted_cores()
        self._ask = ask
        self._options = ask.options
        self._call = make_call(ask.function, spread=ask.star or len(ask.iterables) > 1)
        self._items = make_items(ask.iterables, stream=ask.stream)
        self._scheduler = Scheduler(_wishes(ask), self._items.total, self._items.known)
        self._driver = Driver(self._scheduler, self._items, watch=make_watch(self._options.progress, self._call.name))
        self._probe: Probe | None = None
        self._begun = time.monotonic()
        self._cpu = CpuClock()
        self._probe_s: Seconds = 0.0
        self._probe_items = 0
        self._runs = 0
        self._own_loop: LoopThread | None = None
        self._event_loop: asyncio.AbstractEventLoop | None = None
        self._run_begun: Seconds | None = None
        self.plan: Plan | None = None
        self.profile: Profile | None = None
        self.machine: Machine | None = None
        self.facts: Facts | None = None
        self.into: list[Any] | None = None
        """The list that a verb gathers all values in, in order; some may be put there before their batch says so."""
        self.error: BaseException | None = None
        """What ended the run early; the verb raises it, outside of any generator."""

    # --- The story --------------------------------------------------------------------------------------------

    def batches(self) -> Generator[Batch, None, None]:
        """Measure, decide, run: yield what is finished, in batches; whatever happens, everything is closed.

        A batch's failures come as ``Failure`` values, in ``values`` and (by offset) in ``failures``.
        """
        try:
            yield from self.measure()
            while not self.is_over():
                # Once, as a rule; again where the work in the loop turns out to be heavier than it was thought.
                self.plan = self.decide()
                yield from self.run(self.plan)
        finally:
            self._close()
        yield from self._settle()

    def measure(self) -> Iterator[Batch]:
        """Run the first items as real work and measure them; not where the backend is given, and may protect us."""
        if self._options.backend != "auto":
            return
        if self._call.coroutine and self._ask.event_loop is None:
            # One loop for the whole run: what the function keeps (a session, a semaphore) belongs to it.
            from poolwise.backends.coroutines import LoopThread  # noqa: PLC0415 - asyncio takes 40 ms to import

            self._own_loop = LoopThread()
            self._event_loop = self._own_loop.begin()
        plan, call, total = self._probe_plan(), self._call, self._items.total
        inner = backends.create(plan, self._job())
        self._probe = Probe(inner, coroutine=call.coroutine, total=total, here=plan.backend == "loop")
        finish_s = 0.0 if self._ask.stream else NOT_WORTH_A_POOL_S
        alone = 1 if _gives_up_workers(plan, self._options, coroutine=call.coroutine) else None
        crew = Crew(workers=1, sizing=Sizing(chunksize=alone, target_s=PROBE_CHUNK_S, finish_s=finish_s))
        yield from map(self._dress, self._driver.run(self._probe, crew, until=self._probe.satisfied))
        self._probe_s, self._probe_items = time.monotonic() - self._begun, self._probe.items

    def decide(self) -> Plan:
        """Look at the machine and choose; nothing but these figures and the options counts."""
        self._peek()
        machine, left = find_machine(), self._scheduler.left
        if self._own_loop is not None:
            # Our loop's thread is not there any more when workers are forked.
            machine = replace(machine, python_threads=max(1, machine.python_threads - 1))
        self.machine = machine
        if self._probe is not None:
            starts = choose_start_method(machine, self._options)
            self.profile = self._probe.profile(
                shipping=self._is_worth_a_look(), function=None if starts.method == "fork" else self._ask.function
            )
        self.facts = Facts(
            profile=self.profile,
            machine=machine,
            options=self._options.without_objects(),
            left=left,
            ships_items=not self._items.inherited,
            coroutine=self._call.coroutine,
        )
        return decide_by(self.facts)

    def run(self, plan: Plan) -> Iterator[Batch]:
        """Run the rest as planned; a loop that was chosen goes on measuring, and ends early when it is surprised."""
        self._run_begun = time.monotonic()
        self._runs += 1
        if plan.backend == "processes":
            self._end_own_loop()
        backend, until = backends.create(plan, self._job(plan, initialized=plan.backend in ("loop", "asyncio"))), None
        if plan.backend == "loop" and plan.item_s is not None:
            backend = self._probe = Probe(backend, coroutine=False, total=plan.items, here=True, before=self.profile)
            until = functools.partial(self._probe.surprised, plan.item_s)
        inherited = self._items.inherited and backend.inherits_items()
        crew = _crew(plan, self._options, stream=self._ask.stream, coroutine=self._call.coroutine, inherited=inherited)
        yield from map(self._dress, self._driver.run(backend, crew, until=until))

    def report(self) -> Report:
        """Tell what happened."""
        counts = self._scheduler.counts
        wall_s = time.monotonic() - self._begun
        return Report(
            plan=self.plan or plan_ended(counts.done, wall_s, coroutine=self._call.coroutine),
            profile=self.profile,
            machine=self.machine,
            items=counts.done,
            failed=counts.failed,
            retried=counts.retried,
            deaths=counts.deaths,
            recycled=counts.recycled,
            workers_started=counts.started,
            chunks=counts.chunks,
            wall_s=wall_s,
            probe_s=self._probe_s,
            probe_items=self._probe_items,
            revised=max(0, self._runs - 1),
            run_s=time.monotonic() - self._run_begun if self._run_begun is not None else 0.0,
            cpu_s=self._cpu.elapsed_s(),
            read_s=self._items.read_s,
            longest_s=self._scheduler.longest_s,
            facts=self.facts,
        )

    def diagnose(self) -> Diagnosis:
        """Measure and decide, and stop there."""
        try:
            for _ in self.measure():
                pass
            plan = None if self.is_over() else self.decide()
        finally:
            self._close()
        counts = self._scheduler.counts
        if self._driver.ending is not None:
            for _ in self._settle():
                pass
            if self.error is not None:
                raise self.error
        return Diagnosis(
            plan=plan or plan_ended(counts.done, self._probe_s, coroutine=self._call.coroutine),
            profile=self.profile or (self._probe.profile(shipping=False) if self._probe else None),
            machine=self.machine,
            sampled=counts.done,
            sample_s=self._probe_s,
            total=self._scheduler.total,
            facts=self.facts,
        )

    def wanted(self, batch: Batch) -> Sequence[Any]:
        """Give the values of a batch that the caller wants to see."""
        if batch.failures and self._options.errors == "skip":
            return [value for offset, value in enumerate(batch.values) if offset not in batch.failures]
        return batch.values

    # --- The parts --------------------------------------------------------------------------------------------

    def is_over(self) -> bool:
        """Tell whether nothing is left to run."""
        return self._scheduler.finished or self._driver.ending is not None or self._driver.cancelled

    def cancel(self) -> None:
        """End the run soon, from another thread."""
        self._driver.cancel()

    def _dress(self, batch: Batch) -> Batch:
        """Give failures their items, while these are still held."""
        if batch.start == 0:
            self._refuse_coroutines(batch)
        if not batch.failures:
            return batch
        failures = {offset: self._failure(failed) for offset, failed in batch.failures.items()}
        values = [failures.get(offset, value) for offset, value in enumerate(batch.values)]
        return Batch(batch.start, values, failures)

    def _refuse_coroutines(self, batch: Batch) -> None:
        """A plain function that gives coroutines has done nothing yet, and nobody would ever await them."""
        given = batch.values[0] if batch.values else None
        if not isinstance(given, CoroutineType):
            return
        for value in (each for each in batch.values if isinstance(each, CoroutineType)):
            value.close()
        raise NotAwaitableError(
            f"{self._call.name} gives coroutines, but is not an async function itself, so that nobody awaits them: "
            "pass the async function (functools.partial adds arguments to it), or say backend='asyncio'"
        )

    def _failure(self, failed: Failed) -> Failure:
        # A function may have emptied the very list that it was called on.
        item = next(iter(self._items.slice(failed.index, failed.index + 1)), None)
        error = failed.error.as_raised()
        _add_note(error, f"poolwise: on item {failed.index}: {short_repr(item)}")
        return Failure(failed.index, item, error, failed.attempts, failed.error.traceback)

    def _probe_plan(self) -> Plan:
        """Where a late item must be given up, the probe cannot run in the thread that has to do it."""
        if self._call.coroutine:
            return Plan(backend="asyncio")
        return Plan(backend="threads" if self._options.timeout is not None else "loop")

    def _job(self, plan: Plan | None = None, *, initialized: bool = False) -> Job:
        options, stream = self._options, self._ask.stream
        return Job(
            call=self._call,
            items=self._items,
            rules=ChunkRules(
                stop_at_error=options.errors == "raise" and options.retries == 0,
                keep_partial=stream,
                timeout_s=options.timeout,
            ),
            # The probe has called it in this thread already.
            initializer=None if initialized and self._probe is not None else options.initializer,
            initargs=options.initargs,
            event_loop=self._ask.event_loop or self._event_loop,
            cores=self.machine.cores if self.machine is not None else 1,
            inner_max_num_threads=options.inner_max_num_threads,
            seed=options.seed,
            into=self.into,
            memory_limit=self._memory_limit(plan),
        )

    def _memory_limit(self, plan: Plan | None) -> Bytes | None:
        if plan is None or plan.backend != "processes":
            return None
        return memory_limit(self._options, self.machine, plan.workers)

    def _close(self) -> None:
        """However it ends: an open progress line hides the terminal's cursor, and a loop of ours keeps its thread."""
        self._driver.finish()
        self._end_own_loop()

    def _end_own_loop(self) -> None:
        if self._own_loop is not None:
            self._own_loop.end(OWN_LOOP_PATIENCE_S)
            self._own_loop = self._event_loop = None

    def _peek(self) -> None:
        """Learn how many items are left where that costs next to nothing; an endless stream is not read ahead."""
        if not self._ask.stream:
            self._driver.peek(PEEK_ITEMS, PEEK_S)

    def _is_worth_a_look(self) -> bool:
        item_s, left = self._scheduler.item_s, self._scheduler.left
        return item_s is not None and (left is None or left * item_s > NOT_WORTH_A_LOOK_S)

    def _settle(self) -> Iterator[Batch]:
        """Keep what ended the run; an error of the caller's iterator ends it too, after the items before it."""
        ending, input_error = self._driver.ending, self._items.error
        if ending is not None:
            self.error = ending.error if ending.failed is None else self._failure(ending.failed).error
        elif input_error is not None:
            index = self._items.known
            _add_note(input_error, f"poolwise: raised by the iterable, in the place of item {index}")
            if self._options.errors == "collect":
                failure = Failure(index, None, input_error)
                yield Batch(index, [failure], {0: failure})
            else:
                self.error = input_error


def _wishes(ask: Ask) -> Wishes:
    options = ask.options
    return Wishes(
        ordered=options.ordered,
        errors=options.errors,
        retries=options.retries,
        crash_retries=options.crash_retries,
        stream=ask.stream,
    )


def _crew(plan: Plan, options: Options, *, stream: bool, coroutine: bool, inherited: bool) -> Crew:
    """Staff a backend for a plan."""
    killing = _gives_up_workers(plan, options, coroutine=coroutine)
    target_s = CHUNK_S[plan.backend]
    # A caller who says how large a chunk is gets such chunks. Coroutines of a chunk are all begun at once.
    gives_back = CAPABILITIES[plan.backend].gives_back and plan.chunksize is None and not killing and not coroutine
    return Crew(
        workers=plan.workers,
        depth=CAPABILITIES[plan.backend].depth,
        sizing=Sizing(
            # An item that is late takes its worker with it: alone in its chunk, it takes no finished neighbour along.
            chunksize=1 if killing else plan.chunksize,
            target_s=min(target_s, STREAM_CHUNK_S) if stream else target_s,
            item_s=plan.item_s / plan.tasks_per_worker if plan.item_s is not None else None,
            least=plan.tasks_per_worker,
            by_share=gives_back and inherited and not stream,
        ),
        # Where nothing is to be run again, the first death must name its item.
        marked=killing or (plan.backend == "processes" and options.crash_retries == 0),
        gives_back=gives_back,
        # A copy of this process, which has the items, is ready in a millisecond if nothing of the caller's runs first;
        # from one that never is, they are taken back.
        at_once=gives_back and inherited and plan.start_method == "fork" and options.initializer is None,
    )


def _gives_up_workers(plan: Plan, options: Options, *, coroutine: bool) -> bool:
    """Tell whether a late item costs its worker; where many coroutines run in one, an item is cancelled alone."""
    return options.timeout is not None and not (coroutine and CAPABILITIES[plan.backend].coroutines == "many")


def _add_note(error: BaseException, note: str) -> None:
    """Add a note once: one exception object may stand for several items; some (frozen dataclasses) take none."""
    with contextlib.suppress(Exception):
        if note not in getattr(error, "__notes__", ()):
            error.add_note(note)
