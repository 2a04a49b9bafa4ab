"""Medians and ratios of the benchmark against the peers."""

from __future__ import annotations

import json

import pytest

from benchmarks.peers.results import Ratio, Row, Variant, find, from_json, ratio, to_json


def row(label, *runs, method=None):
    """Give a row with such runs; a number stands for its seconds."""
    variant = Variant(label=label, peer=label.split()[0], method=method)
    return Row(variant, [run if isinstance(run, dict) else {"seconds": run} for run in runs])


def test_a_ratio_is_taken_within_each_round():
    """A slow round makes both slow, and their ratio stays what it was."""
    assert ratio(row("a", 2, 20, 3), row("b", 1, 10, 1), "seconds") == Ratio(2.0, 2.0, 3.0)


def test_a_round_that_one_of_both_lacks_does_not_count():
    """A run that failed is left out of the ratio, not taken for 0 or for another round's."""
    assert ratio(row("a", {"failed": "x"}, 6), row("b", 1, 2), "seconds") == Ratio(3.0, 3.0, 3.0)


def test_there_is_no_ratio_without_a_common_round():
    """Two ways that never ran in the same round are not compared; nor is one with a peer that takes no part."""
    assert ratio(row("a", {"failed": "x"}, 6), row("b", 1, {"missing": "y"}), "seconds") is None
    assert ratio(row("a", 1), None, "seconds") is None


def test_the_median_is_that_of_the_rounds_that_gave_the_figure():
    """Failed rounds have no part in the median; a way that never gave the figure has none."""
    assert row("a", 1, {"failed": "x"}, 3).median("seconds") == 2
    assert row("a", {"missing": "x"}).median("seconds") is None


@pytest.mark.parametrize(
    ("runs", "problems"),
    [
        ([1, 2], []),
        ([{"missing": "no such form"}] * 2, ["no such form"]),
        ([1, {"failed": "died"}, {"failed": "died"}], ["FAILED: died (2 of 3 rounds)"]),
        ([{"seconds": 1, "wrong": True}, 1], ["WRONG RESULTS (1 of 2 rounds)"]),
    ],
)
def test_what_went_wrong_is_told_once_with_its_rounds(runs, problems):
    """Every kind of trouble has its words, and how often it came where that was not always."""
    assert row("a", *runs).problems() == problems


def test_the_row_with_the_same_start_method_is_compared():
    """Where a peer has a row for each start method, spawn is compared with spawn; else with its first row."""
    fork, spawn, floor = row("us 1", 1, method="fork"), row("us 2", 1, method="spawn"), row("floor", 1)
    rows = [floor, fork, spawn]
    assert find(rows, "us", "spawn") is spawn
    assert find(rows, "us", None) is fork
    assert find(rows, "floor", "spawn") is floor
    assert find(rows, "nobody") is None


def test_what_is_stored_is_read_back():
    """The file of ``--json`` holds everything that the tables are made of."""
    rows = [row("a", 1.5, {"failed": "x"}, method="fork"), row("b", 1)]
    rows[1].tried = {"7": 0.5}
    stored = json.loads(json.dumps(to_json({"workers": 2}, {"cold": rows})))
    assert from_json(stored) == ({"workers": 2}, {"cold": rows})


def test_another_version_is_refused():
    """Figures of another version are not misread."""
    with pytest.raises(ValueError, match="version 0 of the figures"):
        from_json({"version": 0})
