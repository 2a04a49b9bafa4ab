"""A sweep as a value: its figures, and its way through JSON."""

from __future__ import annotations

import json

import pytest

from poolwise.errors import InputError
from poolwise.model.lap import Lap
from poolwise.model.sweep import Point, Sweep
from tests.unit.report.sweeps import LAW, make_points, make_sweep


@pytest.mark.parametrize(
    "sweep",
    [
        make_sweep(),
        make_sweep(make_points({1: 4.0, 2: 2.0, 4: 1.0}), left_out=(256,)),
        make_sweep(make_points({n: 16 / n for n in (1, 2, 4, 8)})),
        make_sweep((Point(workers=1, warmup=Lap(round=0, wall_s=1.0, stopped=True)),)),
    ],
    ids=["fitted", "too few", "no peak", "stopped"],
)
def test_a_sweep_comes_back_from_json_as_it_was(sweep: Sweep) -> None:
    """Equal in every field, whatever was found."""
    assert Sweep.from_json(sweep.to_json()) == sweep
    assert Sweep.from_dict(sweep.to_dict()) == sweep


def test_a_sweep_says_what_it_is_and_by_which_version() -> None:
    """So that another program, or a later Poolwise, knows."""
    told = json.loads(make_sweep().to_json())
    assert (told["value"], told["version"]) == ("Sweep", 1)


@pytest.mark.parametrize("change", [{"version": 2}, {"value": "Race"}, {"points": 3}, {"color": "red"}])
def test_another_form_is_refused(change: dict) -> None:
    """A file of another version, or of another value, is not guessed at."""
    with pytest.raises(InputError):
        Sweep.from_dict({**make_sweep().to_dict(), **change})


def test_the_fitted_law_gives_the_speed_of_any_number_of_workers() -> None:
    """Items a second, also between what was measured."""
    fit = make_sweep().fit
    assert fit is not None
    assert fit.speed(6) == pytest.approx(200 / LAW.time_s(6), rel=0.01)


def test_speed_ups_are_against_the_fewest_workers() -> None:
    """Whatever number was the first."""
    sweep = make_sweep(make_points({2: 4.0, 4: 2.0}))
    assert [sweep.speedup(point) for point in sweep.points] == [1.0, pytest.approx(2.0)]
    assert sweep.speedup(Point(workers=8)) is None
