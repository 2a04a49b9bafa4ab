"""Running a chunk on several threads: the same outcome as one after another, with several under way."""

from __future__ import annotations

import contextvars
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.errors import FunctionExitedError, TaskTimeoutError
from poolwise.work.call import Call
from poolwise.work.chunk import ChunkRules
from poolwise.work.chunk_threads import NoBook, Round, Team, ended, run_chunk_threads
from tests.unit.work.test_chunk import ALL, PARTIAL, told

TEAM = Team()


@pytest.fixture(autouse=True, scope="module")
def nobody_stays():
    """The threads of this file end with it."""
    yield
    TEAM.end()


@pytest.fixture
def team():
    """A team of the test's own, which ends with it."""
    made = Team()
    yield made
    made.end()


def run(function, items, rules=ALL, at_once=1, *, spread=False, begin=None):
    """Run a chunk on the threads of this file."""
    return run_chunk_threads(Call(function, spread), list(items), rules, at_once, team=TEAM, begin=begin)


def fail_on(*bad):
    """Give a function that fails on some items."""

    def function(item):
        if item in bad:
            raise ValueError(item)
        return item * 2

    return function


at_onces = pytest.mark.parametrize("at_once", [1, 3, 100])


@at_onces
def test_values_in_order(at_once):
    """Each item's value, in order, however many are under way."""
    assert told(run(fail_on(), range(500), at_once=at_once)) == ([2 * item for item in range(500)], {})
    assert told(run(fail_on(), [], at_once=at_once)) == ([], {})


@at_onces
def test_all_errors_are_gathered(at_once):
    """Every item has its value or its error."""
    assert told(run(fail_on(1, 3), range(5), at_once=at_once)) == (
        [0, None, 4, None, 8],
        {1: (ValueError, (1,)), 3: (ValueError, (3,))},
    )


@given(
    items=st.lists(st.integers(0, 9), max_size=20),
    bad=st.frozensets(st.integers(0, 9), max_size=2),
    at_once=st.integers(1, 5),
)
def test_stopping_keeps_what_is_before_the_first_error(items, bad, at_once):
    """With errors that stop the run, all values before the first error are there, and none after it."""
    values, errors = told(run(fail_on(*bad), items, PARTIAL, at_once))
    first = next((offset for offset, item in enumerate(items) if item in bad), None)
    if first is None:
        assert (values, errors) == ([item * 2 for item in items], {})
    else:
        assert values == [*(item * 2 for item in items[:first]), None]
        assert min(errors) == first


def test_several_are_under_way_and_no_more():
    """So many calls as asked for meet; one more would break the barrier's count."""
    barrier, lock = threading.Barrier(4), threading.Lock()
    now, most = 0, 0

    def function(item):
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        barrier.wait(timeout=10)
        with lock:
            now -= 1
        # Of quick items, a thread would take several at a time.
        time.sleep(0.001)
        return item

    assert run(function, range(20), at_once=4).values == list(range(20))
    assert most == 4


def test_spread_items_are_arguments():
    """A spread item is a tuple of arguments."""
    assert run(lambda *numbers: sum(numbers), [(1, 2), (1, 2, 3)], at_once=2, spread=True).values == [3, 6]


def test_a_late_item_is_told():
    """Nothing can cut a thread short: the item fails when it ends."""
    outcome = run(time.sleep, [0, 0.03, 0], ChunkRules(stop_at_error=False, timeout_s=0.02), at_once=3)
    assert {offset: type(each.error) for offset, each in outcome.errors.items()} == {1: TaskTimeoutError}


def test_sys_exit_is_its_items_failure():
    """It does not end the thread in silence."""

    def leave(item):
        raise SystemExit(3)

    assert type(run(leave, [1], at_once=2).errors[0].error) is FunctionExitedError


def test_the_traceback_begins_in_the_users_code():
    """Our own frames tell nothing."""
    traceback = run(fail_on(0), [0], at_once=2).errors[0].traceback
    assert "chunk_threads.py" not in traceback.replace("test_chunk_threads.py", "")
    assert "in function" in traceback


def test_each_item_is_begun_in_the_thread_that_runs_it():
    """What ``begin`` sets in its context (random streams) is there for the item."""
    mine: contextvars.ContextVar[int] = contextvars.ContextVar("mine")
    assert run(lambda item: (item, mine.get()), range(50), at_once=5, begin=mine.set).values == [
        (item, item) for item in range(50)
    ]


def test_the_callers_context_is_seen(team):
    """As by the worker's own thread."""
    setting: contextvars.ContextVar[str] = contextvars.ContextVar("setting")
    setting.set("here")
    outcome = run_chunk_threads(Call(lambda _: setting.get()), [1, 2], ALL, 2, team=team)
    assert outcome.values == ["here", "here"]


def test_the_cpu_time_of_all_threads_counts():
    """Not that of the thread that waits for them."""

    def burn(item):
        until = time.thread_time() + 0.01
        while time.thread_time() < until:
            pass

    assert 0.06 <= run(burn, range(6), at_once=3).cpu_s < 0.5


def test_without_a_thread_to_be_had_the_caller_runs_all(monkeypatch):
    """A limit on threads costs speed and nothing else."""

    def refuse(_):
        msg = "can't start new thread"
        raise RuntimeError(msg)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    here = threading.get_ident()
    outcome = run_chunk_threads(Call(lambda item: (item, threading.get_ident())), [1, 2, 3], ALL, 8)
    assert outcome.values == [(1, here), (2, here), (3, here)]


class Stops(NoBook):
    """A book that lets so many items be begun."""

    def __init__(self, most):
        self.most, self.claims = most, []

    def claim(self, begin, end):
        """Note it."""
        self.claims.append((begin, end))
        return min(end, self.most)


@at_onces
def test_what_the_book_does_not_allow_is_not_begun(team, at_once):
    """What was begun is finished, and the round says that the rest was taken back."""
    book, ran = Stops(7), []
    playing = Round(Call(ran.append), lambda a, b: range(100)[a:b], 100, ALL, begin=None, book=book)
    team.play(playing, at_once)
    assert playing.wait(10)
    assert (sorted(ran), playing.begun, playing.cut) == (list(range(7)), 7, True)
    # Items are claimed in order and before they are begun; what is claimed first is not done yet.
    assert all(begin <= end for begin, end in book.claims)
    assert [end for _, end in book.claims] == sorted(end for _, end in book.claims)


def test_a_list_that_was_made_shorter_ends_the_round(team):
    """There is nothing to run behind its end."""
    items = [1, 2, 3]
    playing = Round(Call(abs), lambda a, b: items[a:b], 10, ALL, begin=None, book=NoBook())
    team.play(playing, 2)
    assert playing.wait(10)
    assert (playing.values[: playing.begun], playing.cut) == ([1, 2, 3], False)


def test_what_goes_wrong_between_two_items_is_raised_where_the_round_is_waited_for(team):
    """Nobody waits for ever because our own code, or the memory, failed in a thread."""

    def take(first, end):
        raise MemoryError

    playing = Round(Call(abs), take, 10, ALL, begin=None, book=NoBook())
    team.play(playing, 2)
    with pytest.raises(MemoryError):
        playing.wait(10)


def test_what_stands_before_an_error_is_run_although_that_came_first() -> None:
    """A thread that has taken several short items goes on with them while a later one fails in another thread."""
    rules = ChunkRules(stop_at_error=True)
    items = [0, 1, 2, 3, 4, 5]
    playing = Round(Call(fail_on(3)), lambda first, end: items[first:end], 6, rules, begin=None, book=NoBook())
    first, taken, _ = playing._next(1, 3, 0.0)
    later, others, _ = playing._next(2, 2, 0.0)
    playing._run(later, others)
    playing._run(first, taken)
    values, errors = ended(playing, 0, rules)
    assert values == [0, 2, 4, None]
    assert [*errors] == [3]
