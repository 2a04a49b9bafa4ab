"""Checks of values that callers give, and how a wrong one is shown in the error."""

from __future__ import annotations

import reprlib

from poolwise.errors import OptionError
from poolwise.model.units import Seconds

# A hundred years; more is not a time limit, and some clocks overflow.
MOST_SECONDS: Seconds = 100 * 365 * 86_400


def check_count(name: str, value: object, *, least: int, most: int | None = None, optional: bool = False) -> None:
    """Raise OptionError, with what to write instead, where a value is no whole number within these bounds."""
    if value is None and optional:
        return
    whole = isinstance(value, int) and not isinstance(value, bool)
    if whole and value >= least and (most is None or value <= most):  # type: ignore[operator]
        return
    upto = f" to {most}" if most is not None else " or more"
    default = "; leave it out and Poolwise chooses" if optional else ""
    raise OptionError(f"{name}={shown(value)}: write a whole number, {least}{upto}{default}")


def check_seconds(name: str, value: object, *, optional: bool = False) -> None:
    """Raise OptionError, with what to write instead, where a value is no time; None is one without a limit."""
    if value is None and optional:
        return
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if number and 0 < value <= MOST_SECONDS:  # type: ignore[operator]
        return
    default = ", or None for no limit" if optional else ""
    raise OptionError(f"{name}={shown(value)}: write a number of seconds above 0{default}")


def shown(value: object) -> str:
    """Show a wrong value in an error, whatever it is."""
    try:
        return reprlib.repr(value)
    except Exception as error:  # noqa: BLE001 - a user's __repr__ may raise anything, and we are already telling an error
        return f"<{type(value).__name__} whose repr raises {type(error).__name__}>"
