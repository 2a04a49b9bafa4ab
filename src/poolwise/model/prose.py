"""How a value comes to its words without knowing them: ``report.explain`` registers what to say for each type."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch

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
