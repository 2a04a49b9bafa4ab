"""How a value comes to its pictures without knowing how to draw: ``report.pictures`` teaches what each type shows.

The methods stand here, once, for all values that can be looked at; like the words (``model.prose``) they find what they
need when they are first called.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Painter(Protocol):
    """Who can draw our values."""

    def plot(self, value: object, ax: Axes | None) -> Axes:
        """Draw it with matplotlib."""
        ...

    def show(self, value: object) -> None:
        """Print it, with its picture, to standard output."""
        ...

    def page(self, value: object) -> str:
        """Write it as a whole page of HTML."""
        ...

    def fragment(self, value: object) -> str:
        """Write it as a piece of HTML, for a notebook."""
        ...


_hired: list[Callable[[], Painter]] = []


def hire(find: Callable[[], Painter]) -> None:
    """Have ``find`` give the painter when something is to be drawn: it imports what that takes."""
    _hired[:] = [find]


def painter() -> Painter:
    """Give who draws."""
    if not _hired:
        # A worker's own interpreter leaves out what few functions ask for; a public verb, asked for, brings it all.
        sys.modules["poolwise"].map  # noqa: B018
    return _hired[0]()


class Picture:
    """What can be looked at: in the terminal, in a notebook, as a page, with matplotlib."""

    __slots__ = ()

    def show(self) -> None:
        """Print it to standard output with its picture in letters, as wide as the terminal."""
        painter().show(self)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw it with matplotlib (the extra ``plot``) and return the Axes.

        Draws into ``ax`` where one is given, else into that of a new figure; shows nothing by itself and leaves the
        style as it is. Raises MissingExtraError where matplotlib is not installed.
        """
        return painter().plot(self, ax)

    def to_html(self, path: str | os.PathLike[str] | None = None) -> str:
        """Write it as one self-contained page of HTML, and return that; with ``path``, save it there as well (UTF-8).

        The page has tables, pictures and what is known of the machine; it needs no script and no network, is light or
        dark as its reader likes, and fits a phone. Names and items are text in it, whatever they contain.
        """
        text = painter().page(self)
        if path is not None:
            with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123 - pathlib takes a millisecond to import
                file.write(text)
        return text

    def _repr_html_(self) -> str:
        """Show it in a notebook."""
        return painter().fragment(self)
