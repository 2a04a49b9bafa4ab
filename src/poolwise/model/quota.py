"""How often and how many at a time items may begin: what ``rate=`` and ``limit=`` take."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from poolwise.errors import OptionError
from poolwise.model.checks import check_count, shown
from poolwise.model.classes import frozen
from poolwise.model.units import Seconds

Key: TypeAlias = Callable[[Any], object]
"""A function of the item: what is bounded, is bounded for each of its values."""

PERIODS: Final[dict[str, Seconds]] = {
    **dict.fromkeys(("s", "sec", "second"), 1.0),
    **dict.fromkeys(("m", "min", "minute"), 60.0),
    **dict.fromkeys(("h", "hour"), 3600.0),
    **dict.fromkeys(("d", "day"), 86_400.0),
}


@frozen
class Rate:
    """So many items may begin in a time, in all or for each value of ``key``; evenly spaced.

    Counted are beginnings, tries after a failure among them, over all workers together.
    """

    per: str
    """Such as ``"10/s"``, ``"600/min"``, ``"0.5/s"``, ``"100/h"``."""
    key: Key | None = None
    """A function of the item, such as the host of a URL; None: one rate for all."""
    burst: int = 1
    """So many may begin at once after a pause, 1 or more."""

    def __post_init__(self) -> None:
        """Check every value."""
        _read_rate(self.per)
        check_count("Rate.burst", self.burst, least=1)
        _check_key("Rate", self.key)

    @property
    def spacing_s(self) -> Seconds:
        """Seconds from one beginning to the next."""
        return 1 / _read_rate(self.per)


@frozen
class Limit:
    """At most so many items at a time, in all or for each value of ``key``."""

    most: int | None = None
    """1 or more; None, only where it is ``adaptive``: as many as serve."""
    key: Key | None = None
    """A function of the item, such as the host of a URL; None: one limit for all."""
    adaptive: bool = False
    """Begin with few, and find how many serve best: more while answers come no later, fewer when the far side objects
    (HTTP 429, 503, refused connections) or takes longer without giving more."""

    def __post_init__(self) -> None:
        """Check every value."""
        check_count("Limit.most", self.most, least=1, optional=self.adaptive is True)
        _check_key("Limit", self.key)
        if not isinstance(self.adaptive, bool):
            raise OptionError(f"Limit.adaptive={shown(self.adaptive)}: write True or False")


RateChoice: TypeAlias = str | Rate | Sequence[str | Rate] | None
LimitChoice: TypeAlias = int | Limit | Sequence[int | Limit] | None


def as_rates(rate: RateChoice) -> tuple[Rate, ...]:
    """Give the rates that were asked for; raises OptionError where they cannot be read."""
    if rate is None:
        return ()
    given = [rate] if isinstance(rate, (str, Rate)) else rate
    if not isinstance(given, (list, tuple)) or not all(isinstance(each, (str, Rate)) for each in given):
        raise OptionError(f"rate={shown(rate)}: {_HOW_RATE}")
    return tuple(each if isinstance(each, Rate) else Rate(each) for each in given)


def as_limits(limit: LimitChoice) -> tuple[Limit, ...]:
    """Give the limits that were asked for; raises OptionError where they cannot be read."""
    if limit is None:
        return ()
    given = limit if isinstance(limit, (list, tuple)) else [limit]
    return tuple(each if isinstance(each, Limit) else _as_limit(limit, each) for each in given)


def quotas_of(rate: RateChoice, limit: LimitChoice) -> tuple[Rate | Limit, ...]:
    """Give all that bounds which item may go."""
    return (*as_rates(rate), *as_limits(limit))


def most_at_once(limit: LimitChoice) -> int | None:
    """Give how many items at a time are allowed, whatever their keys; None: nothing bounds that."""
    return min((each.most for each in as_limits(limit) if each.key is None and each.most is not None), default=None)


def _as_limit(limit: LimitChoice, most: object) -> Limit:
    if isinstance(most, bool) or not isinstance(most, int):
        raise OptionError(
            f"limit={shown(limit)}: write a whole number, a poolwise.Limit (for a limit for each value of a key), "
            "or a list of them"
        )
    check_count("limit", most, least=1)
    return Limit(most)


_HOW_RATE: Final = (
    'write a text such as "10/s", "600/min" or "100/h", a poolwise.Rate (for a rate for each value of a key), '
    "or a list of them"
)


def _read_rate(text: object) -> float:
    """Give items in a second."""
    count, _, period = text.partition("/") if isinstance(text, str) else ("", "", "")
    try:
        per_s = float(count) / PERIODS[period.strip().lower()]
    except (ValueError, KeyError):
        per_s = 0.0
    if per_s <= 0 or not math.isfinite(per_s):
        raise OptionError(f"rate={shown(text)}: {_HOW_RATE}")
    return per_s


def _check_key(name: str, key: object) -> None:
    if key is not None and not callable(key):
        raise OptionError(f"{name}.key={shown(key)}: write a function that takes an item, or leave it out")
