"""The first items: watched while they run, and kept company as soon as that is worth it.

The calling thread runs them, and cannot look on meanwhile. So the thread that watches the GIL looks after the rest: it
sees whether the item waits or computes, asks ``decide.opening`` who should keep it company, and plays the driver for
that company until the calling thread is back (``Driver.assist``).
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator

from poolwise.backends.company import FIRST, Company
from poolwise.backends.threads import ThreadsBackend
from poolwise.decide.limits import FILES_PER_ITEM, SPARE_FILES
from poolwise.decide.opening import COMPUTES, Scene, Wanted, company
from poolwise.measure.debugger import Coming
from poolwise.measure.firsts import FIRST_CHUNKS, Firsts
from poolwise.measure.limits import open_files
from poolwise.measure.locks import Asleep, asleep
from poolwise.measure.pace import Pacer, Runner
from poolwise.measure.probe import Probe
from poolwise.model.classes import replace
from poolwise.model.events import Batch, ChunkDone, TakenBack
from poolwise.model.options import MOST_WORKERS, BackendName, Options
from poolwise.model.plan import Joined
from poolwise.model.profile import Profile
from poolwise.model.units import Seconds
from poolwise.run.driver import Driver, Stands
from poolwise.run.scheduler import Scheduler
from poolwise.work.cuttable import AtWork

# So many workers are started before the calling thread, which may be back from its item, can be the driver again; a
# task is no more than a note to the event loop, which may have an answer.
AT_ONCE: dict[BackendName, int] = {"threads": 4, "processes": 4, "asyncio": 64}
# Threads that compute with the GIL let go have a core for more of their time than this.
SIDE_BY_SIDE = 0.75
# So many of the first chunks tell more than the very first alone.
SOME_FIRSTS = 3
# What is left of a chunk is worth taking it away if it takes so long.
WORTH_CUTTING_S: Seconds = 0.005
# An item that takes so many times as long as those before is another kind.
OTHER = 3.0
# When the first item has ended, the others get so much of its time, and no longer than this, to tell more.
OBSERVED = 0.25
OBSERVED_S: Seconds = 0.01
# The first of those that come are at work within so long.
COMING_S: Seconds = 0.0015
# So many threads or more, of which such a share waits for a lock while nobody computes, stand in line.
LINE = 3
IN_LINE = 0.5
# Whoever does not run the first items looks at them so often.
LOOK_EVERY_S: Seconds = 0.0005
# ... and ever less often, after such a share of the time that has gone by: each look takes the GIL from the items.
LOOK_AGAIN = 0.125
# While a worker is started beside an item that computes, the GIL changes hands so soon, and not after 5 ms: it is given
# up a dozen times on the way.
SWITCH_S: Seconds = 0.0002
# While the first items are watched, whoever looks on gets the GIL so soon. After the usual 5 ms it would often not get
# it at all: one that lets it go for some microseconds now and then, to read a file, begins those 5 ms anew each time.
WATCHED_S: Seconds = 0.0005


class Opening:
    """Looks on, and brings company."""

    def __init__(
        self,
        driver: Driver,
        options: Options,
        kind: BackendName,
        cores: int,
        runner: Runner | None,
        *,
        meet: Callable[[], object],
    ) -> None:
        """Look at nothing yet; ``kind`` of backend runs the first items, in the thread of ``runner``.

        ``meet`` is called before company comes.
        """
        self._meet = meet
        self._driver = driver
        self._options = options
        self._kind: BackendName = kind
        self._cores = cores
        self._begun = time.monotonic()
        self._pacer = Pacer(runner) if runner is not None else None
        self._probe: Probe | None = None
        self._company: Company | None = None
        self._most = 1
        self._files = open_files()[1] if kind == "asyncio" else 0
        self._asleep = False
        self._next_look = self._begun
        self._each_s: Seconds = 0.0
        """What an item of the chunk that the first worker runs takes, so far."""
        self.firsts = Firsts(by_number=True)
        """What the first chunks took, those of company among them."""
        self._line_s: Seconds = 0.0
        self.computes = False
        """Threads came to compute, while the GIL is let go."""
        self._beside_wall_s: Seconds = 0.0
        self._beside_cpu_s: Seconds = 0.0
        self.snapshot = False
        """A copy of this process can fork workers."""
        self.joined: Joined | None = None
        self._coming = Coming()
        self.debugger: str | None = None
        """What somebody looks on with, who has stopped in an item; nobody comes any more then."""
        self.error: BaseException | None = None
        """What went wrong with us while another thread looked on."""

    def attend(self, probe: Probe, company: Company) -> None:
        """Look at these."""
        self._probe, self._company = probe, company
        if self._kind != "loop" and self._pacer is not None:
            self._pacer.go()

    @contextlib.contextmanager
    def lent(self) -> Iterator[None]:
        """The calling thread runs an item."""
        if self._pacer is None or self._company is None or not self._pacer.is_here():
            yield
            return
        home = os.getpid()
        self._pacer.go()
        try:
            with self._driver.lent(), quick_switching(WATCHED_S):
                yield
        finally:
            # A child that the function has forked has none of these threads.
            if os.getpid() == home:
                self._pacer.stop()
                if self.error is not None:
                    raise self.error

    def hear(self, event: ChunkDone) -> None:
        """One of the first chunks is done."""
        self.firsts.hear(event)
        if self.computes:
            self._beside_wall_s += event.outcome.wall_s
            self._beside_cpu_s += event.outcome.cpu_s

    def end(self) -> None:
        """Bring nobody any more."""
        self._company = None

    def observe(self, company: Company, wall_s: Seconds) -> Iterator[Batch]:
        """The first item has ended: let the company that came with it tell more, for a moment, before it is decided.

        One item tells little: it made the connection, or filled the cache. And where threads stand in line at a lock,
        none of those that came with it ends at about the same time.
        """
        if self.joined is None or self.joined.backend != "threads":
            return
        before = len(self.firsts)
        # Company that came with the first one, and is as quick, is done that much later.
        late_s = self.joined.after_s + COMING_S
        patience_s = min(max(OBSERVED * wall_s, late_s), OBSERVED_S)
        yield from self._driver.drain(company, patience_s, self.firsts.has_enough)
        ended = len(self.firsts) - before
        now = _asleep(company) if ended < FIRST_CHUNKS // 2 else None
        if now is not None and _stands_in_line(now):
            self._line_s = wall_s / (1 + ended)

    def corrected(self, profile: Profile | None) -> Profile | None:
        """Mend what the probe cannot tell: it has seen the first item only, whoever else was there.

        Coroutines that run by turns in one thread have its clock in common.
        """
        if profile is None or self.joined is None or self._pacer is None:
            return profile
        if self.joined.backend == "threads" and len(self.firsts) >= SOME_FIRSTS:
            cpu_s = self.firsts.cpu_s
            wall_s = max(cpu_s, min(profile.wall_s, self.firsts.wall_s))
            inner = profile.process_cpu_s / profile.thread_cpu_s if profile.thread_cpu_s > 0 else 1.0
            process_s = max(1.0, inner) * cpu_s
            profile = replace(profile, wall_s=wall_s, thread_cpu_s=cpu_s, process_cpu_s=process_s)
        if self.computes and self._beside_cpu_s < SIDE_BY_SIDE * self._beside_wall_s:
            # They were to compute side by side, and took turns: a GIL that is let go for moments looks free.
            return replace(profile, wall_s=profile.cpu_s, gil_held=1.0)
        if self._line_s:
            return replace(profile, serial_s=self._line_s)
        if self.joined.backend == "processes" and profile.waiting < 1 - COMPUTES:
            # It has computed all along; what it waited for was its turn, while workers were started beside it.
            return replace(profile, queued_s=max(profile.queued_s, profile.wall_s - profile.cpu_s))
        if self._kind != "asyncio":
            return profile
        cpu_s = self._pacer.look().cpu_s / max(1, self._driver.scheduler.begun)
        return replace(profile, thread_cpu_s=min(cpu_s, profile.wall_s), process_cpu_s=min(cpu_s, profile.wall_s))

    def look_in_between(self) -> None:
        """Look from the driver's own thread, where that does not run the items itself."""
        now = time.monotonic()
        if self._kind == "loop" or now < self._next_look:
            return
        self._next_look = now + LOOK_AGAIN * (now - self._begun)
        if (wanted := self._wanted()) is not None:
            if news := self._cut():
                self._driver.hear(*news)
            workers = self._staff(self._driver.scheduler, wanted)
            if workers != self._driver.scheduler.workers:
                self._driver.resize(workers)

    def look(self) -> None:
        """Look from another thread while the calling thread runs items, and play the driver for their company."""
        if self._kind != "loop" or self._company is None or self.error is not None:
            return
        try:
            before = -1
            # Starting some threads takes as long as it takes to want some more: naps in between would only be longer
            # than they are meant to be, since all of those want the GIL.
            while before != (before := self._driver.scheduler.workers):
                wanted = self._wanted()
                if wanted is not None or self.joined is not None:
                    self._assist(self._company, wanted)
            self._driver.tell_meanwhile()
        except BaseException as error:  # noqa: BLE001 - nobody would hear of it in this thread; the calling thread raises it
            self.error = error

    def _assist(self, company: Company, wanted: Wanted | None) -> None:
        """Play the driver; beside an item that computes, with the GIL handed on quickly.

        Each call into the system gives it to who computes.
        """
        waits = wanted is not None and wanted.kind == "threads" and self._asleep
        with contextlib.nullcontext() if waits else quick_switching(SWITCH_S):
            news = self._cut if wanted is not None else tuple
            self._driver.assist(company, lambda scheduler: self._staff(scheduler, wanted), news)

    def _cut(self) -> list[TakenBack]:
        """Take away what the first worker has not begun, where nobody else would have anything to do.

        A quick first item made its next chunk a large one.
        """
        running = self._probe.running if self._probe is not None else None
        if running is None or self._driver.scheduler.waiting or not self._left(running):
            return []
        taken, chunk = running.items.cut(), running.chunk
        if not taken:
            return []
        return [TakenBack(FIRST, ((chunk.id, chunk.stop - taken),))]

    def _left(self, running: AtWork) -> int:
        """Count the items of a chunk that are worth being taken away, by what the one that runs takes already."""
        unbegun = running.items.unbegun
        return unbegun if unbegun * self._each_s >= WORTH_CUTTING_S else 0

    def _wanted(self) -> Wanted | None:
        # Read once: the calling thread takes it away when it is back.
        there = self._company
        if self._pacer is None or self._probe is None or there is None:
            return None
        pace = self._pacer.look()
        self._asleep = pace.asleep
        if self.joined is not None and self.joined.backend == "threads" and not self.computes:
            now = _asleep(there)
            if now is not None and (_stands_in_line(now) or _computes(now)):
                # Whatever the first one waits for: it has a lock meanwhile, so that more would have to be waited for;
                # or it is the only one that has to wait, and the others have work enough.
                return None
        if (stands := self._stands()) is None:
            return None
        waiting, item_s = stands
        running = self._probe.running
        begun = len(running.items) - running.items.unbegun if running is not None else 1
        self._each_s = max(0.0, pace.wall_s - self._probe.elapsed_s) / max(1, begun)
        scene = Scene(
            pace=pace,
            gil_held=self._probe.gil_held,
            waiting=waiting or (self._left(running) if running is not None else 0),
            cores=self._cores,
            snapshot=self.snapshot,
            kind=self._kind,
            far_side=pace.asleep and self._has_far_side(self._pacer),
            # As those that have ended, or as long as the one that runs already takes.
            item_s=None if item_s is None else max(item_s, self._each_s),
        )
        wanted = company(scene, self._options)
        if wanted is not None and self._kind == "loop":
            # A person at the prompt of a debugger is waited for, too: company would stop there beside this thread.
            self.debugger = self.debugger or self._pacer.debugger()
            if self._coming.is_coming():
                return None
        return wanted if self.debugger is None else None

    def _stands(self) -> Stands | None:
        """Say how the run stands; None where the calling thread is back and changes that, so that nobody need come."""
        return self._driver.glance() if self._kind == "loop" else self._driver.stands()

    def _has_far_side(self, pacer: Pacer) -> bool:
        """Tell whether somebody else is waited for; an event loop only ever waits for files, so these are counted."""
        if self._kind == "asyncio":
            return open_files()[1] > self._files
        return not pacer.waits_alone()

    def _staff(self, scheduler: Scheduler, wanted: Wanted | None) -> int:
        """Say how many workers there should be, the first one included; never fewer than there were.

        Where the copy that forks them is gone, it is this one.
        """
        if self._company is None or self._probe is None or self._pacer is None:
            return scheduler.workers
        kind = self.joined.backend if self.joined is not None else wanted.kind if wanted is not None else None
        if kind == "processes" and not self._company.processes.has_snapshot:
            return 1
        if wanted is None or not scheduler.waiting:
            return scheduler.workers
        if self.joined is None or (self.joined.backend == "processes" and wanted.kind != "processes"):
            # An item that has imported something, and waits now, is no reason to have no threads.
            if self.joined is None:
                self._meet()
            if self._each_s > OTHER * (scheduler.item_s or 0.0):
                # What was quick says nothing of those that company is given: one by one, until some are done.
                scheduler.doubt()
            self._most = _most_at_once()
            self.joined = Joined(wanted.kind, time.monotonic() - self._begun)
            self._company.starts = wanted.kind
            if wanted.kind != "processes":
                self.computes = not self._asleep
                self._probe.crowd(computes=self.computes)
                self._pacer.crowd()
        if wanted.kind != self.joined.backend:
            return scheduler.workers
        there = sum(1 for each in self._company.kinds.values() if each != wanted.kind)
        workers = max(
            scheduler.workers, min(there + wanted.workers, self._most, scheduler.workers + AT_ONCE[wanted.kind])
        )
        return workers if scheduler.most_workers is None else min(workers, scheduler.most_workers)


_switching = threading.Lock()
_wished: list[Seconds] = []
"""The intervals that are wanted now; there may be several runs in several threads."""
_usual: list[Seconds] = []
"""What the interval was before anybody wanted another."""


@contextlib.contextmanager
def quick_switching(seconds: Seconds) -> Iterator[None]:
    """Have the GIL handed on so soon, to whoever must not wait for it beside others who compute."""
    with _switching:
        if not _wished:
            _usual[:] = [sys.getswitchinterval()]
        _wished.append(seconds)
        sys.setswitchinterval(min((*_usual, *_wished)))
    try:
        yield
    finally:
        with _switching:
            _wished.remove(seconds)
            sys.setswitchinterval(min((*_usual, *_wished)))


def _asleep(company: Company) -> Asleep | None:
    """Look at the threads that came; None where they are too few to tell."""
    at_work = _at_work(company)
    return asleep(at_work) if len(at_work) >= LINE else None


def _stands_in_line(now: Asleep) -> bool:
    """Tell whether most of the threads that came wait for a lock that one of them has.

    Nobody computes: it is not the GIL. And somebody waits for the world: they do not all wait for threads inside of
    the function.
    """
    return now.locked > IN_LINE and now.away > 0 and now.running == 0


def _computes(now: Asleep) -> bool:
    """Tell whether most of the threads that came compute, or wait for the GIL to do so."""
    return now.away < 1 - IN_LINE and now.running > 0


def _at_work(company: Company) -> list[int]:
    threads = company.backend("threads")
    return threads.at_work() if isinstance(threads, ThreadsBackend) else []


def _most_at_once() -> int:
    """Say how many may run at once as far as open files go; the first item has not yet shown how many it needs."""
    limit, are_open = open_files()
    return max(1, (limit - are_open - SPARE_FILES) // FILES_PER_ITEM) if limit is not None else MOST_WORKERS
