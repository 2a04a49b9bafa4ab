"""The search for the best hand-tuned ways."""

from __future__ import annotations

import pytest

from benchmarks.judgement.screened import Screened
from benchmarks.judgement.screening import favourites, limit_s, rivals, screen
from benchmarks.judgement.ways import Ladder, Way, hand_tuned


def ladder(name, *sizes, start=0, beside=None):
    """Give a ladder whose ways are never run."""
    rungs = tuple(Way(f"{name} {size}", size, list) for size in sizes)
    found = {size: (Way(f"other {size}", size, list),) for size in beside or ()}
    return Ladder(rungs, start=start, beside=found)


LOOP = Ladder((Way("loop", 1, list),))
THREADS = ladder("threads", 2, 4, 8, 16, 32, 64, 128, start=3)


def searched(times, *ladders, count=1000):
    """Screen with ways that take such times; what takes longer than its limit is ended. Give what was tried."""

    def run(way, limit):
        taken = times(way) if callable(times) else times[way]
        return {"slow": limit} if taken > limit else {"seconds": taken}

    return screen([LOOP, *ladders], count, run)


def by_workers(way):
    """Take 12 s ÷ the number of workers: work that waits."""
    return 12.0 if way == "loop" else 12.0 / int(way.split()[1])


def test_work_that_waits_is_followed_to_the_top():
    """Each rung up is better than the one before; the lower half is left out."""
    tried = searched(by_workers, THREADS)
    assert list(tried) == ["loop", "threads 16", "threads 32", "threads 64", "threads 128"]
    assert rivals(tried) == ["threads 128", "threads 64", "threads 32"]


def test_the_loop_is_ended_where_it_would_take_long():
    """What takes minutes one after another is no rival, and is not waited for."""
    assert searched(by_workers, THREADS)["loop"] == [{"slow": 1.5}]


def test_a_knee_is_found():
    """A server that is best served by 8 at once: both sides of it are tried, not the ends."""
    times = {2: 2.0, 4: 1.0, 8: 0.6, 16: 0.9, 32: 1.5, 64: 3.0, 128: 6.0}
    tried = searched(lambda way: 5.0 if way == "loop" else times[int(way.split()[1])], THREADS)
    assert rivals(tried)[0] == "threads 8"
    assert "threads 128" not in tried


def test_no_more_workers_than_items():
    """Three items: pools of 2 and 4 are tried, larger ones are the same at a higher price."""
    tried = searched(lambda _: 1.0, THREADS, count=3)
    assert set(tried) == {"loop", "threads 2", "threads 4"}


def test_what_stands_beside_the_best_rung_is_tried_too():
    """Other chunk sizes are tried with the best number of processes only."""
    times = {"loop": 4.0, "fork 1": 4.0, "fork 2": 2.0, "fork 4": 2.1, "other 2": 1.9}
    tried = searched(times, ladder("fork", 1, 2, 4, start=1, beside=(1, 2, 4)))
    assert rivals(tried) == ["other 2", "fork 2", "fork 4"]


def test_a_ladder_far_behind_is_left():
    """Nothing is tried beside it, nor up to its end."""
    tried = searched(lambda way: 1.0 if way == "loop" else 2.5, ladder("fork", 1, 2, 4, 8, beside=(1, 2, 4, 8)))
    assert list(tried) == ["loop", "fork 1", "fork 2", "fork 4"]


def test_a_way_that_fails_ends_its_ladder():
    """What cannot be pickled by two processes cannot be by four."""
    tried = screen(
        [LOOP, ladder("fork", 1, 2, 4)], 100, lambda way, _: {"seconds": 1.0} if way == "loop" else {"failed": "x"}
    )
    assert list(tried) == ["loop", "fork 1"]
    assert rivals(tried) == ["loop"]


@pytest.mark.parametrize(
    ("tried", "limit"),
    [
        ({}, 25.0),
        ({"a": [{"slow": 3.0}]}, 25.0),
        ({"a": [{"seconds": 0.01}]}, 0.6),
        ({"a": [{"seconds": 2.0}, {"seconds": 1.0}], "b": [{"seconds": 3.0}]}, 3.0),
    ],
)
def test_the_limit_follows_the_best_so_far(tried, limit):
    """A rival has some times the best time so far, and in any case enough for the noise of short runs."""
    assert limit_s(tried) == limit


@pytest.mark.parametrize(
    ("times", "found"),
    [
        ({"fork 2, singly": 1.0, "fork 4, singly": 1.1, "loop": 2.0}, ["fork 2, singly"]),
        ({"threads 8": 1.0, "threads 4": 1.0, "inherit 2, shares": 1.2, "loop": 1.1}, ["threads 8", "loop"]),
        ({"2 processes × 8 threads": 1.0, "2 processes × 4 threads": 1.1}, ["2 processes × 8 threads"]),
        ({"32 tasks": 1.0, "2 processes × 8 tasks": 1.2}, ["32 tasks", "2 processes × 8 tasks"]),
    ],
)
def test_the_quick_loop_runs_the_best_and_a_close_one_of_another_kind(times, found):
    """On a busy machine all kinds come close, and the best of a quiet one has to be among those that are run."""
    assert favourites({way: [{"seconds": seconds}] for way, seconds in times.items()}) == found


def test_a_screening_is_kept_for_the_same_number_of_items(tmp_path):
    """Another run finds it; with other items it is made again."""
    Screened(tmp_path / "new" / "file").put("sleep", 100, {"loop": [{"seconds": 1.0}]})
    again = Screened(tmp_path / "new" / "file")
    assert again.get("sleep", 100) == {"loop": [{"seconds": 1.0}]}
    assert again.get("sleep", 200) is None
    assert again.get("another", 100) is None


@pytest.mark.parametrize("coroutine", [False, True])
def test_the_real_ladders_are_in_order_with_names_of_their_own(coroutine):
    """The loop comes first and alone; rungs go up; a name means one way."""
    ladders = hand_tuned(coroutine=coroutine)
    assert [way.name for way in ladders[0].rungs] == ["loop"]
    for each in ladders:
        sizes = [way.workers for way in each.rungs]
        assert sizes == sorted(set(sizes))
        assert 0 <= each.start < len(sizes)
    names = [way.name for each in ladders for way in (*each.rungs, *(w for ways in each.beside.values() for w in ways))]
    assert len(names) == len(set(names))
