"""``sweep``: what is asked, and small sweeps that are run for real."""

from __future__ import annotations

import itertools
import threading

import pytest

from poolwise.api.sweep import able, default_workers, sweep
from poolwise.errors import InputError, OptionError, TaskTimeoutError
from poolwise.model.sweep import Sweep


def compute(count: int) -> int:
    """Keep a core busy for some 2 ms."""
    return sum(at * at for at in range(20_000 + count))


def picky(item: int) -> int:
    """Fail on one item."""
    if item == 3:
        msg = "not three"
        raise ValueError(msg)
    return item


# --- What is run -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["processes", "threads"])
def test_each_number_of_workers_is_measured_in_each_round(backend: str) -> None:
    """A warm-up and three laps each; with CPU and with switches; judged, said in words, and written and read again."""
    found = sweep(compute, range(40), backend=backend, workers=[1, 2, 4, 8])
    assert [point.workers for point in found.points] == [1, 2, 4, 8]
    for point in found.points:
        assert point.warmup is not None
        assert [lap.round for lap in point.laps] == [1, 2, 3]
        assert all(lap.cpu_s > 0 and lap.switches_involuntary is not None for lap in point.laps)
    assert (found.fit is None) != (found.no_fit is None)
    assert found.best in {1, 2, 4, 8}
    assert found.worth is not None
    assert (found.items, found.backend, found.function) == (40, backend, "compute")
    assert "sweep of compute over 40 items" in str(found)
    assert Sweep.from_json(found.to_json()) == found


def test_the_workers_are_as_many_as_it_says() -> None:
    """Four items meet at a barrier that three threads would never pass; in every lap."""
    barrier = threading.Barrier(4, timeout=20)
    found = sweep(lambda _: barrier.wait(), range(4), backend="threads", workers=[4], repeats=2, chunksize=1)
    assert [len(point.laps) for point in found.points] == [2]


def test_an_iterator_is_read_once_and_kept() -> None:
    """Each lap has the same items, though a generator gives them once."""
    laps: list[int] = []
    sweep(laps.append, iter(range(3)), backend="threads", workers=[1], repeats=2)
    assert sorted(laps) == sorted([0, 1, 2] * 3)


def test_several_iterables_are_several_arguments() -> None:
    """They end with the shortest, as everywhere."""
    found = sweep(pow, [2, 3, 4], itertools.repeat(2, 2), backend="threads", workers=[1, 2], repeats=1)
    assert found.items == 2


def test_more_workers_than_items_are_left_out_and_told() -> None:
    """No more of them could have worked."""
    found = sweep(abs, [1, 2, 3], backend="threads", workers=[1, 2, 4, 8], repeats=1)
    assert [point.workers for point in found.points] == [1, 2]
    assert found.left_out == (4, 8)
    assert "4, 8 workers: there are but 3 items" in str(found)


def test_a_time_budget_stops_what_takes_longer() -> None:
    """What had no time has no laps, and is not judged."""
    ended = threading.Event()
    found = sweep(lambda _: ended.wait(0.02), range(100), backend="threads", workers=[1, 50], repeats=1, budget_s=1.0)
    one, many = found.points
    assert many.spread is not None
    assert one.spread is None
    assert one.at_least_s is not None
    assert (found.best, found.no_fit.what if found.no_fit else None) == (50, "few workers")


def test_an_item_that_fails_ends_the_sweep_with_its_own_error() -> None:
    """The function's error as it is, with a note of the item."""
    with pytest.raises(ValueError, match="not three") as caught:
        sweep(picky, range(5), backend="processes", workers=[1, 2], repeats=1)
    assert caught.value.__notes__ == [
        "poolwise: on item 3: 3",
        "poolwise: it ended the sweep, which needs items that do not fail",
    ]


def test_an_item_that_is_late_ends_the_sweep() -> None:
    """Options of map apply, ``timeout`` too."""
    ended = threading.Event()
    with pytest.raises(TaskTimeoutError):
        sweep(lambda _: ended.wait(20), range(2), backend="threads", workers=[2], repeats=1, timeout=0.05)
    ended.set()


# --- What is asked -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cores", "numbers"),
    [
        (1, (1, 2, 3, 4)),
        (2, (1, 2, 3, 4, 8)),
        (4, (1, 2, 3, 4, 8, 16)),
        (6, (1, 2, 4, 6, 8, 16, 24)),
        (8, (1, 2, 4, 8, 16, 32)),
    ],
)
def test_by_default_workers_are_doubled_to_four_times_the_cores(cores: int, numbers: tuple[int, ...]) -> None:
    """The cores themselves are always among them, and at least four numbers, which the law needs."""
    assert default_workers(cores) == numbers


def test_items_that_are_too_few_for_any_of_the_workers_are_refused() -> None:
    """It says how many there are."""
    with pytest.raises(InputError, match="8 workers or more, and there are but 3 items"):
        able([8, 16], 3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"backend": "auto"}, "one of 'processes', 'threads'"),
        ({"backend": "loop"}, "one of 'processes', 'threads'"),
        ({"workers": 8}, "write a list"),
        ({"workers": "1,2"}, "write a list"),
        ({"workers": []}, "workers is empty"),
        ({"workers": [1, 0]}, "0 is no number of workers"),
        ({"workers": [1, 2.5]}, "2.5 is no number of workers"),
        ({"workers": [True]}, "True is no number of workers"),
        ({"workers": [100_000]}, "1 to 10,000"),
        ({"repeats": 0}, "repeats=0"),
        ({"repeats": 1.5}, "repeats=1.5"),
        ({"budget_s": 0}, "budget_s=0"),
        ({"budget_s": "long"}, "budget_s='long'"),
        ({"max_workers": 3}, r"write workers=\[1, 2, 4\]"),
        ({"errors": "skip"}, "ends the sweep"),
        ({"retries": -1}, "retries=-1"),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_runs(options: dict, words: str) -> None:
    """The text says what to write; the function is not called."""
    called: list[int] = []
    with pytest.raises(OptionError, match=words):
        sweep(called.append, [1, 2], **{"backend": "threads", **options})
    assert called == []


def test_no_items_are_refused() -> None:
    """Neither none at all nor no iterables."""
    with pytest.raises(InputError, match="no items"):
        sweep(abs, [], backend="threads")
    with pytest.raises(OptionError, match="needs the items too"):
        sweep(abs, backend="threads")


def test_whole_numbers_of_numpy_are_numbers_of_workers() -> None:
    """``np.arange(1, 3)`` is what a person would write; halves are none."""
    numpy = pytest.importorskip("numpy")
    assert [point.workers for point in sweep(abs, [1, 2], backend="threads", workers=numpy.arange(1, 3)).points] == [
        1,
        2,
    ]
    with pytest.raises(OptionError, match="no number of workers"):
        sweep(abs, [1, 2], backend="threads", workers=numpy.array([1.5]))


def test_one_is_counted_as_one() -> None:
    """In an error and in words."""
    with pytest.raises(InputError, match="there is but 1 item"):
        sweep(abs, [1], backend="threads", workers=[2])
    found = sweep(abs, [1], backend="threads", workers=[1, 2], repeats=1)
    assert "2 workers: there is but 1 item" in str(found)
