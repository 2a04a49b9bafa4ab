"""When a service that fails is given a rest, and how that ends."""

from __future__ import annotations

from poolwise.model.events import Instruction, Rest, Resume, Trouble
from poolwise.model.retry import Retry
from poolwise.run.rest import MOST_REST_S, MOST_RESTS, Breaker

DOWN = Trouble(None, "HTTP 503")


def breaker(after: int | None = 3, rest: float = 1.0, retries: int = 1) -> Breaker:
    """Make one that rests after so many failures."""
    return Breaker(Retry(retries, rest_after=after, rest=rest))


def fail(broken: Breaker, *items: int, now_s: float = 0.0, several: bool = True) -> list[Instruction]:
    """Let items fail, each in a chunk of its own number."""
    return [told for each in items for told in broken.failed(each, each, DOWN, now_s, several=several)]


def test_failures_in_a_row_lead_to_a_rest():
    """The third failure in a row is one too many where three are; nothing is sent until the rest is over."""
    broken = breaker()
    assert fail(broken, 0, 1) == []
    assert fail(broken, 2, now_s=5.0) == [Rest(1.0, 3, "HTTP 503")]
    assert (broken.holds, broken.may_try, broken.next_at) == (True, False, 6.0)
    broken.pass_time(5.9)
    assert not broken.may_try
    broken.pass_time(6.0)
    assert (broken.may_try, broken.next_at) == (True, None)


def test_one_that_is_done_begins_the_count_anew():
    """Where anything is done in between, the service works."""
    broken = breaker()
    assert fail(broken, 0, 1) == []
    assert broken.served(9, 0.0) == []
    assert fail(broken, 2, 3) == []


def test_a_function_s_own_failure_is_no_sign_of_a_service():
    """An error that says nothing of a service breaks the row too."""
    broken = breaker()
    fail(broken, 0, 1)
    assert broken.failed(2, 2, None, 0.0, several=True) == []
    assert fail(broken, 3, 4) == []


def test_one_item_alone_may_be_what_is_wrong():
    """The same item again and again is no reason, unless it is the only one there is."""
    assert fail(breaker(), 5, 5, 5, 5, 5) == []
    assert fail(breaker(), 5, 5, 5, several=False) == [Rest(1.0, 3, "HTTP 503")]


def test_a_trial_that_is_served_ends_the_rest():
    """The run goes on, and says how long it has rested."""
    broken = breaker()
    fail(broken, 0, 1, 2)
    broken.pass_time(1.0)
    broken.tries(7)
    assert not broken.may_try
    assert broken.served(7, 1.5) == [Resume(served=True, rested_s=1.5)]
    assert (broken.holds, broken.rests, broken.rested_s(99.0)) == (False, 1, 1.5)


def test_what_was_in_flight_says_nothing_new():
    """While it rests, neither a success nor a failure of what was sent before changes anything."""
    broken = breaker()
    fail(broken, 0, 1, 2)
    assert fail(broken, 3, 4, 5) == []
    assert broken.served(6, 0.5) == []
    assert (broken.next_at, broken.rests) == (1.0, 1)


def test_rests_grow_and_the_service_is_given_up():
    """Each rest without success is twice as long; after five of them nothing rests any more."""
    broken, now_s = breaker(), 0.0
    (told,) = fail(broken, 0, 1, 2)
    seconds = []
    while isinstance(told, Rest):
        seconds.append((told.seconds, told.again))
        now_s += told.seconds
        broken.pass_time(now_s)
        broken.tries(len(seconds) + 10)
        (told,) = fail(broken, len(seconds) + 10, now_s=now_s)
    assert seconds == [(1.0, False), (2.0, True), (4.0, True), (8.0, True), (16.0, True)]
    assert (told, broken.rests) == (Resume(served=False, rested_s=31.0), MOST_RESTS)
    assert fail(broken, *range(100), now_s=now_s) == []


def test_no_rest_is_longer_than_a_minute_of_its_own():
    """A first rest of 20 s is doubled up to 60 s."""
    broken = breaker(rest=20.0)
    fail(broken, 0, 1, 2)
    for expected in (40.0, MOST_REST_S, MOST_REST_S):
        broken.pass_time(1e9)
        broken.tries(8)
        assert fail(broken, 8) == [Rest(expected, broken._row, "HTTP 503", again=True)]


def test_an_answer_may_ask_for_a_longer_rest():
    """The longest of what the answers asked for counts, where that is longer, up to the policy's limit."""
    broken = Breaker(Retry(1, rest_after=2, retry_after_max=30.0))
    broken.failed(0, 0, Trouble(25.0, "HTTP 429"), 0.0, several=True)
    assert broken.failed(1, 1, Trouble(3.0, "HTTP 503"), 0.0, several=True) == [Rest(25.0, 2, "HTTP 503")]
    broken = Breaker(Retry(1, rest_after=2, retry_after_max=30.0))
    broken.failed(0, 0, Trouble(9999.0, "HTTP 429"), 0.0, several=True)
    assert broken.failed(1, 1, DOWN, 0.0, several=True) == [Rest(30.0, 2, "HTTP 503")]


def test_a_trial_that_is_lost_is_repeated():
    """Where the worker of the trial dies nothing is known, and another item is tried."""
    broken = breaker()
    fail(broken, 0, 1, 2)
    broken.pass_time(1.0)
    broken.tries(7)
    broken.lost(7)
    assert broken.may_try


def test_it_never_rests_without_retries_or_without_a_number():
    """Where nothing is tried again, or the policy says so, failures are just failures."""
    assert fail(breaker(retries=0), *range(20)) == []
    assert fail(breaker(after=None), *range(20)) == []
