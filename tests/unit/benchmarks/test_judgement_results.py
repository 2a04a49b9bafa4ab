"""The arithmetic of the judgement: regret, noise, failures, predictions."""

from __future__ import annotations

import json

import pytest

from benchmarks.judgement.results import (
    AGAIN,
    Measured,
    from_json,
    mark_wrong,
    prediction_error,
    summarize,
    to_json,
)


def runs(*given):
    """Give runs; a number stands for the seconds of one that went well."""
    return [run if isinstance(run, dict) else {"seconds": run} for run in given]


def measured(case="a case", *, tuned=("loop", "threads 8"), **ways):
    """Give a case with such runs of its ways; ``_`` in a name stands for a space."""
    return Measured(case, {way.replace("_", " "): runs(*given) for way, given in ways.items()}, tuned)


def test_regret_is_to_the_least_of_the_medians():
    """The best in hindsight is the way with the least median, whatever its single best run was."""
    case = measured(loop=[1.0, 5.0, 5.0], threads_8=[2.0, 2.0, 2.5], poolwise=[3.0, 9.0, 2.0])
    assert case.best == "threads 8"
    assert case.best_s == 2.0
    assert case.regret == 1.5


def test_a_way_that_was_not_tuned_is_never_the_best():
    """Poolwise may be better than every fixed choice, and a peer too: the regret is then below 1."""
    case = measured(loop=[2.0], threads_8=[4.0], poolwise=[1.0], joblib=[0.5])
    assert (case.best, case.regret, case.regret_of("joblib")) == ("loop", 0.5, 0.25)


def test_noise_is_the_regret_of_the_best_way_run_again():
    """The reader sees what a chooser that is never wrong would score."""
    assert measured(loop=[2.0, 2.0], threads_8=[3.0, 3.0], again=[2.2, 2.4]).noise == pytest.approx(1.15)
    assert AGAIN == "again"


def test_a_way_that_failed_is_no_rival():
    """Whatever fast way gives wrong results or errors does not set the mark."""
    case = measured(loop=[2.0], threads_8=[{"seconds": 0.1, "failed": "WRONG RESULTS"}], poolwise=[3.0])
    assert (case.best, case.regret) == ("loop", 1.5)
    assert case.failures("threads 8") == ["WRONG RESULTS"]


def test_a_run_that_was_ended_counts_with_its_limit_and_is_told():
    """What hangs does not drop out of the mean: it took at least so long."""
    case = measured(loop=[2.0], threads_8=[9.0], poolwise=[{"slow": 20.0}])
    assert case.regret == 10.0
    assert case.median_s("poolwise") is None
    assert case.failures("poolwise") == ["ended after 20.0 s"]


def test_without_a_right_run_there_is_no_regret():
    """A case in which nothing came to an end, and a way that failed each time, have no figure."""
    assert measured(loop=[{"failed": "x"}], threads_8=[], poolwise=[1.0]).regret is None
    assert measured(loop=[1.0], poolwise=[{"failed": "x"}]).regret is None


def test_results_that_differ_from_most_are_wrong():
    """The usual digest is right; runs without one (they failed) have no say."""
    given = [
        {"seconds": 1, "digest": "a"},
        {"seconds": 1, "digest": "b"},
        {"seconds": 1, "digest": "a"},
        {"failed": "x"},
    ]
    mark_wrong(given)
    assert [run.get("failed") for run in given] == [None, "WRONG RESULTS", None, "x"]


def test_the_summary_is_the_geometric_mean_with_the_worst_and_the_failures():
    """Regrets of 1 and 4 have a mean of 2; the worst come first; what failed is named."""
    cases = [
        measured("one", loop=[2.0], poolwise=[2.0]),
        measured("two", loop=[2.0], poolwise=[8.0]),
        measured("three", loop=[2.0], poolwise=[{"failed": "died"}]),
    ]
    found = summarize("poolwise", cases)
    assert found.mean == pytest.approx(2.0)
    assert found.worst == (("two", 4.0), ("one", 1.0))
    assert (found.cases, found.too_much, found.failures) == (3, 1, (("three", "died"),))


def test_predictions_are_judged_where_the_run_was_long_enough():
    """An estimate of 3 s for a run of 2 s is off by half; runs of milliseconds, and Plans without one, do not count."""
    ours = [
        {"seconds": 3, "predicted_s": 3.0, "run_s": 2.0},
        {"seconds": 3, "predicted_s": 1.0, "run_s": 0.01},
        {"seconds": 3, "predicted_s": None, "run_s": 2.0},
    ]
    assert prediction_error([measured(loop=[1.0], poolwise=ours)]) == (0.5, 1)
    assert prediction_error([measured(loop=[1.0], poolwise=[1.0])]) is None


def test_what_is_stored_is_read_back():
    """The file of ``--json`` holds everything that the table is made of."""
    case = measured(loop=[2.0], threads_8=[4.0], poolwise=[{"failed": "x"}])
    facts, (read,) = from_json(json.loads(json.dumps(to_json({"cores": 2}, [case]))))
    assert facts == {"cores": 2}
    assert (read.case, read.runs, tuple(read.tuned)) == (case.case, case.runs, case.tuned)


def test_another_version_is_refused():
    """Figures of another version are not misread."""
    with pytest.raises(ValueError, match="version 0 of the figures"):
        from_json({"version": 0})
