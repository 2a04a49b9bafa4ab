"""Running a chunk: the fast path and the careful one give the same, and every error finds its item."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.errors import FunctionExitedError, TaskTimeoutError
from poolwise.model.events import Outcome
from poolwise.work import chunk as chunk_module
from poolwise.work.call import Call
from poolwise.work.chunk import ChunkRules, Placed, late, run_chunk, single_argument, task_error
from poolwise.work.items import Rest

FAST = ChunkRules(stop_at_error=True, keep_partial=False)
PARTIAL = ChunkRules(stop_at_error=True, keep_partial=True)
ALL = ChunkRules(stop_at_error=False)


def fail_on(*bad):
    """Give a function that fails on some items."""

    def function(item):
        if item in bad:
            raise ValueError(item)
        return item * 2

    return function


def told(outcome: Outcome):
    """Give values and errors as plain values."""
    return list(outcome.values), {
        offset: (type(each.error), each.error.args) for offset, each in outcome.errors.items()
    }


# --- Values and errors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rules", [FAST, PARTIAL, ALL], ids=["fast", "partial", "all"])
@pytest.mark.parametrize("shape", [list, tuple, lambda items: items], ids=["list", "tuple", "range"])
def test_values_in_order(rules, shape):
    """Each item's value, in order, by every path."""
    assert told(run_chunk(Call(fail_on()), shape(range(5)), rules)) == ([0, 2, 4, 6, 8], {})


@pytest.mark.parametrize("rules", [FAST, PARTIAL, ALL], ids=["fast", "partial", "all"])
def test_an_empty_chunk(rules):
    """Nothing gives nothing."""
    assert told(run_chunk(Call(fail_on()), [], rules)) == ([], {})


def test_the_fast_path_gives_all_or_nothing():
    """Where values before an error are of no use, only the error comes, with its place."""
    assert told(run_chunk(Call(fail_on(3, 4)), range(6), FAST)) == ([], {3: (ValueError, (3,))})


def test_partial_values_end_with_the_first_error():
    """Where they are wanted, the values before the first error come with it."""
    assert told(run_chunk(Call(fail_on(3, 4)), range(6), PARTIAL)) == ([0, 2, 4, None], {3: (ValueError, (3,))})


def test_all_errors_are_gathered():
    """Where errors do not stop the run, every item has its value or its error."""
    assert told(run_chunk(Call(fail_on(1, 4)), range(6), ALL)) == (
        [0, None, 4, 6, None, 10],
        {1: (ValueError, (1,)), 4: (ValueError, (4,))},
    )


@given(
    items=st.lists(st.integers(0, 9), max_size=30),
    bad=st.frozensets(st.integers(0, 9), max_size=2),
    shape=st.sampled_from([list, tuple]),
)
def test_the_fast_path_finds_the_item_that_failed(items, bad, shape):
    """The place of the first error is right, by either path."""
    first = next((offset for offset, item in enumerate(items) if item in bad), None)
    expected = set() if first is None else {first}
    for rules in (FAST, PARTIAL):
        assert set(run_chunk(Call(fail_on(*bad)), shape(items), rules).errors) == expected


@given(start=st.integers(0, 20), bad=st.integers(0, 40), shape=st.sampled_from([list, tuple, lambda items: items]))
def test_the_fast_path_finds_it_in_the_rest_of_a_sequence(start, bad, shape):
    """A chunk that is the end of a longer sequence counts from its own first item."""
    outcome = run_chunk(Call(fail_on(bad)), Rest(shape(range(40)), start), FAST)
    assert set(outcome.errors) == ({bad - start} if start <= bad < 40 else set())


@pytest.mark.parametrize("rules", [FAST, PARTIAL, ALL], ids=["fast", "partial", "all"])
def test_spread_items_are_arguments(rules):
    """A spread item is a tuple of arguments."""
    assert run_chunk(Call(pow, spread=True), [(2, 3), (2, 3, 5)], rules).values == [8, 3]


def test_time_is_measured():
    """Wall time and the CPU of this thread are those of the calls."""

    def spin(item):
        return sum(range(200_000))

    outcome = run_chunk(Call(spin), range(3), FAST)
    assert outcome.wall_s >= outcome.cpu_s * 0.5 > 0


# --- Marks -------------------------------------------------------------------------------------------------------


def test_items_are_marked_before_they_run():
    """Each item's offset is told just before it is called."""
    story = []
    run_chunk(
        Call(lambda item: story.append(("run", item))), [7, 8], FAST, mark=lambda offset: story.append(("mark", offset))
    )
    assert story == [("mark", 0), ("run", 7), ("mark", 1), ("run", 8)]


# --- What is raised ----------------------------------------------------------------------------------------------


def raiser(error):
    """Give a function that raises."""

    def function(item):
        raise error

    return function


@pytest.mark.parametrize("rules", [FAST, PARTIAL, ALL], ids=["fast", "partial", "all"])
@pytest.mark.parametrize("error", [StopIteration("x"), GeneratorExit(), BaseException("x"), MemoryError()], ids=repr)
def test_any_exception_is_told_as_itself(rules, error):
    """What the function raises is part of the outcome, whatever it is."""
    assert run_chunk(Call(raiser(error)), [1], rules).errors[0].error is error


def test_sys_exit_is_told_in_words():
    """``sys.exit`` is the item's failure, with what it said."""
    leave = SystemExit(3)
    error = run_chunk(Call(raiser(leave)), [1], ALL).errors[0].error
    assert type(error) is FunctionExitedError
    assert "sys.exit(3)" in str(error)
    assert error.__cause__ is leave
    assert "sys.exit()" in str(task_error(SystemExit()).error)


@pytest.mark.parametrize("rules", [FAST, PARTIAL, ALL], ids=["fast", "partial", "all"])
def test_ctrl_c_goes_through_the_main_thread(rules):
    """KeyboardInterrupt here is the person at the keyboard."""
    with pytest.raises(KeyboardInterrupt):
        run_chunk(Call(raiser(KeyboardInterrupt())), [1], rules)


def test_ctrl_c_in_another_thread_is_a_failure():
    """In a thread nobody is at the keyboard: it is what the function raised."""
    outcomes = []
    call = Call(raiser(KeyboardInterrupt()))
    thread = threading.Thread(target=lambda: outcomes.append(run_chunk(call, [1], ALL)))
    thread.start()
    thread.join()
    assert type(outcomes[0].errors[0].error) is KeyboardInterrupt


@pytest.mark.parametrize("rules", [FAST, PARTIAL, ALL], ids=["fast", "partial", "all"])
def test_a_traceback_begins_with_the_users_frames(rules):
    """Our own frames tell the user nothing and are left out."""
    text = run_chunk(Call(fail_on(1)), [1], rules).errors[0].traceback
    assert text.splitlines()[0] == "Traceback (most recent call last):"
    assert "in function" in text.splitlines()[1]
    assert chunk_module.__file__ not in text


# --- Time limits -------------------------------------------------------------------------------------------------


def test_an_item_that_took_too_long_fails_afterwards():
    """Where nothing could cut it short, a late item is told when it ends."""
    event = threading.Event()

    def wait(item):
        event.wait(item)
        return item

    outcome = run_chunk(Call(wait), [0, 0.02, 0], ChunkRules(stop_at_error=False, timeout_s=0.01))
    assert list(outcome.values) == [0, None, 0]
    assert type(outcome.errors[1].error) is TaskTimeoutError


def test_late_says_how_late():
    """The words name what it took, the limit, and what became of the call."""
    assert str(late(2.0, 3.14159, "; it was cut")) == "the item took 3.14 s, longer than timeout=2 s; it was cut"


# --- Coroutines --------------------------------------------------------------------------------------------------


def test_a_coroutine_function_needs_a_runner():
    """Its coroutines are run by whatever the thread brings."""

    async def double(item, more=0):
        return item * 2 + more

    def run(coroutine):
        try:
            coroutine.send(None)
        except StopIteration as stop:
            return stop.value

    assert run_chunk(Call(double, coroutine=True), [1, 2], FAST, run_coroutine=run).values == [2, 4]
    assert run_chunk(Call(double, spread=True, coroutine=True), [(1, 5)], FAST, run_coroutine=run).values == [7]
    with pytest.raises(TypeError, match="needs something to run"):
        single_argument(Call(double, coroutine=True))


# --- In place ----------------------------------------------------------------------------------------------------

MANY = chunk_module.MANY
in_place = pytest.mark.skipif(not chunk_module.EXTENDS_FAST, reason="values are put in place up to CPython 3.11 only")


@in_place
def test_many_values_are_put_in_their_place():
    """A large chunk's values go straight into the caller's list, and the outcome looks at them there."""
    into = [-1]
    outcome = run_chunk(Call(fail_on()), range(MANY), FAST, into=into)
    assert into == [-1, *range(0, 2 * MANY, 2)]
    assert isinstance(outcome.values, Placed)
    assert (len(outcome.values), outcome.values[0], outcome.values[-1]) == (MANY, 0, 2 * MANY - 2)
    assert outcome.values[2:4] == [4, 6]
    assert list(outcome.values) == into[1:]


@in_place
@pytest.mark.parametrize("bad", [0, 5, MANY - 1])
def test_an_error_in_place_finds_its_item(bad):
    """Where a value was to be put, the error stands in the outcome."""
    outcome = run_chunk(Call(fail_on(bad)), range(MANY), FAST, into=[])
    assert told(outcome) == ([], {bad: (ValueError, (bad,))})


@in_place
@pytest.mark.parametrize("bad", [0, 5, MANY - 1])
def test_a_stop_iteration_in_place_is_no_silent_end(bad):
    """``map`` ends silently on the function's StopIteration; here it is that item's error."""

    def stop(item):
        if item == bad:
            raise StopIteration
        return item

    outcome = run_chunk(Call(stop), range(MANY), FAST, into=[])
    assert told(outcome) == ([], {bad: (StopIteration, ())})


def test_few_values_take_no_detour():
    """A small chunk's values come in the outcome only."""
    into: list = []
    assert run_chunk(Call(fail_on()), range(3), FAST, into=into).values == [0, 2, 4]
    assert into == []
