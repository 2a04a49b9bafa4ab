"""The probe around a backend that plays its part from a script, by a clock that nobody waits for."""

from __future__ import annotations

import contextlib
import sys
import threading
from types import SimpleNamespace

import pytest

from poolwise.errors import TaskTimeoutError
from poolwise.measure import probe as probe_module
from poolwise.measure.probe import FEW_ITEMS, Probe, taken_by_us_s
from poolwise.model.events import Chunk, ChunkDone, Outcome, TaskError, WorkerLost, WorkerReady
from poolwise.testing import FakeClock
from tests.unit.decide.facts import make_profile


class Stage:
    """A backend that tells what it is given to tell."""

    def __init__(self, clock, cpu):
        self.clock, self.cpu = clock, cpu
        self.told = []
        self.orders = []

    def start(self, worker):
        self.orders.append(("start", worker))

    def send(self, worker, chunk, items):
        self.orders.append(("send", worker, chunk, items))

    def inherits_items(self, worker):
        return True

    def wait(self, timeout_s):
        takes_s, process_cpu_s, events = self.told.pop(0)
        self.clock.advance(takes_s)
        self.cpu.advance(process_cpu_s)
        return events

    def wake(self):
        self.orders.append("wake")

    def close(self, *, abort):
        self.orders.append(("close", abort))


@pytest.fixture
def play(monkeypatch):
    """Make a probe and a function that runs one chunk through it."""
    clock, cpu = FakeClock(), FakeClock()
    own = FakeClock()
    fake = SimpleNamespace(perf_counter=clock.now, process_time=cpu.now, thread_time=own.now)
    monkeypatch.setattr(probe_module, "time", fake)
    monkeypatch.setattr(probe_module, "gil_enabled", lambda: False)
    # Whether the tests have loaded NumPy is no matter here.
    monkeypatch.setattr(probe_module, "have_threads", lambda: False)
    stage, made = Stage(clock, cpu), []

    def make(**options):
        probe = Probe(stage, **{"coroutine": False, "total": 100, "here": True, **options})
        made.append(probe)

        def run(wall_s, items=1, *, cpu_s=0.0, process_cpu_s=None, values=None, errors=None):
            number = len(stage.orders)
            given = list(range(items))
            outcome = Outcome(given if values is None else values, errors or {}, wall_s, cpu_s)
            spent = cpu_s if process_cpu_s is None else process_cpu_s
            probe.send(0, Chunk(number, 0, items), given)
            stage.told.append((wall_s, spent, [ChunkDone(0, number, outcome)]))
            return probe.wait(None)

        def lose(seconds):
            number = len(stage.orders)
            probe.send(0, Chunk(number, 0, 1), [0])
            stage.told.append((seconds, 0.0, [WorkerLost(0, TaskTimeoutError("late"), 0, guilty=True)]))
            return probe.wait(None)

        return SimpleNamespace(probe=probe, run=run, lose=lose, stage=stage, own=own)

    yield make
    for probe in made:
        probe.rest()


# --- When it has seen enough ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chunks", "computing", "enough"),
    [
        ([], 1.0, False),
        ([(0.009, 1)], 0.0, False),
        ([(0.05, 1)], 1.0, False),
        ([(0.05, 1)], 0.25, False),
        ([(0.05, 1)], 0.1, True),
        ([(0.1, 1)], 1.0, True),
        ([(0.005, 1), (0.004, 1)], 1.0, False),
        ([(0.005, 1), (0.005, 1)], 1.0, True),
        ([(0.05, 1), (0.001, 1)], 1.0, True),
        ([(0.01, 40)], 1.0, True),
    ],
    ids=str,
)
def test_it_is_satisfied_after_its_budget_and_a_second_item(play, chunks, computing, enough):
    """10 ms are enough, but not from one item that computed for less than 100 ms: it may have paid for an import."""
    scene = play()
    for wall_s, items in chunks:
        scene.run(wall_s, items, cpu_s=computing * wall_s)
    assert scene.probe.satisfied() is enough


def test_items_that_are_given_up_use_up_the_budget_too(play):
    """A probe in which every item is late ends, so that the rest is not late one after another."""
    scene = play()
    scene.lose(0.006)
    assert not scene.probe.satisfied()
    scene.lose(0.006)
    assert scene.probe.satisfied()
    assert scene.probe.profile(shipping=False) is None


# --- Threads inside ------------------------------------------------------------------------------------------


@pytest.fixture
def inside(play, monkeypatch):
    """Make a probe of a function that calls a library with threads, and list how each chunk was run."""
    held = []

    @contextlib.contextmanager
    def one_thread_inside():
        held.append("one")
        yield

    monkeypatch.setattr(probe_module, "have_threads", lambda: True)
    monkeypatch.setattr(probe_module, "one_thread_inside", one_thread_inside)
    scene = play(background=1.0)
    scene.held = held
    return scene


@pytest.mark.parametrize(
    ("alone_s", "needs_s"), [(0.004, 0.004), (0.006, 0.006), (0.003, 0.004), (0.1, 0.008)], ids=str
)
def test_an_item_with_one_thread_tells_what_the_others_are_good_for(inside, alone_s, needs_s):
    """They spin, whether they help or not: what an item takes without them, but never more than the clock has shown."""
    for _ in range(2):
        inside.run(0.004, cpu_s=0.004, process_cpu_s=0.008)
    assert (inside.held, inside.probe.satisfied()) == ([], False)
    inside.run(alone_s, cpu_s=alone_s, process_cpu_s=2 * alone_s)
    assert (inside.held, inside.probe.satisfied()) == (["one"], True)
    inside.run(0.004, cpu_s=0.004, process_cpu_s=0.008)
    assert inside.held == ["one"]
    profile = inside.probe.profile(shipping=False)
    assert (profile.items, profile.wall_s) == (4, pytest.approx(0.004))
    assert (profile.thread_cpu_s, profile.process_cpu_s) == (pytest.approx(0.004), pytest.approx(needs_s))


@pytest.mark.parametrize(
    ("first_s", "tried"), [(0.004, False), (0.02, True), (0.2, False)], ids=["cold", "known", "too long"]
)
def test_a_first_item_tells_where_it_is_neither_cold_nor_long(inside, first_s, tried):
    """The first of short ones may have started the threads; another long one would cost more than it tells."""
    inside.run(first_s, cpu_s=first_s, process_cpu_s=2 * first_s)
    inside.run(first_s, cpu_s=first_s, process_cpu_s=2 * first_s)
    assert inside.held == ["one"] * tried


@pytest.mark.parametrize("options", [{"here": False}, {"coroutine": True}, {"total": 2}], ids=str)
def test_where_nothing_could_be_learnt_no_thread_is_taken_away(inside, play, options):
    """Elsewhere they are not ours to take; and the last item is no trial for those that follow."""
    scene = play(**options)
    for _ in range(3):
        scene.run(0.004, cpu_s=0.004, process_cpu_s=0.008)
    assert inside.held == []


# --- What it makes of it -------------------------------------------------------------------------------------


def test_without_samples_there_is_no_profile(play):
    """Nothing measured is None, not zeros."""
    assert play().probe.profile(shipping=True) is None


def test_figures_are_means_for_one_item(play):
    """Wall and CPU are shared among the items of all chunks."""
    scene = play()
    scene.run(0.010, 2, cpu_s=0.004)
    scene.run(0.020, 4, cpu_s=0.002, process_cpu_s=0.014)
    profile = scene.probe.profile(shipping=False)
    assert (profile.items, profile.wall_s, profile.first_s) == (6, pytest.approx(0.005), pytest.approx(0.005))
    assert profile.thread_cpu_s == pytest.approx(0.001)
    assert profile.process_cpu_s == pytest.approx(0.003)
    assert (profile.argument, profile.result, profile.function) == (None, None, None)
    assert (profile.gil_held, profile.gil_samples, profile.coroutine) == (0.0, 0, False)


def test_a_cold_first_chunk_is_told_apart(play):
    """A first item that paid for imports counts as the first, and not for the mean."""
    scene = play()
    scene.run(0.5)
    scene.run(0.010)
    scene.run(0.010)
    profile = scene.probe.profile(shipping=False)
    assert (profile.items, profile.first_s, profile.wall_s) == (3, 0.5, pytest.approx(0.010))
    assert profile.spread == pytest.approx(0.0)


def test_a_first_chunk_like_the_others_counts(play):
    """Up to three times the others' mean may be chance."""
    scene = play()
    scene.run(0.03)
    scene.run(0.01)
    assert scene.probe.profile(shipping=False).wall_s == pytest.approx(0.02)


def test_spread_is_the_deviation_as_a_share_of_the_mean(play):
    """Items of 10 and 30 ms have a mean of 20 and a deviation of 10."""
    scene = play()
    scene.run(0.01)
    scene.run(0.03)
    assert scene.probe.profile(shipping=False).spread == pytest.approx(0.5)


def test_spread_weighs_a_chunk_by_its_items(play):
    """Three items of 10 ms and one of 30: a mean of 15 and a deviation of √75."""
    scene = play()
    scene.run(0.03, 3)
    scene.run(0.03, 1)
    assert scene.probe.profile(shipping=False).spread == pytest.approx(75**0.5 / 15)


def test_items_too_short_for_the_clock_have_no_spread(play):
    """A clock that did not move makes zeros, not a division by them."""
    scene = play()
    scene.run(0.0, 5)
    profile = scene.probe.profile(shipping=False)
    assert (profile.wall_s, profile.spread, profile.waiting) == (0.0, 0.0, 0.0)


def test_the_waiting_of_this_thread_is_not_the_works(play):
    """Where another thread runs the items, what this one takes to wait for it is left out."""
    scene = play(here=False)
    chunk = Chunk(0, 0, 1)
    scene.probe.send(0, chunk, [0])
    scene.stage.told.append((0.01, 0.008, [ChunkDone(0, 0, Outcome([0], {}, 0.01, 0.005))]))
    wait = scene.stage.wait

    def wait_and_work(timeout_s):
        scene.own.advance(0.002)
        return wait(timeout_s)

    scene.stage.wait = wait_and_work
    scene.probe.wait(None)
    assert scene.probe.profile(shipping=False).process_cpu_s == pytest.approx(0.006)


def test_an_item_that_failed_is_measured_and_its_result_is_not(play):
    """An error takes its time like a result; there is nothing of it to ship."""
    scene = play()
    scene.run(0.01, 1, values=[None], errors={0: TaskError(ValueError("x"))})
    profile = scene.probe.profile(shipping=True)
    assert (profile.items, profile.wall_s, profile.result) == (1, 0.01, None)
    scene.run(0.01, 2, values=[None, "b" * 1000], errors={0: TaskError(ValueError("x"))})
    assert scene.probe.profile(shipping=True).result.bytes > 1000


def test_items_behind_an_error_are_not_measured(play):
    """The chunk ended there, with nothing kept: its time is that of the items up to the error."""
    scene = play()
    scene.run(0.01, 1000, values=[], errors={1: TaskError(ValueError("x"))})
    assert (scene.probe.items, scene.probe.profile(shipping=False).items) == (2, 2)


def test_shipping_is_measured_on_a_sample(play):
    """An item, a result and the function are pickled once, to see what they cost or why they cannot travel."""
    scene = play()
    scene.run(0.01, 1, values=[threading.Lock()])
    profile = scene.probe.profile(shipping=True, function=len)
    assert (profile.argument.problem, profile.function.problem) == (None, None)
    assert "cannot be pickled" in profile.result.problem


@pytest.mark.parametrize(
    ("held", "computing", "believed"),
    [(None, 0.5, None), (0.9, 0.1, 0.9), (0.3, 0.01, 0.01), (0.3, 0.8, 0.3), (0.0, 1.0, 0.0)],
)
def test_some_late_looks_are_held_against_the_cpu_time(held, computing, believed):
    """On a busy machine a few looks come late by chance, and who holds the GIL at times also computes."""
    assert probe_module._believable(held, computing) == believed


# --- A second look, while the rest runs ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("walls", "surprised"), [([], False), ([0.015], False), ([0.01, 0.01], False), ([0.01, 0.02], True)], ids=str
)
def test_items_that_became_heavier_are_a_surprise(play, walls, surprised):
    """Where the newest items take much longer than the 10 ms of the Plan, it is time to think again."""
    scene = play()
    for wall_s in walls:
        scene.run(wall_s)
    assert scene.probe.surprised(0.01) is surprised


def test_what_only_the_first_look_could_see_is_kept(play, monkeypatch):
    """The GIL is watched once in a run; later profiles carry what was found, and nothing else of it."""
    monkeypatch.setattr(probe_module, "gil_enabled", lambda: True)
    before = make_profile(0.01, cpu=1.0, gil=0.75)
    scene = play()
    scene.run(0.5)
    scene.probe.follow(before)
    assert (scene.probe.profile(shipping=False), scene.probe.elapsed_s) == (before, 0.0)
    scene.run(0.05)
    profile = scene.probe.profile(shipping=False)
    assert (profile.wall_s, profile.gil_held, profile.gil_samples) == (0.05, 0.75, before.gil_samples)


def test_another_thread_may_ask_while_a_chunk_is_noted(play):
    """Who looks on asks what inner threads there are; it was told that a deque had changed, and so was the caller."""
    scene, over, raised = play(), threading.Event(), []

    def ask():
        while not over.is_set():
            try:
                assert scene.probe.inner == pytest.approx(1.0)
            except BaseException as error:
                raised.append(error)
                return

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(1000):
            scene.run(0.001, cpu_s=0.001)
    finally:
        over.set()
        asking.join()
        sys.setswitchinterval(before)
    assert raised == []


def test_a_gil_that_an_item_has_turned_on_is_not_known(play, monkeypatch):
    """Until then nobody held it, and that says nothing: all of the item's computing is taken to hold it from now on."""
    scene = play()
    scene.run(0.05, cpu_s=0.04)
    assert scene.probe.profile(shipping=False).gil_held == 0.0
    monkeypatch.setattr(probe_module, "gil_enabled", lambda: True)
    profile = scene.probe.profile(shipping=False)
    assert (profile.gil_held, profile.gil_samples, profile.gil_s) == (None, 0, pytest.approx(0.04))


# --- A backend like any other --------------------------------------------------------------------------------


def test_it_passes_everything_on(play):
    """To the driver it is the backend that it wraps."""
    scene = play()
    chunk = Chunk(7, 0, 2)
    scene.probe.start(0)
    scene.probe.send(0, chunk, "ab")
    scene.probe.wake()
    scene.stage.told.append((0.0, 0.0, [WorkerReady(0)]))
    assert scene.probe.wait(1.0) == [WorkerReady(0)]
    assert scene.probe.inherits_items(0)
    scene.probe.close(abort=True)
    assert scene.stage.orders == [("start", 0), ("send", 0, chunk, "ab"), "wake", ("close", True)]
    assert (scene.probe.items, scene.probe.elapsed_s) == (0, 0.0)


@pytest.mark.parametrize(("total", "watched"), [(FEW_ITEMS, True), (None, True), (FEW_ITEMS + 1, False)])
def test_many_items_are_watched_only_when_they_have_taken_a_while(play, monkeypatch, total, watched):
    """Starting the GIL watch would cost tiny work more than it is worth."""
    resumed = []
    watch = SimpleNamespace(
        resume=lambda: resumed.append(1), pause=lambda: None, stop=lambda: None, held=None, naps=0, cpu_s=0.0
    )
    monkeypatch.setattr(probe_module, "gil_enabled", lambda: True)
    monkeypatch.setattr(probe_module, "GilWatch", lambda _look, *, here: watch)
    scene = play(total=total)
    scene.run(0.004)
    assert bool(resumed) is watched
    scene.run(0.004)
    scene.run(0.004)
    assert resumed


def test_nothing_is_watched_while_nothing_is_at_work(play, monkeypatch):
    """An item may wait for its next try for minutes, and each look takes time and room."""
    resumed = []
    watch = SimpleNamespace(
        resume=lambda: resumed.append(1), pause=lambda: None, stop=lambda: None, held=None, naps=0, cpu_s=0.0
    )
    monkeypatch.setattr(probe_module, "gil_enabled", lambda: True)
    monkeypatch.setattr(probe_module, "GilWatch", lambda _look, *, here: watch)
    scene = play(total=FEW_ITEMS)
    scene.run(0.004)
    assert resumed == [1]
    scene.stage.told.append((60.0, 0.0, []))
    assert (scene.probe.wait(60.0), resumed) == ([], [1])


def test_in_company_the_cpu_of_the_process_says_nothing_of_an_item(play):
    """What others compute beside it is not the item's; what threads inside of it did before is taken to go on."""
    scene = play()
    scene.run(0.01, cpu_s=0.004, process_cpu_s=0.008)
    scene.probe.crowd(computes=False)
    scene.run(0.01, cpu_s=0.004, process_cpu_s=0.5)
    assert scene.probe.profile(shipping=False).process_cpu_s == pytest.approx(0.008)


@pytest.mark.parametrize(
    ("wall_s", "cpu_s", "watching_s", "taken_s"),
    [
        (0.0125, 0.0107, 0.0019, 0.0019 * 0.0107 / 0.0125),
        (0.0125, 0.0107, 0.0050, 0.0018),
        (0.0500, 0.0000, 0.0020, 0.0),
        (0.0500, 0.0250, 0.0020, 0.001),
        (0.0100, 0.0100, 0.0020, 0.0),
        (0.0, 0.0, 0.002, 0.0),
    ],
)
def test_what_our_looking_takes_is_no_waiting_of_the_items(wall_s, cpu_s, watching_s, taken_s):
    """Who computes waits for the GIL that we have; who sleeps does not, and nobody waits for longer than he waited."""
    assert taken_by_us_s(wall_s, cpu_s, watching_s) == pytest.approx(taken_s)
