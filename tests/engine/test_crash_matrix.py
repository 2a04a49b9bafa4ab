"""The crash matrix: every kind of death at every stage of a worker's life, by every start method.

In each cell nothing hangs, every other item's result arrives, right and in its place; the guilty item is run again and
then named; what happens once only costs nothing but time.
"""

from __future__ import annotations

import functools
import itertools
import os
import re
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

import poolwise
from poolwise.engine import watch
from poolwise.errors import (
    FunctionExitedError,
    FunctionShippingError,
    InitializerError,
    ItemShippingError,
    ResultShippingError,
    TaskTimeoutError,
    WorkerDiedError,
    WorkerStartError,
)
from tests.engine import deeds
from tests.engine.cgroups import memory_cgroup
from tests.engine.deeds import ALWAYS, CGROUP_VARIABLE, KINDS, Deed
from tests.engine.programs import lives, wait_until

METHODS = ("fork", "forkserver", "spawn")
COUNT = 10
# Long enough for a busy machine to do nothing in, and short enough to wait for it four times in a cell.
LIMIT_S = 0.5
# A hang must not wait for the sixty seconds of any other test.
WATCHDOG_S = 40


@dataclass(frozen=True)
class Told:
    """What the guilty item's error is, and what its text says."""

    error: type[BaseException]
    words: str


SIGKILL = Told(WorkerDiedError, r"killed by signal 9 \(SIGKILL\) on item 3; likely cause: somebody")
OUT_OF_MEMORY = Told(WorkerDiedError, r"killed by signal 9 \(SIGKILL\) on item 3; likely cause: ")
SIGSEGV = Told(WorkerDiedError, r"killed by signal 11 \(SIGSEGV\) on item 3; likely cause: a C extension crashed")
EXIT_7 = Told(WorkerDiedError, r"ended with exit code 7 on item 3; likely cause: the function ended the process")
LATE = Told(TaskTimeoutError, rf"longer than timeout={LIMIT_S} s; its worker was ended")
STOPPED = Told(TaskTimeoutError, rf"longer than timeout={LIMIT_S} s; its worker was stopped \(SIGSTOP\), and ended")
# A kind of death at a stage: how the guilty item's failure tells it.
GUILTY: dict[str, dict[str, Told]] = {
    "receiving": {
        "SIGKILL": SIGKILL,
        "SIGSEGV": SIGSEGV,
        "os._exit": EXIT_7,
        "sys.exit": Told(ItemShippingError, "could not be unpickled in the worker.*SystemExit"),
        "MemoryError": Told(ItemShippingError, "could not be unpickled in the worker"),
        "OOM killer": OUT_OF_MEMORY,
        "SIGSTOP": STOPPED,
        "GIL held": LATE,
    },
    "function": {
        "SIGKILL": SIGKILL,
        "SIGSEGV": SIGSEGV,
        "os._exit": EXIT_7,
        "sys.exit": Told(FunctionExitedError, r"the function called sys.exit\(3\)"),
        "MemoryError": Told(MemoryError, "MemoryError"),
        "OOM killer": OUT_OF_MEMORY,
        "SIGSTOP": STOPPED,
        "GIL held": LATE,
    },
    "pickling": {
        "SIGKILL": SIGKILL,
        "SIGSEGV": SIGSEGV,
        "os._exit": EXIT_7,
        "sys.exit": Told(ResultShippingError, "cannot be pickled.*SystemExit"),
        "MemoryError": Told(ResultShippingError, "cannot be pickled"),
        "OOM killer": OUT_OF_MEMORY,
        "SIGSTOP": STOPPED,
        "GIL held": LATE,
    },
}
# No item is guilty of what happens while a worker starts: where it happens each time, the run ends with this.
NO_START: dict[str, dict[str, Told]] = {
    "initializer": {
        "SIGKILL": Told(WorkerStartError, r"killed by signal 9 \(SIGKILL\) before it was ready"),
        "SIGSEGV": Told(WorkerStartError, r"killed by signal 11 \(SIGSEGV\) before it was ready"),
        "os._exit": Told(WorkerStartError, "ended with exit code 7 before it was ready"),
        "sys.exit": Told(InitializerError, "SystemExit: 3"),
        "MemoryError": Told(InitializerError, "MemoryError"),
        "OOM killer": Told(WorkerStartError, r"killed by signal 9 \(SIGKILL\) before it was ready"),
        "SIGSTOP": Told(WorkerStartError, r"was stopped \(SIGSTOP, Ctrl-Z\)"),
        "GIL held": Told(WorkerStartError, "was not ready after"),
    },
    "loading": {
        "SIGKILL": Told(WorkerStartError, r"killed by signal 9 \(SIGKILL\) before it was ready"),
        "SIGSEGV": Told(WorkerStartError, r"killed by signal 11 \(SIGSEGV\) before it was ready"),
        "os._exit": Told(WorkerStartError, "ended with exit code 7 before it was ready"),
        "sys.exit": Told(WorkerStartError, "ended with exit code 3 before it was ready"),
        "MemoryError": Told(FunctionShippingError, "a worker could not load the function"),
        "OOM killer": Told(WorkerStartError, r"killed by signal 9 \(SIGKILL\) before it was ready"),
        "SIGSTOP": Told(WorkerStartError, r"was stopped \(SIGSTOP, Ctrl-Z\)"),
        "GIL held": Told(WorkerStartError, "was not ready after"),
    },
}
STAGES = (*NO_START, *GUILTY, "idle", "shutdown")
IMPOSSIBLE = {
    ("loading", kind, "fork"): "a forked worker has the function already: nothing is unpickled" for kind in KINDS
} | {
    ("idle", kind, method): "in a second thread, which is all that runs in an idle worker, this ends the thread only"
    for kind, method in itertools.product(("sys.exit", "MemoryError"), METHODS)
}
# What Poolwise cannot tell from an ordinary pause of the work without being told how long that may last.
NEEDS_TIMEOUT = {"SIGSTOP", "GIL held"}
# Fresh interpreters take most of the time, and share all but their start with forked workers. In every run of the tests
# each kind is tried at one stage and each stage with one kind, and the nursery's own stages in full; the rest is slow.
CORE = {("function", kind) for kind in KINDS} | {(stage, "SIGKILL") for stage in STAGES}


def is_core(stage: str, kind: str, method: str) -> bool:
    """Tell the cells that are tried in every run of the tests."""
    return method == "fork" or (stage, kind) in CORE or (method == "forkserver" and stage in NO_START)


def cells(*stages: str) -> pytest.MarkDecorator:
    """Run a test for each kind of death and start method at these stages."""
    return pytest.mark.parametrize(
        ("stage", "kind", "method"),
        [
            pytest.param(
                *cell,
                id="-".join(cell),
                marks=() if is_core(*cell) else pytest.mark.slow,
            )
            for cell in itertools.product(stages, KINDS, METHODS)
            if cell not in IMPOSSIBLE
        ],
    )


pytestmark = pytest.mark.timeout(WATCHDOG_S)


@pytest.fixture
def deed(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deed]:
    """Give the deed; afterwards no process is left."""
    monkeypatch.setattr(watch, "STOPPED_S", 0.2)
    monkeypatch.setattr(watch, "SILENT_S", 0.5)
    if kind == "GIL held":
        monkeypatch.setattr(watch, "START_S", 2.0)
        monkeypatch.setattr(watch, "START_TIMEOUTS", 1)
    if kind != "OOM killer":
        yield Deed(kind, tmp_path)
    else:
        with memory_cgroup(64 * deeds.MIB) as folder:
            monkeypatch.setenv(CGROUP_VARIABLE, str(folder))
            yield Deed(kind, tmp_path)
    assert [child for child in psutil.Process().children(recursive=True) if lives(child)] == []


def options(kind: str, method: str, **more: Any) -> dict[str, Any]:
    """Give the options of a cell."""
    timeout = LIMIT_S if kind in NEEDS_TIMEOUT else None
    return {
        "backend": "processes",
        "max_workers": 2,
        "start_method": method,
        "progress": False,
        "timeout": timeout,
        **more,
    }


FUNCTIONS: dict[str, Callable[[Deed], tuple[Callable[..., Any], Any]]] = {
    # From an iterator, so that the items travel under fork too.
    "receiving": lambda deed: (deeds.number_of, (deeds.Item(number, deed) for number in range(COUNT))),
    "function": lambda deed: (functools.partial(deeds.work, deed), range(COUNT)),
    "pickling": lambda deed: (functools.partial(deeds.make_result, deed), range(COUNT)),
}


@cells(*GUILTY)
def test_the_guilty_item_is_named_and_all_others_arrive(stage: str, kind: str, method: str, deed: Deed) -> None:
    """An item that does it each time fails by name; one that does it once has its result, as have all others."""
    function, items = FUNCTIONS[stage](deed)
    # What is late or raises is no suspect, and tried again only where the caller says so.
    results = poolwise.map(function, items, **options(kind, method, errors="collect", retries=1))
    told = GUILTY[stage][kind]
    assert [index for index, each in enumerate(results) if each != index] == [ALWAYS]
    failure = results[ALWAYS]
    assert (failure.index, type(failure.error), failure.attempts) == (ALWAYS, told.error, 2)
    shown = "".join(traceback.format_exception_only(failure.error))
    assert re.search(told.words, shown), shown
    assert f"poolwise: on item {ALWAYS}: {ALWAYS if stage != 'receiving' else 'Item(number=3'}" in shown


STARTS: dict[str, Callable[[Deed], tuple[Callable[..., Any], dict[str, Any]]]] = {
    "initializer": lambda deed: (deeds.echo, {"initializer": deed.do}),
    "loading": lambda deed: (deeds.Function(deed), {}),
}


@cells(*NO_START)
def test_where_no_worker_can_start_the_run_ends_and_says_why(stage: str, kind: str, method: str, deed: Deed) -> None:
    """Workers that die each time while they start end the run, with what happened to them."""
    function, more = STARTS[stage](deed)
    told = NO_START[stage][kind]
    with pytest.raises(told.error, match=told.words):
        poolwise.map(function, range(COUNT), **options(kind, method, **more, max_workers=8))


@cells(*NO_START)
def test_a_start_that_fails_once_costs_nothing_but_time(stage: str, kind: str, method: str, deed: Deed) -> None:
    """A worker that dies while it starts has its place taken; what raises there ends the run, as any initializer's."""
    function, more = STARTS[stage](Deed(kind, deed.folder, once=True))
    told = NO_START[stage][kind]
    # A nursery that could not load the function lets each of its workers try again.
    if told.error is InitializerError or (told.error is FunctionShippingError and method == "spawn"):
        # One worker: another might be through with all items before this is told.
        with pytest.raises(told.error, match=told.words):
            poolwise.map(function, range(COUNT), **options(kind, method, **more, max_workers=1))
    else:
        assert poolwise.map(function, range(COUNT), **options(kind, method, **more)) == list(range(COUNT))
    assert (deed.folder / "done").exists()


@cells("idle")
def test_a_death_between_two_items_costs_no_item(stage: str, kind: str, method: str, deed: Deed) -> None:
    """A worker that dies, stops or is blocked by a thread while it waits for work loses nothing and blames nobody."""
    with poolwise.imap(functools.partial(deeds.pid_and, deed), range(30), **options(kind, method)) as results:
        worker, first = next(results)
        # The consumer is away: nothing is sent meanwhile, and the worker soon has nothing to do.
        process = psutil.Process(worker)
        wait_until(lambda: process.status() == psutil.STATUS_SLEEPING, "the worker is idle")
        (deed.folder / "now").touch()
        wait_until(lambda: _has_happened(kind, process, deed), "it has happened")
        assert [first, *(item for _, item in results)] == list(range(30))


def _has_happened(kind: str, process: psutil.Process, deed: Deed) -> bool:
    if kind == "GIL held":
        return (deed.folder / "done").exists()
    return process.status() == psutil.STATUS_STOPPED if kind == "SIGSTOP" else not lives(process)


@cells("shutdown")
def test_a_death_at_the_end_costs_nothing(stage: str, kind: str, method: str, deed: Deed) -> None:
    """A worker that dies or stands still when it is told to end has handed over everything, and is ended."""
    begun = time.monotonic()
    results = poolwise.map(functools.partial(deeds.end_badly, deed), range(COUNT), **options(kind, method))
    assert results == list(range(COUNT))
    assert results.report.deaths == 0
    assert (deed.folder / "done").exists()
    # A second's patience with all of them together, and the time that a busy machine takes.
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSTOP, signal.SIGUSR1, signal.SIGTERM], ids=lambda s: s.name)
def test_a_signal_from_outside_costs_no_item(
    method: str, sent: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal that somebody sends to idle workers, and to the nursery that forks them, costs no item."""
    monkeypatch.setattr(watch, "STOPPED_S", 0.2)
    with poolwise.imap(deeds.echo, range(30), **options("SIGSTOP", method)) as results:
        assert next(results) == 0
        for child in psutil.Process().children(recursive=True):
            os.kill(child.pid, sent)
        assert list(results) == list(range(1, 30))


def test_every_cell_is_tried_or_has_its_reason() -> None:
    """Stages × kinds × start methods: all of them are in the tables above, and what cannot be says why not."""
    everything = set(itertools.product(STAGES, KINDS, METHODS))
    tabled = {(stage, kind) for table in (GUILTY, NO_START) for stage, kinds in table.items() for kind in kinds}
    assert tabled == {(stage, kind) for stage, kind in itertools.product((*GUILTY, *NO_START), KINDS)}
    assert set(IMPOSSIBLE) <= everything
    assert all(IMPOSSIBLE.values())
