"""What ``map`` gives back: a list that knows how it came about, and what stands for an item that failed."""

from __future__ import annotations

import copy
import pickle

import pytest

from poolwise.model.failure import Failure
from poolwise.model.plan import plan_ended
from poolwise.model.report import Report
from poolwise.model.results import Results, make_results

REPORT = Report(plan=plan_ended(3, 0.1), profile=None, machine=None, items=3, wall_s=0.1)


class SameError(Exception):
    """Equal to its like, as exceptions are not by themselves."""

    def __eq__(self, other):
        return type(other) is SameError and self.args == other.args

    __hash__ = Exception.__hash__


FAILURE = Failure(1, "item", SameError("no"), 2, "Traceback …")


@pytest.fixture
def results():
    """Make results of three items, of which one failed."""
    return make_results(["a", FAILURE, "c"], REPORT, (FAILURE,))


def test_results_are_a_list(results):
    """Whoever expects a list gets one."""
    assert isinstance(results, list)
    assert results == ["a", FAILURE, "c"]
    assert repr(results) == repr(["a", FAILURE, "c"])
    results.append("d")
    assert (len(results), results[-1]) == (4, "d")


@pytest.mark.parametrize(
    "part",
    [lambda all_: all_[:2], lambda all_: all_ + all_, lambda all_: all_ * 2, lambda all_: all_.copy(), sorted],
    ids=["slice", "sum", "product", "copy", "sorted"],
)
def test_what_is_made_of_results_is_a_plain_list(part):
    """A part of the results did not come about as the report says."""
    assert type(part(make_results([1, 2, 3], REPORT))) is list


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_results_survive_pickling_with_report_and_failures(results, protocol):
    """Results that are stored or sent keep their story."""
    back = pickle.loads(pickle.dumps(results, protocol))
    assert type(back) is Results
    assert (list(back), back.report, back.failures) == (list(results), REPORT, (FAILURE,))


@pytest.mark.parametrize("copier", [copy.copy, copy.deepcopy])
def test_the_copy_module_keeps_the_story_too(results, copier):
    """A copy by the copy module is the whole thing, and changing it leaves the first alone."""
    back = copier(results)
    back.append("d")
    assert (type(back), back.report, len(results)) == (Results, REPORT, 3)


def test_results_take_no_other_attributes(results):
    """A misspelt attribute is an error, not a new one."""
    with pytest.raises(AttributeError):
        results.reports = REPORT


# --- Failures ------------------------------------------------------------------------------------------------


def test_a_failure_is_false(results):
    """``filter(None, results)`` and ``if result`` leave failures out."""
    assert not FAILURE
    assert list(filter(None, results)) == ["a", "c"]


def test_failures_are_equal_by_value_and_the_traceback_does_not_count():
    """Two failures are the same where item, error and attempts are; a traceback's text is no part of it."""
    assert Failure(1, "item", SameError("no"), 2, "other text") == FAILURE
    assert Failure(1, "item", SameError("no"), 3) != FAILURE
    assert Failure(2, "item", SameError("no"), 2) != FAILURE


def test_a_failure_shows_what_matters():
    """Its repr has the place, the item, the error and the attempts, and not pages of traceback."""
    assert repr(FAILURE) == "Failure(index=1, item='item', error=SameError('no'), attempts=2)"


def test_a_failure_survives_pickling():
    """Failures travel with the results, traceback included."""
    back = pickle.loads(pickle.dumps(FAILURE))
    assert (back, back.traceback) == (FAILURE, "Traceback …")


def test_a_report_may_be_made_when_it_is_asked_for():
    """It is made once, and travels; what is no attribute is none."""
    made = []

    def tell():
        made.append(REPORT)
        return REPORT

    results = make_results([1], REPORT)
    later = Results([1])
    later.failures = ()
    later.report_later(tell)
    assert made == []
    assert later.report is later.report is REPORT
    assert made == [REPORT]
    assert pickle.loads(pickle.dumps(later)).report == results.report
    with pytest.raises(AttributeError, match="'Results' object has no attribute 'rapport'"):
        later.rapport  # noqa: B018 - that it is asked for is the test
