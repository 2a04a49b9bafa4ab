"""Sweeps in words; none of them was run."""

from __future__ import annotations

from typing import get_args

import pytest

from poolwise.model.classes import replace
from poolwise.model.lap import Lap
from poolwise.model.sweep import Cause, CauseWhat, Interval, NoFit, NoFitWhat, Point
from poolwise.report.sweep import CAUSES, NO_FITS, sweep_findings
from poolwise.report.sweep_table import sweep_table
from tests.unit.report.sweeps import make_points, make_sweep


def findings(sweep) -> dict[str, str]:
    """Give the sentences by their headings; those without one stand behind the one before."""
    found: dict[str, str] = {}
    last = ""
    for heading, text in sweep_findings(sweep):
        last = heading or last
        found[last] = f"{found[last]}; {text}" if last in found else text
    return found


def test_a_sweep_says_who_is_fastest_worth_it_and_lost():
    """The figures of the made-up law, rounded as everywhere."""
    told = findings(make_sweep())
    assert told["fastest"] == "8 workers: 1.91 s, 4.19 × as fast as 1"
    assert told["worth it"] == "8 workers: fewer are slower by more than a tenth"
    assert told["drop-off"].startswith("16 workers lose 8 % of the speed of 8")
    assert "nothing that was measured explains it" in told["drop-off"]
    assert "knee" in told


def test_fewer_workers_that_are_nearly_as_fast_are_worth_it():
    """The fewest with nine tenths of the best speed are named, with their share."""
    told = findings(make_sweep(make_points({1: 100.0, 2: 51.0, 4: 27.0, 8: 15.0, 16: 14.0})))
    assert told["worth it"] == "8 workers give 93 % of the best speed"
    assert told["drop-off"] == "none: the most workers, 16, are the fastest"


def test_where_more_workers_harm_one_is_worth_it():
    """It is not said that fewer than one were slower."""
    told = findings(make_sweep(make_points({1: 1.0, 2: 1.2, 4: 1.5, 8: 2.5})))
    assert told["worth it"] == "1 worker: more bring nothing"


def test_the_law_is_told_with_its_intervals():
    """Each parameter, what it means, and how far off the law is."""
    sweep = make_sweep()
    told = findings(sweep)
    assert told["law"].startswith("speed of N workers = λ N / (1 + σ (N - 1) + κ N (N - 1)), off by")
    assert "λ = 25" in told["law"]
    assert "σ = 0.05" in told["law"]
    assert "κ = 0.01" in told["law"]
    assert told["peak"].startswith("at 9.7")


@pytest.mark.parametrize(
    ("peak", "words"),
    [
        (None, "none: by the law more workers are never slower"),
        (Interval(40.0, 30.0, None), "at 40.0 (30.0 – any) workers, by the law, beyond what was measured: 16"),
        (Interval(1234.0, 300.0, 5000.0), "at 1,234 (300 – 5,000) workers, by the law, beyond what was measured: 16"),
    ],
)
def test_a_peak_that_was_not_measured_is_said_to_be_that(peak, words):
    """It is extrapolated; and there may be none."""
    sweep = make_sweep()
    fit = sweep.fit
    told = findings(make_sweep(fit=type(fit)(**{name: getattr(fit, name) for name in FIT} | {"peak": peak})))
    assert told["peak"] == words


FIT = ("rate", "contention", "crosstalk", "peak", "most_workers", "misfit")


@pytest.mark.parametrize("what", get_args(CauseWhat))
def test_every_cause_has_words(what):
    """Whatever is found can be said, with both figures."""
    text = CAUSES[what](Cause(what, 43.0, 12.0))
    assert len(text) > 20
    assert text.count("43") == text.count("12") == 1


@pytest.mark.parametrize("what", get_args(NoFitWhat))
def test_every_reason_for_no_law_has_words(what):
    """A sentence, in the place of the law."""
    told = findings(make_sweep(fit=None, no_fit=NoFit(what, 0.3, 0.5)))
    assert told["no law"] == NO_FITS[what](NoFit(what, 0.3, 0.5))
    assert "law" not in told


def test_the_causes_of_a_drop_off_are_told_with_it():
    """Both figures, of the many and of the best."""
    points = make_points(
        {1: 4.0, 2: 2.1, 4: 1.1, 8: 1.4},
        {4: {"switches_involuntary": 22, "cpu_s": 4.0}, 8: {"switches_involuntary": 1400, "cpu_s": 5.0}},
    )
    told = findings(make_sweep(points))["drop-off"]
    assert told.startswith("8 workers lose 21 % of the speed of 4 past the cores")
    assert "took cores away 1,000 times a second (involuntary context switches), and 20 times with 4" in told
    assert "the same work took 5.00 s of CPU, and 4.00 s with 4" in told


def test_a_loss_in_some_rounds_only_is_not_called_one():
    """Chance may have made it."""
    points = [*make_points({1: 4.0, 2: 2.0, 4: 1.0})]
    points.append(
        Point(workers=8, laps=tuple(Lap(round=at, wall_s=wall) for at, wall in enumerate((1.1, 1.0, 0.95), 1)))
    )
    told = findings(make_sweep(tuple(points)))
    assert told["drop-off"].startswith("none that is clear past the cores: 8 workers lose -")


def test_a_loss_in_the_only_round_is_not_called_one():
    """How much a lap varies is not known."""
    points = tuple(Point(workers=n, laps=(Lap(round=1, wall_s=wall),)) for n, wall in ((1, 2.0), (2, 1.0), (8, 1.25)))
    told = findings(make_sweep(points))["drop-off"]
    assert told == "none that is clear past the cores: 8 workers lose 20 % in the only round against 2"


def test_what_noise_could_have_made_is_said_to_be_that():
    """More workers may be no faster at all."""
    points = make_points({1: 1.0, 2: 0.8})
    noisy = [Point(workers=4, laps=tuple(Lap(round=at, wall_s=wall) for at, wall in enumerate((0.5, 0.75, 1.1), 1)))]
    told = findings(make_sweep((*points, *noisy)))["worth it"]
    assert told == "1 worker gives 75 % of the best speed; what is missing could be noise"


def test_what_is_missing_is_told():
    """Numbers that were left out, laps that there was no time for, and other programs that were in the way."""
    points = make_points({1: 4.0, 2: 2.0}, {1: {"others_s": 4.0}, 2: {"others_s": 2.0}})
    slow = Point(workers=4, warmup=Lap(round=0, wall_s=12.0, stopped=True))
    told = findings(make_sweep((*points, slow), left_out=(256, 1024)))
    assert told["left out"] == "256, 1,024 workers: there are but 200 items, one for each worker at most"
    assert told["fewer laps"] == "4 workers: the time (budget_s=120) did not do for 3 of each"
    assert told["noise"].startswith("other programs kept 1.0 cores busy")


def test_the_table_has_a_row_for_each_number_of_workers():
    """With what the law says beside what was measured, and what is special about a row in words."""
    table = sweep_table(make_sweep())
    headings = [column.heading for column in table.columns]
    assert headings == ["workers", "wall", "least – most", "speed-up", "by the law", ""]
    assert [row[0] for row in table.rows] == ["1", "2", "4", "8", "16"]
    assert table.rows[3][:2] == ("8", "1.91 s")
    assert table.rows[3][-1] == "worth it, fastest"
    assert "cores" in table.rows[2][-1]
    assert table.strong == 3


def test_a_number_that_was_stopped_shows_how_long_it_ran():
    """It takes longer than that; one that never began has no figure."""
    points = (
        *make_points({2: 2.0}),
        Point(workers=4, warmup=Lap(round=0, wall_s=12.0, stopped=True)),
        Point(workers=8),
    )
    assert [row[1] for row in sweep_table(make_sweep(points)).rows] == ["2.00 s", "> 12.0 s", "no time left"]


def test_printing_shows_table_and_sentences():
    """``str(sweep)`` is what the command prints."""
    lines = str(make_sweep()).splitlines()
    assert lines[0] == "sweep of count_primes over 200 items with processes on 4 cores"
    assert any(line.startswith("fastest      8 workers") for line in lines)


def test_a_sweep_without_a_finished_lap_can_be_shown():
    """All was stopped by the time budget."""
    sweep = make_sweep((Point(workers=1, warmup=Lap(round=0, wall_s=12.0, stopped=True)), Point(workers=2)))
    assert findings(sweep)["fastest"] == "none: no lap came to its end"
    assert "> 12.0 s" in str(sweep)


def test_contention_is_no_share_of_more_than_all():
    """Where each further worker costs more than it does, the law's parameter is no share any more."""
    sweep = make_sweep()
    assert "σ" in findings(sweep)["law"]
    assert "share of the work" in findings(sweep)["law"]
    assert sweep.fit is not None
    beyond = replace(sweep, fit=replace(sweep.fit, contention=Interval(2.66, 2.15, 3.22)))
    assert "share of the work" not in findings(beyond)["law"]
    assert "σ = 2.66 (2.15 – 3.22): from 1 on, more workers bring nothing" in findings(beyond)["law"]
