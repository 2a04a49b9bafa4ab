"""Axes that people can read: few ticks at round figures, one unit."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from poolwise.report.pictures.chart import Axis
from poolwise.report.pictures.scale import Scale, doubled, even_ticks, scale_around, scale_from_zero, time_axis

PLAIN = Axis("x")
SIZES = st.floats(1e-9, 1e9)


@pytest.mark.parametrize(
    ("most", "unit"),
    [(20_000, "h"), (700, "min"), (12, "s"), (0.9996, "s"), (0.5, "ms"), (2e-4, "µs"), (3e-8, "ns"), (0.0, "ns")],
)
def test_an_axis_of_times_has_one_unit(most, unit) -> None:
    """The longest time chooses the unit of all."""
    assert time_axis("wall time", most).label == f"wall time ({unit})"


def test_ticks_are_at_round_figures() -> None:
    """Steps are 1, 2 or 5 times a power of ten, written with the decimals that they need and no more."""
    assert [text for _, text in even_ticks(0, 12, 5)] == ["0", "5", "10"]
    assert [text for _, text in even_ticks(0, 1, 5)] == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
    assert [text for _, text in even_ticks(0, 4000, 4)] == ["0", "1,000", "2,000", "3,000", "4,000"]


@given(SIZES, st.integers(1, 10))
@example(1.000000001, 2)
def test_a_scale_from_zero_holds_all_values(most, count) -> None:
    """It begins at zero and ends at a tick, which no value exceeds; nothing is more than twice as long as needed."""
    scale = scale_from_zero(PLAIN, [most / 3, most], count)
    ticks = [value for value, _ in scale.ticks(count)]
    assert scale.place(0) == 0
    assert 0.4 < scale.place(most) <= 1 + 1e-6 or count < 3
    assert ticks[0] == 0
    assert ticks[-1] == pytest.approx(scale.most)


@given(SIZES, st.integers(1, 12))
def test_a_tight_scale_has_two_ticks_at_least(most, count) -> None:
    """One figure on an axis says nothing of its scale."""
    assert len(scale_from_zero(PLAIN, [most], tight=True).ticks(count)) >= 2


def test_a_scale_of_nothing_is_a_scale() -> None:
    """Without a value above zero the axis still has a length."""
    assert scale_from_zero(PLAIN, []).place(1.0) == 1.0


def test_doublings_take_equal_room() -> None:
    """On an axis of workers each doubling is a step of the same length, ticks are the powers of two."""
    scale = scale_around(Axis("workers", doubling=True), [1, 16])
    places = [scale.place(value) for value, _ in scale.ticks()]
    assert [text for _, text in scale.ticks()] == ["1", "2", "4", "8", "16"]
    assert [b - a for a, b in pairwise(places)] == pytest.approx([places[1] - places[0]] * 4)
    assert places[0] > 0
    assert places[-1] < 1


def test_a_single_point_has_a_place() -> None:
    """An axis around one value is not of no length."""
    for axis in (PLAIN, Axis("workers", doubling=True)):
        assert scale_around(axis, [4]).place(4) == pytest.approx(0.5)


def test_powers_of_two_below_one() -> None:
    """Ticks of doublings may be fractions."""
    assert doubled(0.2, 3) == [(0.25, "0.25"), (0.5, "0.5"), (1.0, "1"), (2.0, "2")]
    assert Scale(PLAIN, 0, 2).place(1) == 0.5
