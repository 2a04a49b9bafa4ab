"""Policies of trying again, rests of a service that fails, and the end of a hopeless run, on every way."""

from __future__ import annotations

import functools
import logging
from pathlib import Path
from urllib.error import HTTPError

import pytest

from poolwise import Retry
from poolwise.errors import TooManyFailuresError
from tests.contract import functions
from tests.contract.ways import ALL, ISOLATED, Way, on, on_all, on_processes

pytestmark = pytest.mark.timeout(120)

# Waits of real time, as short as they may be.
QUICK = Retry(2, wait=0.01)
COUNT = 6


def attempts(folder: Path) -> list[int]:
    """Count the calls for each item."""
    return [len(functions.lines(folder / f"item-{item}")) for item in range(COUNT)]


@on_all
def test_a_policy_waits_and_tries_again(way: Way, tmp_path: Path):
    """Items that failed wait, go out again, and come to their results in order."""
    results = way.map(functools.partial(functions.fail_first, tmp_path, 2), range(COUNT), retries=QUICK)
    assert (list(results), attempts(tmp_path)) == ([*range(COUNT)], [3] * COUNT)
    assert (results.report.retried, results.report.failed, results.report.rests) == (2 * COUNT, 0, 0)


@on_all
def test_only_what_the_policy_names_is_tried_again(way: Way, tmp_path: Path):
    """An error of another type is an item's failure at its first attempt."""
    policy = Retry(2, on=(OSError, ZeroDivisionError), wait=0.01)
    function = functools.partial(functions.fail_first, tmp_path, 1)
    results = way.map(function, range(COUNT), retries=policy, errors="collect")
    assert ([failure.attempts for failure in results.failures], attempts(tmp_path)) == ([1] * COUNT, [1] * COUNT)
    assert results.report.retried == 0


@on_all
def test_a_function_may_be_the_policy(way: Way, tmp_path: Path):
    """It is called with the exception, in the caller's thread."""
    policy = Retry(1, on=lambda error: "not yet" in str(error) and error.args[1] != 3, wait=0.01)
    function = functools.partial(functions.fail_first, tmp_path, 1)
    results = way.map(function, range(COUNT), retries=policy, errors="collect")
    assert [failure.index for failure in results.failures] == [3]
    assert attempts(tmp_path) == [2, 2, 2, 1, 2, 2]


@on_all
def test_what_an_error_asks_for_is_waited_for(way: Way, tmp_path: Path):
    """``retry_after_s`` of an exception is honoured, and the item comes to its result."""
    results = way.imap(functools.partial(functions.busy_first, tmp_path, 2), range(3), retries=Retry(2, wait=0.01))
    assert list(results) == [0, 1, 2]
    assert attempts(tmp_path)[:3] == [3, 3, 3]
    # Two waits of 50 ms, one after the other: no machine is so quick as to end sooner.
    assert way.faked or results.report.wall_s > 0.1


@on_all
def test_who_asks_for_too_much_has_failed(way: Way, tmp_path: Path):
    """An answer that asks for more than ``retry_after_max`` is not waited for."""
    policy = Retry(2, wait=0.01, retry_after_max=0.04)
    results = way.map(functools.partial(functions.busy_first, tmp_path, 2), range(3), retries=policy, errors="collect")
    assert [(type(each.error), each.attempts) for each in results] == [(functions.BusyError, 1)] * 3


@on(*[way for way in ALL if way not in ISOLATED])
def test_an_error_that_cannot_travel_fits_its_type(way: Way, tmp_path: Path):
    """What urllib raises cannot be pickled: the type in the policy fits it all the same, and its header is read."""
    function = functools.partial(functions.refuse_first, tmp_path)
    policy = Retry(1, on=HTTPError, wait=0.01)
    assert way.map(function, range(3), retries=policy) == [0, 1, 2]
    assert attempts(tmp_path)[:3] == [2, 2, 2]


@on_processes
def test_a_late_item_is_judged_by_the_policy(way: Way):
    """A time limit is a failure like others: of a type that is not named, it is final."""
    function = functools.partial(functions.linger, 30.0, frozenset({1}))
    results = way.map(function, range(3), timeout=0.3, retries=Retry(3, on=ValueError), errors="collect")
    assert [(each.index, each.attempts) for each in results.failures] == [(1, 1)]


@on_all
def test_a_service_that_fails_is_given_a_rest(way: Way, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """The run rests, tries one item, and goes on when that is served; nothing is lost, and it is told."""
    path = tmp_path / "calls"
    policy = Retry(8, wait=0.01, rest_after=2, rest=0.02)
    with caplog.at_level(logging.WARNING, "poolwise"):
        results = way.map(functools.partial(functions.down_first, path, 4), range(30), retries=policy)
    assert results == [*range(30)]
    assert 1 <= results.report.rests <= 5
    assert results.report.rested_s >= 0.02
    told = [record.message.split(":")[0] for record in caplog.records if "the service" in record.message]
    assert told[0].startswith("the service fails (ConnectionError")
    assert told[-1] == "the service answers again"


@on_all
def test_too_many_failures_end_the_run(way: Way):
    """The error says how many and why; what was done and what failed is kept in it."""
    with pytest.raises(TooManyFailuresError, match="more than max_failures=3") as caught:
        way.map(functions.fail_odd, range(1000), errors="collect", max_failures=3, chunksize=5)
    error = caught.value
    assert len(error.failures) > 3
    assert [each.index for each in error.failures] == sorted(each.index for each in error.failures)
    assert {each.item for each in error.failures} <= {*range(1, 1000, 2)}
    assert "ValueError" in str(error)
    assert error.done
    assert all(value == index for index, value in error.done.items())
    assert not error.done.keys() & {each.index for each in error.failures}
    assert len(error.done) < 500


@on_all
def test_as_many_failures_as_are_allowed_end_nothing(way: Way):
    """``max_failures`` is how many there may be."""
    results = way.map(functions.fail_odd, range(8), errors="skip", max_failures=4)
    assert (list(results), len(results.failures)) == ([0, 2, 4, 6], 4)


@on(*ALL)
def test_a_stream_ends_too(way: Way):
    """``imap`` has handed over what came before in order; what it had not is kept in the error."""
    taken: list[int] = []
    results = way.imap(functions.fail_odd, range(1000), errors="skip", max_failures=3)
    with pytest.raises(TooManyFailuresError) as caught:
        taken.extend(results)
    assert taken == [*range(0, 2 * len(taken), 2)]
    assert not set(taken) & caught.value.done.keys()
