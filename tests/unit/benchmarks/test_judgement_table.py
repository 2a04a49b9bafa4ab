"""The table of the judgement."""

from __future__ import annotations

from benchmarks.judgement.results import Measured
from benchmarks.judgement.table import line, summary_lines

OURS = {"seconds": 0.15, "chose": "threads 8", "revised": 1, "predicted_s": 0.1, "run_s": 0.08}
CASE = Measured(
    "sleep",
    {"loop": [{"seconds": 1.5}], "threads 8": [{"seconds": 0.1}], "again": [{"seconds": 0.11}], "poolwise": [OURS]},
    ("loop", "threads 8"),
)


def test_a_line_says_who_was_best_and_what_was_chosen():
    """The times, the regret beside the noise, the choice, and the prediction beside what came."""
    assert line(CASE).split("  ")[0] == "sleep"
    assert " ".join(line(CASE).split()) == (
        "sleep threads 8 100 ms 150 ms 1.50 1.10 threads 8, revised 1 100 ms, was 80.0 ms"
    )


def test_what_failed_stands_in_its_line():
    """A case without a figure stays in the table, with the reason on one line."""
    failed = Measured("sleep", {"loop": [{"seconds": 1.5}], "poolwise": [{"failed": "it\nbroke"}]}, ("loop",))
    assert " ".join(line(failed).split()) == "sleep loop 1.50 s – – – – – it broke"


def test_the_summary_tells_the_mean_the_worst_and_the_predictions():
    """What all cases come to, for Poolwise and for each peer that took part."""
    with_peer = Measured("sleep", {**CASE.runs, "joblib": [{"seconds": 0.4}]}, CASE.tuned)
    assert summary_lines([with_peer]) == [
        "poolwise: geometric mean 1.500 over 1 cases, 0 above 1.5, 0 failed",
        "  worst: sleep 1.50",
        "joblib: geometric mean 4.000 over 1 cases, 1 above 1.5, 0 failed",
        "  worst: sleep 4.00",
        "noise: the best way again, median 1.10, most 1.10",
        "predictions: median error 25% of 1",
    ]
