"""What becomes of an item that has failed: the verdict for each cause."""

from __future__ import annotations

import io
from email.message import Message
from urllib.error import HTTPError

import pytest

from poolwise.errors import WorkerDiedError
from poolwise.model.events import Chunk, Rest, TaskError, Trouble, WorkerLost
from poolwise.model.retry import Retry
from poolwise.run.crowd import Crowd
from poolwise.run.failing import Circumstances, Failing, Verdict, error_of
from poolwise.run.rest import Breaker
from poolwise.run.terms import Wishes

CHUNK = Chunk(1, 0, 10)
AMONG_EIGHT = Circumstances(now_s=0.0, at_once=8, several=True)
WAITS = Retry(1, wait=0.5, jitter=0)


def failing(**wishes) -> Failing:
    """Judge for a run that wishes this; no item is tried again, if not said otherwise."""
    wishes.setdefault("retry", Retry(0))
    return Failing(Wishes(**wishes), Breaker(wishes["retry"]), Crowd(), None, lambda: 0.5)


def refused(_: BaseException) -> str:
    """Lay any error to the far side, which has too many."""
    return "refused"


def test_what_may_be_tried_no_more_is_given_up() -> None:
    """The last try is final, and the verdict says how many there were."""
    judge, error = failing(retry=WAITS), TaskError(ValueError())
    first = judge.judge(3, error, CHUNK, AMONG_EIGHT, excusable=True)
    last = judge.judge(3, error, CHUNK, AMONG_EIGHT, excusable=True)
    assert (first.way, last) == ("again", Verdict(way="given up", attempts=2, news=[]))


def test_an_answer_is_left_open_only_for_who_will_see_it() -> None:
    """An error that is tried again is nobody's, and must not keep its connection; the last one is the caller's."""
    judge = failing(retry=WAITS)
    errors = [HTTPError("http://here/", 503, "busy", Message(), io.BytesIO(b"busy")) for _ in range(2)]
    for error in errors:
        judge.judge(3, TaskError(error), CHUNK, AMONG_EIGHT, excusable=True)
    assert [error.closed for error in errors] == [True, False]
    errors[1].close()


@pytest.mark.parametrize(("excusable", "way"), [(True, "in less company"), (False, "given up")])
def test_company_is_an_excuse_where_that_costs_nobody(*, excusable: bool, way: str) -> None:
    """An item is run in less company, but not where results before it would have to be made once more."""
    judge = failing(crowding=refused)
    assert judge.judge(3, TaskError(OSError()), CHUNK, AMONG_EIGHT, excusable=excusable).way == way


def test_who_waits_as_the_far_side_asks_is_excused_for_so_long() -> None:
    """An item that is excused waits for as long as the answer asked for."""
    error = TaskError(OSError(), trouble=Trouble(2.0, "HTTP 503"))
    verdict = failing(crowding=refused).judge(3, error, CHUNK, AMONG_EIGHT, excusable=True)
    assert verdict == Verdict(way="in less company", wait_s=2.0)


def test_the_verdict_brings_the_news_of_a_rest() -> None:
    """The failure that is one too many in a row says that the service rests."""
    judge = failing(retry=Retry(5, rest_after=2, rest=1.0))
    error = TaskError(OSError(), trouble=Trouble(None, "HTTP 503"))
    news = [judge.judge(index, error, CHUNK, AMONG_EIGHT, excusable=True).news for index in range(2)]
    assert news == [[], [Rest(1.0, 2, "HTTP 503", again=False)]]


def test_a_death_makes_a_suspect_and_the_next_one_names_it() -> None:
    """An item is run again by itself after as many deaths as it may have; all tries are counted in the end."""
    judge, error = failing(crash_retries=1), TaskError(WorkerDiedError())
    ways = [judge.judge_death(3, error, CHUNK, AMONG_EIGHT, guilty=False) for _ in range(2)]
    assert ways == [Verdict(way="as a suspect"), Verdict(way="given up", attempts=2)]


def test_who_is_late_has_failed_like_any_other() -> None:
    """Where a death is the item's own failure, its tries are counted, and not its deaths."""
    event = WorkerLost(0, TimeoutError(), 3, guilty=True)
    verdict = failing(crash_retries=5).judge_death(3, error_of(event), CHUNK, AMONG_EIGHT, guilty=True)
    assert verdict == Verdict(way="given up", attempts=1, news=[])
