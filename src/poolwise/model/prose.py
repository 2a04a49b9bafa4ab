"""How a value comes to its words without knowing them: ``report.explain`` registers what to say for each type."""

from __future__ import annotations

from functools import singledispatch


@singledispatch
def say(value: object) -> str:
    """Put ``value`` into plain words; its repr where nobody has registered any."""
    return repr(value)
