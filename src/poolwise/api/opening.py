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
from collections.abc import Iterator

from poolwise.backends.company import Company
from poolwise.decide.opening import Scene, Wanted, company
from poolwise.measure.pace import Pacer, Runner
from poolwise.measure.probe import Probe
from poolwise.model.classes import replace
from poolwise.model.options import BackendName, Options
from poolwise.model.plan import Joined
from poolwise.model.profile import Profile
from poolwise.model.units import Seconds
from poolwise.run.driver import Driver
from poolwise.run.scheduler import Scheduler

# Whoever does not run the first items looks at them so often.
LOOK_EVERY_S: Seconds = 0.0005
# While a worker is started beside an item that computes, the GIL changes hands so soon, and not after 5 ms: it is given
# up a dozen times on the way.
SWITCH_S: Seconds = 0.0002


class Opening:
    """Looks on, and brings company."""

    def __init__(self, driver: Driver, options: Options, kind: BackendName, cores: int, runner: Runner | None) -> None:
        """Look at nothing yet; ``kind`` of backend runs the first items, in the thread of ``runner``."""
        self._driver = driver
        self._options = options
        self._kind = kind
        self._cores = cores
        self._begun = time.monotonic()
        self._pacer = Pacer(runner) if runner is not None else None
        self._probe: Probe | None = None
        self._company: Company | None = None
        self._workers = 1
        self.snapshot = False
        """A copy of this process can fork workers."""
        self.joined: Joined | None = None
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
            with self._driver.lent():
                yield
        finally:
            # A child that the function has forked has none of these threads.
            if os.getpid() == home:
                self._pacer.stop()
                if self.error is not None:
                    raise self.error

    def end(self) -> None:
        """Bring nobody any more."""
        self._company = None

    def corrected(self, profile: Profile | None) -> Profile | None:
        """Mend what the probe cannot tell: coroutines that run by turns in one thread have its clock in common."""
        if profile is None or self.joined is None or self._kind != "asyncio" or self._pacer is None:
            return profile
        cpu_s = self._pacer.look().cpu_s / max(1, self._driver.scheduler.begun)
        return replace(profile, thread_cpu_s=min(cpu_s, profile.wall_s), process_cpu_s=min(cpu_s, profile.wall_s))

    def look_in_between(self) -> None:
        """Look from the driver's own thread, where that does not run the items itself."""
        if self._kind != "loop" and (wanted := self._wanted()) is not None:
            workers = self._staff(self._driver.scheduler, wanted)
            if workers != self._driver.scheduler.workers:
                self._driver.resize(workers)

    def look(self) -> None:
        """Look from another thread while the calling thread runs items, and play the driver for their company."""
        if self._kind != "loop" or self._company is None or self.error is not None:
            return
        try:
            wanted = self._wanted()
            if wanted is not None or self.joined is not None:
                self._assist(self._company, wanted)
        except BaseException as error:  # noqa: BLE001 - nobody would hear of it in this thread; the calling thread raises it
            self.error = error

    def _assist(self, company: Company, wanted: Wanted | None) -> None:
        """Play the driver, with the GIL handed on quickly: each call into the system gives it up, to one who computes."""
        with _quick_switching():
            self._driver.assist(company, lambda scheduler: self._staff(scheduler, wanted))

    def _wanted(self) -> Wanted | None:
        if self._pacer is None or self._probe is None or self._company is None:
            return None
        scene = Scene(
            pace=self._pacer.look(),
            gil_held=self._probe.gil_held,
            waiting=self._driver.scheduler.waiting,
            cores=self._cores,
            snapshot=self.snapshot,
            kind=self._kind,
        )
        wanted = company(scene, self._options)
        if wanted is None or (self.joined is not None and wanted.kind != self.joined.backend):
            return None
        return wanted

    def _staff(self, scheduler: Scheduler, wanted: Wanted | None) -> int:
        """Say how many workers there should be, the first one included; never fewer than there were.

        Where the copy that forks them is gone, it is this one.
        """
        if self._company is None or self._probe is None:
            return scheduler.workers
        kind = self.joined.backend if self.joined is not None else wanted.kind if wanted is not None else None
        if kind == "processes" and not self._company.processes.has_snapshot:
            return 1
        if wanted is None or not scheduler.waiting:
            return scheduler.workers
        if self.joined is None:
            self.joined = Joined(wanted.kind, time.monotonic() - self._begun)
            self._company.starts = wanted.kind
            if wanted.kind != "processes":
                self._probe.crowd()
        workers = max(scheduler.workers, 1 + wanted.workers)
        return workers if scheduler.most_workers is None else min(workers, scheduler.most_workers)


_switching = threading.Lock()
_switching_since: list[Seconds] = []
"""What the interval was, once for each who wants it short now: there may be several runs in several threads."""


@contextlib.contextmanager
def _quick_switching() -> Iterator[None]:
    with _switching:
        usual_s = _switching_since[0] if _switching_since else sys.getswitchinterval()
        _switching_since.append(usual_s)
        sys.setswitchinterval(min(usual_s, SWITCH_S))
    try:
        yield
    finally:
        with _switching:
            _switching_since.pop()
            if not _switching_since:
                sys.setswitchinterval(usual_s)
