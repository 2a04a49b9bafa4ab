"""Why many workers are slower than fewer; all measurements are made up."""

from __future__ import annotations

import pytest

from poolwise.decide.scaling import judge
from poolwise.decide.slowdown import find_causes
from poolwise.model.lap import Lap
from poolwise.model.sweep import Cause, Dropoff, Point

DROPOFF = Dropoff(workers=8, best=2, share=0.2, least=0.1, most=0.3, rounds=3)
CORES = 2


def points(best: dict[str, float], most: dict[str, float]) -> list[Point]:
    """Make two points with three equal laps each: one second with two workers, 1.25 with eight."""
    return [
        Point(workers=workers, laps=tuple(Lap(round=at, wall_s=wall_s, **told) for at in (1, 2, 3)))
        for workers, wall_s, told in ((2, 1.0, best), (8, 1.25, most))
    ]


@pytest.mark.parametrize(
    ("best", "most", "cause"),
    [
        ({"switches_involuntary": 20}, {"switches_involuntary": 1000}, Cause("switches", 800.0, 20.0)),
        ({"stolen_s": 0.0}, {"stolen_s": 0.25}, Cause("stolen", 0.1, 0.0)),
        ({"throttled_s": 0.0}, {"throttled_s": 0.5}, Cause("throttled", 0.2, 0.0)),
        ({"others_s": 0.2}, {"others_s": 0.5}, Cause("others", 0.2, 0.1)),
        ({"start_s": 0.01}, {"start_s": 0.125}, Cause("starting", 0.1, 0.01)),
        ({"ship_s": 0.0}, {"ship_s": 0.125}, Cause("shipping", 0.1, 0.0)),
        ({"cpu_s": 2.0}, {"cpu_s": 2.4}, Cause("cpu", 2.4, 2.0)),
    ],
    ids=lambda value: value.what if isinstance(value, Cause) else "",
)
def test_what_was_more_is_named_with_both_figures(best: dict, most: dict, cause: Cause) -> None:
    """Counts are per second, times are shares of the wall time, or of that of all cores."""
    assert find_causes(points(best, most), DROPOFF, CORES) == (cause,)


@pytest.mark.parametrize(
    ("best", "most"),
    [
        ({}, {}),
        ({"switches_involuntary": 20}, {"switches_involuntary": 60}),
        ({"switches_involuntary": 900}, {"switches_involuntary": 1300}),
        ({"stolen_s": 0.1}, {"stolen_s": 0.13}),
        ({"start_s": None}, {"start_s": 0.5}),
        ({"cpu_s": 2.0}, {"cpu_s": 2.05}),
        ({"throttled_s": 0.4}, {"throttled_s": 0.1}),
    ],
)
def test_what_was_not_more_or_not_told_is_no_cause(best: dict, most: dict) -> None:
    """Less, the same, next to nothing, or unknown for one of them."""
    assert find_causes(points(best, most), DROPOFF, CORES) == ()


def test_a_sweep_names_the_causes_of_its_drop_off() -> None:
    """The judgement holds both."""
    scaling = judge(points({"switches_involuntary": 20}, {"switches_involuntary": 1000}), 100, CORES)
    assert scaling.dropoff is not None
    assert scaling.causes == (Cause("switches", 800.0, 20.0),)
