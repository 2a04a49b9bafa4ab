"""An item that did not come to a result."""

from __future__ import annotations

from typing import Any

from poolwise.model.classes import field, frozen


@frozen
class Failure:
    """Stands in the place of a result under ``errors="collect"``; ``results.failures`` lists them."""

    index: int
    """The item's place in the input, from 0."""
    item: Any
    """The item itself; a tuple where several iterables were given."""
    error: BaseException
    """What the function raised, or a ``poolwise.errors`` type where it never came so far."""
    attempts: int = 1
    """How often the item was tried."""
    traceback: str = field(default="", compare=False, repr=False)
    """The traceback as text, as it stood where the function ran."""

    def __bool__(self) -> bool:
        """A failure is false, so that ``filter(None, …)`` and ``if result`` leave it out."""
        return False
