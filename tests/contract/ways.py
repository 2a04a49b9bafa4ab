"""The ways to run work that have to keep the contract: every backend, by every start method, and the fake."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings

import poolwise
from poolwise.model.options import HAS_INTERPRETERS
from poolwise.testing import FakeBackend, FakeClock, Script
from poolwise.work.job import Job
from tests.contract import functions

WORKERS = 2
TimeoutPower = Literal["kills", "cancels", "abandons", "tells"]


@dataclass(kw_only=True)
class Way:
    """One way to run work, with what the tests have to know of it."""

    name: str
    options: dict[str, Any]
    examples: int = 15
    """So many inputs are tried where hypothesis chooses them."""
    coroutines: bool = False
    """The functions under test are turned into coroutine functions."""
    other_process: bool = False
    """Functions run in other processes, or interpreters: results and errors travel."""
    ships_items: bool = False
    """Items travel too, from whatever they come."""
    caller_thread: bool = False
    """Functions run in the caller's thread, where a KeyboardInterrupt is the person at the keyboard."""
    timeout: TimeoutPower = "abandons"
    forever_s: float = 30.0
    """An item that is given up would take this long: far more than a test may take. Nobody waits for its end."""
    faked: bool = False
    threads_inside: int = 1
    """Calls at a time in each worker process, whatever the Plan says."""
    script: Script = field(default_factory=Script)
    """How the fake's workers live and die."""
    fakes: list[FakeBackend] = field(default_factory=list)
    clock: FakeClock = field(default_factory=FakeClock)
    """The time of the fakes, and of the drivers that wait for them."""

    def fit(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Give the function in the form that this way wants."""
        return functions.coroutine_twin(function) if self.coroutines else function

    def map(self, function: Callable[..., Any], *iterables: Any, **options: Any) -> Any:
        return poolwise.map(self.fit(function), *iterables, **self._all(options))

    def starmap(self, function: Callable[..., Any], iterable: Any, **options: Any) -> Any:
        return poolwise.starmap(self.fit(function), iterable, **self._all(options))

    def imap(self, function: Callable[..., Any], *iterables: Any, **options: Any) -> Any:
        return poolwise.imap(self.fit(function), *iterables, **self._all(options))

    def _all(self, options: dict[str, Any]) -> dict[str, Any]:
        return {"max_workers": WORKERS, "progress": False, **self.options, **options}

    def fake(self, _plan: Any, job: Job) -> FakeBackend:
        """Stand in for ``poolwise.backends.create``."""
        self.fakes.append(FakeBackend(job, self.script, clock=self.clock))
        return self.fakes[-1]

    def for_all(self, **strategies: Any) -> Callable[[Callable[..., None]], None]:
        """Check a property at once, on as many inputs as this way can afford."""

        def check(property_: Callable[..., None]) -> None:
            limited = settings(
                max_examples=self.examples,
                deadline=None,  # a process takes as long to start as the machine pleases
                # Starting processes is slow, and the way is made once for all inputs: both are meant.
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
            )
            limited(given(**strategies)(property_))()

        return check


def _processes(method: str, *, examples: int, name: str = "", **more: Any) -> Way:
    return Way(
        name=name or f"processes-{method}",
        options={"backend": "processes", "start_method": method},
        examples=examples,
        other_process=True,
        ships_items=method != "fork",
        timeout="kills",
        **more,
    )


# A pool of fresh interpreters takes 0.12 s to start, and every example starts one.
FEW = 3

LOOP = Way(name="loop", options={"backend": "loop"}, caller_thread=True, timeout="tells")
THREADS = Way(name="threads", options={"backend": "threads"})
FORK = _processes("fork", examples=10)
FORKSERVER = _processes("forkserver", examples=FEW)
SPAWN = _processes("spawn", examples=FEW)
# An item that is left behind in another interpreter cannot be told to end, so it ends soon enough by itself.
INTERPRETERS = Way(
    name="interpreters",
    options={"backend": "interpreters"},
    examples=FEW,
    other_process=True,
    ships_items=True,
    forever_s=1.5,
)
ASYNCIO = Way(name="asyncio", options={"backend": "asyncio"}, coroutines=True, timeout="cancels")
AUTO = Way(name="auto", options={}, caller_thread=True)
# The same machinery by a side entrance: coroutine functions where plain ones are at home.
LOOP_COROUTINES = Way(
    name="loop-coroutines", options={"backend": "loop"}, coroutines=True, timeout="cancels", examples=10
)
THREADS_COROUTINES = Way(name="threads-coroutines", options={"backend": "threads"}, coroutines=True, examples=10)
INTERPRETERS_COROUTINES = dataclasses.replace(INTERPRETERS, name="interpreters-coroutines", coroutines=True)
FORK_COROUTINES = _processes("fork", examples=5, name="processes-coroutines", coroutines=True)
FORK_THREADS = _processes("fork", examples=5, name="processes-threads", threads_inside=4)
AUTO_COROUTINES = Way(name="auto-coroutines", options={}, coroutines=True, timeout="cancels", examples=10)
# The Plan that the fake gets is the one for processes: chunks ahead, and marked ones.
FAKE = Way(
    name="fake",
    options={"backend": "processes", "start_method": "fork"},
    caller_thread=True,
    faked=True,
    timeout="kills",
    examples=25,
)

PROCESSES = [FORK, FORKSERVER, SPAWN]
ALL = [
    LOOP,
    THREADS,
    *PROCESSES,
    INTERPRETERS,
    ASYNCIO,
    AUTO,
    FAKE,
    LOOP_COROUTINES,
    THREADS_COROUTINES,
    INTERPRETERS_COROUTINES,
    FORK_COROUTINES,
    FORK_THREADS,
    AUTO_COROUTINES,
]


FRESH = (FORKSERVER, SPAWN)
ISOLATED = (INTERPRETERS, INTERPRETERS_COROUTINES)


def on(*ways: Way, core: bool = False) -> pytest.MarkDecorator:
    """Run a test on these ways.

    Fresh interpreters take most of the time and share all but their start with the others: they are slow tests,
    but for the core, in which the start matters.
    """
    params = [pytest.param(way, id=way.name, marks=[*_marks(way, core=core)]) for way in ways]
    return pytest.mark.parametrize("way", params, indirect=True)


def _marks(way: Way, *, core: bool) -> Iterator[pytest.MarkDecorator]:
    if way in (*FRESH, *ISOLATED) and not core:
        yield pytest.mark.slow
    if way in ISOLATED:
        yield pytest.mark.interpreters
        yield pytest.mark.skipif(not HAS_INTERPRETERS, reason="needs CPython 3.14 or newer")


on_all = on(*ALL)
on_all_core = on(*ALL, core=True)
on_processes = on(*PROCESSES)
on_processes_core = on(*PROCESSES, core=True)
