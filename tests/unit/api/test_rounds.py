"""How laps are shared out and ordered, and what a run of rounds does with ways that are slow or cannot run."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.api.rounds import Way, fair_order, keep_items, run_rounds, share_out
from poolwise.errors import InputError, OptionError

times = st.none() | st.floats(0.001, 100)


@given(st.lists(times, max_size=8), st.floats(0, 1000), st.integers(1, 9))
def test_laps_are_shared_out_within_the_time(expected, left_s, repeats) -> None:
    """Nobody gets more than was asked for, all together no more than there is time for, and quick ones no fewer."""
    laps = share_out(expected, left_s, repeats)
    assert all(0 <= each <= repeats for each in laps)
    assert sum(each * (took or 0) for each, took in zip(laps, expected, strict=True)) <= left_s * (1 + 1e-9)
    assert all(each == 0 for each, took in zip(laps, expected, strict=True) if took is None)
    known = sorted((took, each) for took, each in zip(expected, laps, strict=True) if took is not None)
    assert all(first[1] >= second[1] for first, second in itertools.pairwise(known) if first[0] < second[0])


def test_with_time_enough_all_get_all_laps() -> None:
    """A budget that is larger than everything leaves nobody out; one that is not leaves out the slow one."""
    assert share_out([1.0, 2.0, None], 100.0, 3) == [3, 3, 0]
    assert share_out([10.0, 1.0], 12.0, 3) == [0, 3]
    assert share_out([10.0, 1.0], 13.5, 3) == [1, 3]


@given(st.integers(1, 9), st.integers(1, 40))
def test_each_round_has_each_way_once(count, number) -> None:
    """Whatever the round is, it is a permutation."""
    assert sorted(fair_order(count, number)) == list(range(count))


def test_nobody_always_comes_after_the_same() -> None:
    """Over the rounds each way begins and ends one, and no neighbour precedes another in more than half of them."""
    rounds = [list(fair_order(4, number)) for number in range(1, 9)]
    assert {order[0] for order in rounds} == {0, 1, 2, 3}
    after = Counter(pair for order in rounds for pair in itertools.pairwise(order))
    assert max(after.values()) <= len(rounds) / 2


def test_an_iterator_is_read_once_and_kept() -> None:
    """Each lap has the same items, wherever they came from."""
    work = keep_items("race", pow, ((each for each in (2, 3, 4)), [1, 2, 3, 4]))
    assert (work.iterables, work.items) == (([2, 3, 4], [1, 2, 3, 4]), 3)


def test_a_list_that_the_function_changes_is_the_same_in_each_lap() -> None:
    """The items are those that were there before the first lap."""
    items = [1, 2]
    work = keep_items("race", items.append, (items,))
    items.append(3)
    assert (list(work.iterables[0]), work.items) == ([1, 2], 2)


def test_without_items_there_is_nothing_to_run() -> None:
    """No iterable, an empty one, and one without an end are told apart."""
    with pytest.raises(OptionError, match=r"poolwise.sweep\(function, items\)"):
        keep_items("sweep", abs, ())
    with pytest.raises(InputError, match="empty"):
        keep_items("race", abs, ([],))


def test_an_endless_iterator_is_refused(monkeypatch) -> None:
    """What has no end cannot be run again and again."""
    monkeypatch.setattr("poolwise.api.rounds.MOST_ITEMS", 1000)
    with pytest.raises(InputError, match="islice"):
        keep_items("race", abs, (itertools.count(),))


def run(function, items, names, *, repeats=1, budget_s=30.0):
    """Run rounds with two workers each; give the tracks, and what was told of which way."""
    told = []
    ways = [Way(name=name, options={"backend": name, "max_workers": 2}) for name in names]
    tracks = run_rounds(
        keep_items("race", function, (items,)),
        ways,
        repeats=repeats,
        budget_s=budget_s,
        told=lambda track, results: told.append((track.way.name, list(results))),
        show=lambda _: None,
    )
    return tracks, told


def test_every_way_warms_up_and_runs_its_laps() -> None:
    """A first lap that counts for nothing, then as many as asked for, with results each time."""
    tracks, told = run(abs, [-1, -2], ["loop", "threads"], repeats=2)
    assert [(track.warmup.round, [lap.round for lap in track.laps]) for track in tracks] == [(0, [1, 2])] * 2
    assert Counter(told_of for told_of, _ in told) == {"loop": 3, "threads": 3}
    assert all(results == [1, 2] for _, results in told)
    assert all(lap.wall_s > 0 and not lap.stopped for track in tracks for lap in track.laps)


def test_a_slow_way_is_stopped_and_the_others_are_not() -> None:
    """What takes longer than its share ends within an item, is told as stopped, and gets no other lap."""
    begun = time.monotonic()
    tracks, told = run(slow_in_the_main_thread, range(200), ["loop", "threads"], budget_s=2.0)
    assert time.monotonic() - begun < 30
    assert tracks[0].warmup.stopped
    assert tracks[0].warmup.wall_s < 20
    assert tracks[0].laps == ()
    assert [lap.stopped for lap in tracks[1].laps] == [False]
    assert {told_of for told_of, _ in told} == {"threads"}


def slow_in_the_main_thread(item):
    """Take long in the calling thread only."""
    if threading.current_thread() is threading.main_thread():
        time.sleep(0.25)
    return item


def test_a_way_with_time_for_one_lap_is_judged_by_it() -> None:
    """Where there is no time for another, the lap that was to warm up counts."""
    tracks, _ = run(nap, [0.3] * 4, ["loop"], repeats=3, budget_s=1.4)
    assert tracks[0].warmup is None
    assert [lap.round for lap in tracks[0].laps] == [1]


def nap(seconds):
    """Wait."""
    time.sleep(seconds)


def test_a_way_that_cannot_run_the_work_says_why() -> None:
    """It keeps its error, and the others run."""
    ways = [Way(name="bad", options={"backend": "threads", "initializer": nap, "initargs": (-1,)})]
    ways.append(Way(name="loop", options={"backend": "loop"}))
    work = keep_items("race", abs, ([-1],))
    tracks = run_rounds(work, ways, repeats=1, budget_s=9.0, told=lambda *_: None, show=lambda _: None)
    assert "initializer" in str(tracks[0].error)
    assert (tracks[0].laps, len(tracks[1].laps)) == ((), 1)


def test_a_way_that_needs_more_files_than_there_may_be_says_so() -> None:
    """The others are measured all the same; in a process of its own, whose limit is low."""
    ended = subprocess.run([sys.executable, "-c", FEW_FILES], capture_output=True, text=True, timeout=50, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "1 True\n"


FEW_FILES = """
import errno, resource, poolwise
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (30, hard))
found = poolwise.race(abs, range(64), backends=["loop", "processes:32"], repeats=1)
loop, processes, _ = found.entrants
print(len(loop.laps), f"[Errno {errno.EMFILE}]" in processes.error)
"""


def test_failures_are_results() -> None:
    """A function that fails on an item is no reason to end."""
    tracks, told = run(invert, [1, 0], ["loop"])
    assert tracks[0].error is None
    assert all(results[0] == 1 and isinstance(results[1].error, ZeroDivisionError) for _, results in told)


def invert(number):
    """Give the reciprocal."""
    return 1 / number
