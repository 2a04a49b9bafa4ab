"""Figures as people write them: one place, so that the same figure looks the same everywhere."""

from __future__ import annotations

from poolwise.model.units import Bytes, Seconds

_TIME_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_BYTE_UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def duration(seconds: Seconds) -> str:
    """Say a time in about three digits and the unit that fits: ``1.25 s``, ``31.0 ms``, ``4.20 µs``, ``2 h 5 min``."""
    if seconds <= 0:
        return "0 s"
    if seconds >= 7200:  # noqa: PLR2004 - two hours: likewise for minutes
        hours, minutes = divmod(round(seconds / 60), 60)
        return f"{hours} h {minutes} min"
    if seconds >= 120:  # noqa: PLR2004 - two minutes: from here on seconds alone are hard to read
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s"
    size, unit = next(((size, unit) for size, unit in _TIME_UNITS if seconds >= size * 0.9995), _TIME_UNITS[-1])
    return f"{_digits(seconds / size)} {unit}"


def size(count: Bytes) -> str:
    """Say an amount of memory: ``8.0 MiB``, ``512 bytes``."""
    for unit_size, unit in _BYTE_UNITS:
        if count >= unit_size:
            return f"{_digits(count / unit_size)} {unit}"
    return f"{count} byte{'' if count == 1 else 's'}"


def share(part: float) -> str:
    """Say a share in percent; what is not quite all or nothing is not called so."""
    percent = 100 * part
    if 0 < percent < 1:
        return "below 1 %"
    if 99 < percent < 100:  # noqa: PLR2004 - see the docstring
        return "over 99 %"
    return f"{percent:.0f} %"


def number(count: int) -> str:
    """Say a whole number with its thousands apart."""
    return f"{count:,}"


def counted(count: int, noun: str) -> str:
    """Say ``1 item``, ``2 items``, ``2 processes``."""
    if count == 1:
        return f"1 {noun}"
    return f"{number(count)} {noun}{'es' if noun.endswith('s') else 's'}"


def _digits(value: float) -> str:
    return f"{value:.0f}" if value >= 99.5 else f"{value:.1f}" if value >= 9.95 else f"{value:.2f}"  # noqa: PLR2004
