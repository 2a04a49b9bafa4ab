"""One run from its first item to its report: probe → plan → run → report. Every verb tells this story.

Who helps: the first items are watched by ``opening.py``, the rest by ``outlook.py``; ``ours.py`` looks after our own
threads, ``keeping.py`` after the journal, ``recording.py`` after the timeline. What is finished is made fit for the
caller by ``dressing.py``, and what happened is told by ``chronicle.py``.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from poolwise import backends
from poolwise.api.ask import NOT_WORTH_A_POOL_S, Ask, crew_for, first_crew, options_at_gate, wishes_of
from poolwise.api.chronicle import Chronicle, told_profile
from poolwise.api.dressing import Dressing, add_note
from poolwise.api.keeping import Keeping
from poolwise.api.opening import LOOK_EVERY_S, Opening
from poolwise.api.ours import Ours
from poolwise.api.outlook import Outlook, make_tally
from poolwise.api.recording import Recording
from poolwise.backends.company import FIRST, Company
from poolwise.backends.protocol import CAPABILITIES, Backend
from poolwise.decide.choose import decide_by, decide_forced, plan_company, plan_here, plan_there
from poolwise.decide.memory import memory_limit
from poolwise.decide.opening import worth_a_snapshot
from poolwise.decide.start import choose_start_method
from poolwise.errors import TooManyFailuresError
from poolwise.measure.cpu import Background
from poolwise.measure.debugger import debugger_here
from poolwise.measure.free_threading import gil_enabled
from poolwise.measure.machine import find_machine, usable_cores, wanted_cores
from poolwise.measure.probe import Probe
from poolwise.model.classes import replace
from poolwise.model.events import Batch, ChunkDone
from poolwise.model.facts import AtWork, Facts, foresee_by
from poolwise.model.failure import Failure
from poolwise.model.options import CLUSTERS, CORES_VARIABLE, BackendName
from poolwise.model.pictures import hire
from poolwise.model.plan import Debugged, OnlyHere, Plan, Revision, Turning, plan_ended
from poolwise.model.prose import learn_from
from poolwise.model.quota import most_at_once, quotas_of
from poolwise.model.report import Diagnosis, Report
from poolwise.model.retry import as_retry
from poolwise.report import find_painter, teach_words
from poolwise.report.progress.watch import make_watch
from poolwise.run.driver import TICK_S, Driver
from poolwise.run.scheduler import Scheduler
from poolwise.work import role
from poolwise.work.call import make_call
from poolwise.work.chunk import ChunkRules
from poolwise.work.items import make_items
from poolwise.work.job import Job

if TYPE_CHECKING:
    from poolwise.backends.cluster import Connection
    from poolwise.model.machine import Machine
    from poolwise.model.profile import Profile
    from poolwise.model.timeline import Timeline
    from poolwise.model.units import Bytes, Seconds
    from poolwise.run.gate import Gate

# Below this there is nothing to gain: starting the cheapest pool takes longer.
NOT_WORTH_A_LOOK_S: Seconds = 0.0005
# What the company of the first items ends within so long is left to it: to decide, and to start others, takes 5 ms.
NOT_WORTH_OTHERS_S: Seconds = 0.1
# map() looks so far ahead into an iterator to learn how many items are left.
PEEK_ITEMS = 1024
PEEK_S: Seconds = 0.002


# So often at least somebody looks whether those compute who are to: to look at threads takes the GIL from them.
COMPUTING_LOOK_S: dict[BackendName, Seconds] = {"processes": 0.05, "threads": 0.02}

learn_from(teach_words)
hire(find_painter)


@foresee_by
def _turnings(facts: Facts) -> tuple[Turning, ...]:
    from poolwise.decide.turning import find_turnings  # noqa: PLC0415 - few ask

    return find_turnings(facts)


class Execution:
    """A run: ``batches()`` does it, ``report()`` tells of it."""

    def __init__(self, ask: Ask) -> None:
        """Check what is asked; nothing runs yet."""
        role.refuse_nested_start(ask.verb)
        if CORES_VARIABLE in os.environ:
            wanted_cores()
        self._ask = ask
        self._options = options_at_gate(ask.options)
        self._call = make_call(ask.function, spread=ask.star or len(ask.iterables) > 1)
        self._keeping = Keeping(ask)
        self._items = ask.items or make_items(self._iterables(), stream=ask.stream)
        self._gate = self._make_gate()
        self._scheduler = Scheduler(wishes_of(ask), self._items.total, self._items.known, self._gate)
        revisions: list[Revision] = []
        self._recording = Recording(ask.options.timeline, self._item_at, self._kind_of, revisions)
        self._driver = Driver(
            self._scheduler,
            self._items,
            watch=make_watch(ask.options.progress),
            desc=self._call.name if ask.options.desc is None else ask.options.desc,
            total=ask.options.total,
            recorder=self._recording.recorder,
        )
        self._dressing = Dressing(self._call, self._item_at, ask.options.max_failures)
        self._probe: Probe | None = None
        self._company: Company | None = None
        self._opening: Opening | None = None
        self._outlook: Outlook | None = None
        self._now: Profile | None = None
        self._debugger: str | None = None
        """What somebody looks on with."""
        self._chronicle = Chronicle(self._scheduler, self._items, self._gate, revisions)
        self._background = Background()
        self._ours = Ours(self._recording.recorder)
        self._connection: Connection | None = None
        """To the cluster that was asked for."""
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
            yield from self.recall()
            if not self.is_over():
                yield from self.measure()
            while not self.is_over():
                # Once, as a rule; again where the work turns out to be other than it was thought.
                before, known, then = self.plan, self.profile, self.machine
                self.plan = plan = self._company_plan() or self.decide()
                if self._chronicle.runs:
                    self._chronicle.revise(before, known, then, plan, profile=self.profile, now=self.machine)
                yield from self.run(plan)
        except Exception as error:
            self._advise(error)
            raise
        except KeyboardInterrupt as stop:
            self._advise(stop)
            raise
        finally:
            self._end()
        yield from self._settle()

    def recall(self) -> Iterator[Batch]:
        """Open the journal, if there is one, and hand over what it knows of the items that are all there."""
        self._driver.memory.keeper = keeper = self._keeping.begin(self._call, self._items.total)
        if keeper is not None:
            yield from map(self._dressing.dress, self._driver.recall())

    def measure(self) -> Iterator[Batch]:
        """Run the first items as real work, watch them, and bring them company; not where the backend is given.

        A given backend may be there to protect us.
        """
        if self._options.backend != "auto":
            return
        plan, call = self._first_plan(), self._call
        if plan.backend == "loop" and (debugger := debugger_here()) is not None:
            # What it measures would be the debugger, and a person at its prompt looks like a function that waits.
            self._debugger = debugger
            return
        if call.coroutine and self._ask.event_loop is None:
            self._ours.begin_loop()
        cores = usable_cores()[0]
        runner = self._ours.runner(plan.backend)
        meet = self._meet_company
        self._opening = opening = Opening(self._driver, self._options, plan.backend, cores, runner, meet=meet)
        first = backends.create(plan, self._job())
        here = plan.backend == "loop"
        background = self._background.cores() if here else 0.0
        probe = Probe(
            first,
            coroutine=call.coroutine,
            total=self._items.total,
            here=here,
            look=opening.look,
            background=background,
        )
        self._probe, self._company = probe, Company(plan.backend, probe, self._make_backend, opening.lent)
        # Without a GIL threads compute beside it; where nobody can look at it, nobody will ask for a worker.
        opening.snapshot = here and runner is not None and gil_enabled() and self._keep_snapshot()
        self._company.hear = opening.hear
        opening.attend(probe, self._company)
        # Where the items run elsewhere, this thread looks on.
        tick_s = TICK_S if here or runner is None else LOOK_EVERY_S
        crew = first_crew(self._ask, plan, coroutine=call.coroutine)
        yield from map(self._dressing.dress, self._driver.go_on(self._company, crew, self._is_decided, tick_s=tick_s))
        opening.end()
        self._debugger = opening.debugger
        if not self.is_over():
            yield from map(self._dressing.dress, opening.observe(self._company, probe.elapsed_s))
        probe.rest()
        self._chronicle.probed(probe.items)

    def decide(self) -> Plan:
        """Look at the machine and choose; nothing but these figures and the options counts."""
        self._peek()
        company = self._company
        self.machine = machine = find_machine() if company is None else self._ours.machine(company, self.machine)
        left = self._scheduler.left
        if self._scheduler.has_suspects:
            # Whatever it costs: in this process, the item might end the caller's program.
            self.facts = None
            forced = replace(self._options, backend="processes")
            return self._bounded(decide_forced(machine, forced, left, coroutine=self._call.coroutine))
        if self._scheduler.only_here:
            self.facts = None
            return plan_here(left, OnlyHere())
        if self._debugger is not None:
            self.facts = None
            return plan_here(left, Debugged(self._debugger))
        if self._ask.bound and self._call.coroutine and self._options.backend == "auto":
            self.facts = None
            return self._bounded(plan_there(machine, self._options, left))
        self._find_profile(machine)
        self.machine = machine = self._with_clusters(machine)
        self.facts = Facts(
            profile=self.profile,
            machine=machine,
            options=self._options.without_objects(),
            left=left,
            ships_items=not self._items.inherited,
            coroutine=self._call.coroutine,
            joins=self._may_join(),
        )
        return self._kept() or self._bounded(decide_by(self.facts))

    def _with_clusters(self, machine: Machine) -> Machine:
        """Look for clusters where these may be chosen, or were."""
        name = self._options.backend
        if name in CLUSTERS:
            from poolwise.measure.clusters import named_cluster  # noqa: PLC0415 - few have a cluster

            if self._connection is None:
                self._connection = backends.connect(name, self._options.cluster)
            return replace(machine, clusters=(named_cluster(name, self._connection),))
        if name != "auto" or self._call.coroutine or not any(map(backends.is_connected, CLUSTERS)):
            return machine
        from poolwise.measure.clusters import connected_clusters  # noqa: PLC0415 - see above

        left, item_s = self._scheduler.left, self.profile.wall_s if self.profile is not None else None
        return replace(machine, clusters=connected_clusters(None if left is None or item_s is None else left * item_s))

    def run(self, plan: Plan) -> Generator[Batch, None, None]:
        """Run the rest as planned; a loop that was chosen goes on measuring, and ends early when it is surprised."""
        self._chronicle.begin_run()
        company, probe = self._company, self._probe
        if company is not None and plan.backend == "processes":
            plan = yield from self._make_room_for_processes(company, plan)
        crew = crew_for(
            plan,
            self._options,
            stream=self._ask.stream,
            coroutine=self._call.coroutine,
            inherited=self._items.inherited and plan.start_method == "fork",
        )
        if company is None or probe is None:
            backend = backends.create(plan, self._job(plan))
            yield from map(self._dressing.dress, self._driver.run(backend, crew))
            return
        company.starts = plan.backend
        if plan.here:
            # It is measured no more, nor watched: who watches is a thread, beside which nobody is forked.
            probe.follow(self.profile)
        until: Callable[[], bool] | None = None
        if plan.backend == "loop":
            probe.follow(self.profile)
            until = functools.partial(probe.surprised, plan.item_s) if plan.item_s is not None else None
        elif not self._scheduler.has_suspects and (outlook := self._look_out(company, plan)) is not None:
            until = self._is_surprised
            crew = replace(crew, workers=outlook.workers + plan.here)
        others = company.of_other_kinds(plan.backend)
        if plan.here:
            others.remove(FIRST)
        recall = [worker for worker in others if CAPABILITIES[company.kinds[worker]].gives_back]
        if plan.backend == "processes" and company.has("processes"):
            recall += company.processes.set_tasks(plan.tasks_per_worker)
        # Who is to compute is looked at, whether anything is brought or not.
        watched = self.profile is not None and Outlook.is_watched(plan, self.profile)
        tick_s = COMPUTING_LOOK_S[plan.backend] if watched else TICK_S
        steps = self._driver.go_on(company, crew, until, without=others, recall=recall, tick_s=tick_s)
        yield from map(self._dressing.dress, steps)

    def report(self, *, timeline: bool = True) -> Report:
        """Tell what happened, with the ``timeline`` where there is one, or without it."""
        now = time.monotonic()
        profile = told_profile(self.profile, self._probe)
        plan = self.plan or self._company_plan()
        return self._chronicle.report(
            now,
            plan or self._plan_ended(now - self._chronicle.begun),
            profile,
            self.machine,
            self.facts,
            most=self._outlook.most if self._outlook is not None else None,
            timeline=self.teller() if timeline and self.teller is not None else None,
        )

    @property
    def teller(self) -> Callable[[], Timeline] | None:
        """Give what tells who worked on what and when, so far; None where nobody has asked for it."""
        return self._recording.teller

    def diagnose(self) -> Diagnosis:
        """Measure and decide, and stop there."""
        try:
            for _ in self.measure():
                pass
            plan = None if self.is_over() else self.decide()
        finally:
            self._end()
        found = self.profile or (self._probe.profile(shipping=False) if self._probe else None)
        profile = told_profile(found, self._probe)
        if self._driver.ending is not None:
            for _ in self._settle():
                pass
            if self.error is not None:
                raise self.error
        plan = plan or self._plan_ended(self._chronicle.probe_s)
        return self._chronicle.diagnosis(plan, profile, self.machine, self.facts)

    def _plan_ended(self, seconds: Seconds) -> Plan:
        """Make the Plan of a run that was over before there was anything to decide, after so long."""
        return plan_ended(self._scheduler.counts.done, seconds, coroutine=self._call.coroutine)

    def wanted(self, batch: Batch) -> Sequence[Any]:
        """Give the values of a batch that the caller wants to see."""
        if batch.failures and self._options.errors == "skip":
            return [value for offset, value in enumerate(batch.values) if offset not in batch.failures]
        return batch.values

    # --- The parts --------------------------------------------------------------------------------------------

    def is_over(self) -> bool:
        """Tell whether nothing is left to run."""
        return self._scheduler.finished or self._driver.ending is not None or self._driver.cancelled

    @property
    def may_fail(self) -> bool:
        """Too many failures end the run, and what is done then is to be kept."""
        return self._options.max_failures is not None

    @property
    def has_more(self) -> bool:
        """Tell whether more is ready behind the batch that was given just now: they may be written together."""
        return self._driver.has_more

    def cancel(self) -> None:
        """End the run soon, from any thread."""
        self._driver.cancel()

    def leave(self) -> None:
        """End the workers of a run that was cancelled and whose driver is in an item itself, from another thread."""
        if self._company is not None:
            self._driver.dismiss(self._company.close_others)

    def wake(self) -> None:
        """Tell that more items have come, from any thread."""
        self._driver.wake()

    @property
    def cancelled(self) -> bool:
        """Tell whether it was ended by ``cancel``, before all was done."""
        return self._driver.cancelled and not self._scheduler.finished

    def _iterables(self) -> tuple[Iterable[Any], ...]:
        """Give what is to be read: one by one where a journal may know of millions that nobody has asked for yet."""
        given = cast("tuple[Iterable[Any], ...]", self._ask.iterables)
        return tuple(map(iter, given)) if self._ask.stream and self._keeping.journal is not None else given

    @property
    def advice(self) -> str | None:
        """Say what a journal has of a run that did not come to its end, and how to go on; None where there is none."""
        return self._keeping.advice(self._scheduler)

    def _advise(self, error: BaseException) -> None:
        """Say with an error what is kept of the run that it ended."""
        if self.advice is not None:
            add_note(error, f"poolwise: {self.advice}")

    def _bounded(self, plan: Plan) -> Plan:
        """Name no more workers than may be at work at a time: of a given backend, ``decide`` knows no bound."""
        most = most_at_once(self._options.limit)
        return plan if most is None or plan.workers <= most else replace(plan, workers=most)

    def _first_plan(self) -> Plan:
        """Where a late item must be given up, the probe cannot run in the thread that has to do it."""
        if self._call.coroutine:
            return Plan(backend="asyncio")
        return Plan(backend="threads" if self._options.timeout is not None else "loop")

    def _is_decided(self) -> bool:
        """Tell whether enough is known; look on where the first items run elsewhere."""
        assert self._probe is not None  # noqa: S101 - it is asked while they run; for the type checker
        assert self._opening is not None  # noqa: S101 - see above
        joined = self._opening.joined
        # Who came to wait is told by the first item what he waits for; a first one that computes may be a cold one.
        told = joined is not None and self._probe.items and not self._opening.computes
        helped = joined is not None and joined.backend != "processes"
        if (self._probe.satisfied() or told) and (helped or not self._ends_soon()):
            return True
        self._opening.look_in_between()
        return False

    def _ends_soon(self) -> bool:
        """Tell whether those who are there end the rest sooner than it pays to decide who else should come.

        Company of processes are as many as there are cores, together with this thread.
        """
        item_s, left, workers = self._scheduler.item_s, self._scheduler.left, self._scheduler.workers
        limit_s = NOT_WORTH_A_POOL_S if workers == 1 else NOT_WORTH_OTHERS_S * workers
        return item_s is not None and left is not None and left * item_s < limit_s

    def _is_surprised(self) -> bool:
        """Tell whether the work is another by now than the one that was planned for."""
        assert self._outlook is not None  # noqa: S101 - it is asked while they run; for the type checker
        self._now = self._outlook.look()
        return self._now is not None

    def _look_out(self, company: Company, plan: Plan) -> Outlook | None:
        """Look at the run from now on, where something is known that it can be held against."""
        if self.profile is None or self.machine is None or self._opening is None:
            return None
        there = company.there(plan.backend)
        tally = make_tally(company.backend(plan.backend), plan)
        joined = self._opening.joined
        # What was run in another way, or before the work changed, is no base.
        same_way = self._chronicle.runs == 1 and joined is not None and joined.backend == plan.backend
        firsts = self._opening.firsts if same_way else None
        outlook = Outlook(self._driver, plan, self.profile, self.machine, tally, there=there, firsts=firsts)
        self._outlook = outlook

        def hear(event: ChunkDone) -> None:
            # What others end that go no further says nothing of this way.
            if company.kinds[event.worker] == plan.backend:
                outlook.hear(event)

        company.hear = hear
        return outlook

    def _make_backend(self, kind: BackendName) -> Backend:
        """Make a backend that joins the first one."""
        plan = self.plan if self.plan is not None and self.plan.backend == kind else Plan(backend=kind)
        return backends.create(plan, self._job(plan))

    def _may_join(self) -> bool:
        """Tell whether the calling thread may run items among others: it is asked for nothing meanwhile, and can be."""
        options = self._options
        able = options.timeout is None and options.initializer is None and options.crash_retries > 0
        asked = self._ask.stream or self._ask.verb == "why" or self._ask.event_loop is not None
        first = self._company is not None and self._company.kinds.get(FIRST) == "loop"
        # While it runs an item, nobody else would be let through the gate.
        return able and first and not asked and self._gate is None

    def _keep_snapshot(self) -> bool:
        """Copy this process before the first item, where few items may be long, and it can be forked."""
        total, options = self._items.total, self._options
        cores = usable_cores()[0]
        if total is None or not worth_a_snapshot(total, cores, options):
            return False
        self.machine = find_machine()
        if choose_start_method(self.machine, options).method != "fork" or self.machine.in_worker:
            return False
        assert self._company is not None  # noqa: S101 - made before; for the type checker
        self.plan = Plan(backend="processes", workers=cores, start_method="fork")
        processes = self._company.processes
        self.plan = None
        processes.take_snapshot()
        return True

    def _kept(self) -> Plan | None:
        """Make the Plan that keeps the company that is there, where another way would be better, but not for the rest.

        What is under way has to end where it was begun, and only what is with nobody could go elsewhere.
        """
        joined, company, facts = self._opening.joined if self._opening is not None else None, self._company, self.facts
        if joined is None or company is None or joined.backend == "processes":
            # Processes give back what they have not begun.
            return None
        if facts is None or facts.left is None or self._chronicle.runs:
            return None
        if not self._scheduler.waiting or decide_by(facts).backend == joined.backend:
            return None
        waiting = self._scheduler.waiting
        under_way = facts.left - waiting
        there = AtWork(backend=joined.backend, workers=company.there(joined.backend), under_way=under_way)
        rest = replace(facts, left=waiting, company=there)
        plan = decide_by(rest)
        if plan.backend != joined.backend:
            return None
        self.facts = rest
        return plan

    def _find_profile(self, machine: Machine) -> None:
        """Say what the work is like: as it is by now, if that was another; else as the first items showed it."""
        if self._now is not None:
            self.profile, self._now = self._now, None
        elif self._probe is not None and self._opening is not None:
            inherited = choose_start_method(machine, self._options).method == "fork"
            function = None if inherited else self._ask.function
            found = self._probe.profile(shipping=self._is_worth_a_look(), function=function)
            self.profile = self._opening.corrected(found)

    def _company_plan(self) -> Plan | None:
        """Where company has all that is left, there is nothing to decide."""
        joined = self._opening.joined if self._opening is not None else None
        if joined is None or self._company is None or self._probe is None or self._chronicle.runs:
            return None
        if self._scheduler.total is None or self._scheduler.waiting or self._scheduler.at_gate:
            return None
        self.machine = self.machine or find_machine()
        self.profile, self.facts = self._probe.profile(shipping=False), None
        workers = self._company.there(joined.backend)
        return plan_company(self.profile, self.machine, joined, workers, self._scheduler.left)

    def _meet_company(self) -> None:
        """Look at the machine while that is quick: where many want the GIL, each file that is read takes its time."""
        # The one that looks on is no thread that Python knows.
        self.machine = find_machine(native_ours=1)

    def _make_room_for_processes(self, company: Company, plan: Plan) -> Generator[Batch, None, Plan]:
        """End our own threads, so that workers can be forked; give the plan, another one where they cannot."""
        if self._ours.count(company):
            yield from map(self._dressing.dress, self._driver.drain(company))
            self._ours.end(company)
            # The items may have started threads that go on.
            self.machine = find_machine()
            method = choose_start_method(self.machine, self._options).method
            free = not (self._call.coroutine or self._scheduler.has_suspects)
            if method != plan.start_method and self.facts is not None and free:
                # A fresh interpreter has to import all that this one has, which may take longer than the work.
                self.facts = replace(self.facts, machine=self.machine, left=self._scheduler.left)
                self.plan = plan = decide_by(self.facts)
            elif method != plan.start_method:
                self.plan = plan = replace(plan, start_method=method)
        if plan.backend == "processes" and company.has("processes"):
            company.processes.start_by(plan)
        return plan

    def _job(self, plan: Plan | None = None) -> Job:
        options, stream = self._options, self._ask.stream
        return Job(
            call=self._call,
            items=self._items,
            rules=ChunkRules(
                stop_at_error=options.errors == "raise" and not as_retry(options.retries).retries,
                # An error in company may be excused, and what came before it is not to be done again.
                keep_partial=stream
                or self._keeping.journal is not None
                or (self._company is not None and (plan is None or plan.backend != "loop")),
                timeout_s=options.timeout,
                timed=self._recording.recorder is not None,
            ),
            initializer=options.initializer,
            initargs=options.initargs,
            event_loop=self._ask.event_loop or self._ours.event_loop,
            cores=self.machine.cores if self.machine is not None else 1,
            inner_max_num_threads=options.inner_max_num_threads,
            cluster=self._connection,
            seed=options.seed,
            # What is put there at once has not been kept.
            into=self.into if self._keeping.journal is None else None,
            memory_limit=self._memory_limit(plan),
        )

    def _memory_limit(self, plan: Plan | None) -> Bytes | None:
        if plan is None or plan.backend != "processes":
            return None
        return memory_limit(self._options, self.machine, plan.workers)

    def _end(self) -> None:
        try:
            self._close()
        finally:
            # Whatever has ended the run: most of all then somebody wants to see it.
            self._recording.end()

    def _kind_of(self, worker: int) -> BackendName:
        if self._company is not None:
            return self._company.kinds[worker]
        assert self.plan is not None  # noqa: S101 - a worker was started by it; for the type checker
        return self.plan.backend

    def _make_gate(self) -> Gate | None:
        """Make a gate where a rate or a limit was asked for."""
        quotas = quotas_of(self._options.rate, self._options.limit)
        if not quotas:
            return None
        from poolwise.run.gate import Gate  # noqa: PLC0415 - few ask

        return Gate(quotas, self._item_at)

    def _item_at(self, index: int) -> Any:  # noqa: ANN401 - any item
        """Give an item that is still held; a function may have emptied the very list that it was called on."""
        return next(iter(self._items.slice(index, index + 1)), None)

    def _close(self) -> None:
        try:
            self._close_all()
        finally:
            self._keeping.end(self._scheduler, ended=self._driver.ending is not None)

    def _close_all(self) -> None:
        """However it ends: an open progress line hides the terminal's cursor, and a loop of ours keeps its thread."""
        try:
            self._end_all()
        except BaseException:
            # A Ctrl-C in the middle of it; to end again what has ended does nothing.
            self._end_all()
            raise

    def _end_all(self) -> None:
        if self._probe is not None:
            # After a Ctrl-C the watching thread may be starting a worker at this very moment.
            self._probe.rest()
        if self._company is not None:
            self._driver.close(self._company)
        self._driver.finish()
        self._ours.end_loop()
        if self._connection is not None:
            self._connection.close()

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
        if ending is not None and isinstance(ending.error, TooManyFailuresError) and ending.failed is None:
            self.error = self._dressing.too_many(self._scheduler.held)
        elif ending is not None:
            self.error = ending.error if ending.failed is None else self._dressing.failure(ending.failed).error
            self._advise(self.error)
        elif input_error is not None:
            index = self._items.known
            add_note(input_error, f"poolwise: raised by the iterable, in the place of item {index}")
            if self._options.errors == "collect":
                failure = Failure(index, None, input_error)
                yield Batch(index, [failure], {0: failure})
            else:
                self.error = input_error
