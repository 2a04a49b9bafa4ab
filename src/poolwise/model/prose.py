"""How a value comes to its words without knowing them: ``report.explain`` registers what to say for each type."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from typing import Any

_teachers: list[Callable[[], object]] = []


def learn_from(teacher: Callable[[], object]) -> None:
    """Call ``teacher`` once, before the first words: it imports what registers them."""
    _teachers.append(teacher)


@singledispatch
def say(value: object) -> str:
    """Put ``value`` into plain words; its repr where nobody has registered any."""
    if not _teachers:
        return repr(value)
    while _teachers:
        _teachers.pop()()
    return say(value)


@singledispatch
def say_html(value: object) -> str:
    """Put ``value`` into HTML, for notebooks; its words as they are where nobody has registered any."""
    if not _teachers:
        from html import escape  # noqa: PLC0415 - only notebooks come here

        return f"<pre>{escape(say(value))}</pre>"
    while _teachers:
        _teachers.pop()()
    return say_html(value)


def pretty(value: object, printer: Any, cycle: bool) -> None:  # noqa: ANN401, FBT001 - as IPython calls it
    """Say a value in words where IPython can show no HTML; its repr holds every figure, on hundreds of lines.

    A class takes it as its own ``_repr_pretty_``: IPython does not look further than the first class with a repr.
    """
    printer.text("…" if cycle else say(value))
