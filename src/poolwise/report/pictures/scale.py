"""From figures to places: ticks that people can read, one unit for a whole axis."""

from __future__ import annotations

import math
from collections.abc import Iterable

from poolwise.model.classes import frozen
from poolwise.report.pictures.chart import Axis

# An axis of times is written in one of these; hours and minutes only where seconds would have five digits.
TIME_UNITS = ((14_400.0, 3600.0, "h"), (600.0, 60.0, "min"), (0.9995, 1.0, "s"), (0.9995e-3, 1e-3, "ms"))
SMALL_UNITS = ((0.9995e-6, 1e-6, "µs"), (0.0, 1e-9, "ns"))
# Ticks on an axis, about: more stand too close on a phone, fewer leave the reader to guess.
TICKS = 5


def time_axis(title: str, most_s: float) -> Axis:
    """Choose the unit of an axis of times by the longest of them."""
    _, unit_size, unit = next(each for each in (*TIME_UNITS, *SMALL_UNITS) if most_s >= each[0])
    return Axis(title, unit, unit_size)


@frozen
class Scale:
    """An axis with its ends: it places values on a line of a given length."""

    axis: Axis
    least: float
    most: float

    def place(self, value: float) -> float:
        """Give the place of a value between 0 (the least) and 1 (the most)."""
        if self.axis.doubling:
            return math.log(value / self.least) / math.log(self.most / self.least)
        return (value - self.least) / (self.most - self.least)

    def ticks(self, count: int = TICKS) -> list[tuple[float, str]]:
        """Give about ``count`` values to mark, with their words."""
        if self.axis.doubling:
            return doubled(self.least, self.most)
        size = self.axis.unit_size
        return [(at * size, text) for at, text in even_ticks(self.least / size, self.most / size, count)]


def scale_from_zero(axis: Axis, values: Iterable[float], count: int = TICKS, *, tight: bool = False) -> Scale:
    """Make the scale of an axis from zero to the first tick that no value exceeds; ``tight``: to the highest value."""
    most = max((value for value in values if math.isfinite(value)), default=0.0) / axis.unit_size
    if most <= 0:
        return Scale(axis, 0.0, axis.unit_size)
    if tight:
        return Scale(axis, 0.0, most * axis.unit_size)
    step = nice_step(most / count)
    # More is forgiven here than the step is short of, as often as it is taken: else a step too many is added.
    return Scale(axis, 0.0, math.ceil(most / step - 1e-6) * step * axis.unit_size)


def nice_step(least: float) -> float:
    """Give the smallest of 1, 2, 5, 10, 20, 50 … (and their like below 1) that is not less than ``least``."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))


def even_ticks(least: float, most: float, count: int) -> list[tuple[float, str]]:
    """Give the multiples of a nice step from ``least`` to ``most``, with as many decimals as the step needs."""
    step = nice_step((most - least) / count)
    while step > (most - least) * (1 + 1e-9):  # an axis with a single figure has no scale
        count += 1
        step = nice_step((most - least) / count)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    first, last = math.ceil(least / step - 1e-9), math.floor(most / step + 1e-9)
    return [(place * step, f"{place * step:,.{decimals}f}") for place in range(first, last + 1)]


def doubled(least: float, most: float) -> list[tuple[float, str]]:
    """Give the powers of two from ``least`` to ``most``."""
    first, last = math.ceil(math.log2(least) - 1e-9), math.floor(math.log2(most) + 1e-9)
    return [(2.0**power, f"{2**power:,}" if power >= 0 else f"{2.0**power:g}") for power in range(first, last + 1)]


def scale_around(axis: Axis, values: Iterable[float]) -> Scale:
    """Make the scale of an axis that begins a little before the least value and ends a little after the most."""
    least, most = min(known := list(values)), max(known)
    if axis.doubling:
        return Scale(axis, least / 1.2, most * 1.2)
    margin = (most - least or axis.unit_size) * 0.05
    return Scale(axis, least - margin, most + margin)
