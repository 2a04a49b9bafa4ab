"""A chart as a value: what to draw, in figures and words, for SVG, the terminal and matplotlib to draw.

Nothing here knows a pixel or a colour. Whatever a colour could say stands in a word as well (``note``, ``label``), so
that a page in black and white, a terminal without colours and a reader who hears the page lose nothing.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from poolwise.model.classes import frozen
from poolwise.model.timeline import SPAN_KINDS, SpanKind
from poolwise.report.timeline import DEEDS

BarKind: TypeAlias = Literal["plain", "best", "choice", "open", "none"]
"""An ordinary one, the best, what Poolwise chose, one without an end (it was stopped), one that there is nothing of."""
BlockKind: TypeAlias = SpanKind

BLOCK_WORDS: Final[dict[BlockKind, str]] = {kind: DEEDS[kind] for kind in SPAN_KINDS}
"""In the order of a worker's life, as legends have it."""


@frozen
class Axis:
    """What is measured along a side, and in which unit it is written."""

    title: str
    unit: str = ""
    unit_size: float = 1.0
    """The unit in that of the values: 0.001 for milliseconds where values are seconds."""
    doubling: bool = False
    """Each step is twice the one before (1, 2, 4, 8 workers) and takes as much room."""

    @property
    def label(self) -> str:
        """Name it with its unit: ``wall time (ms)``."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


@frozen(kw_only=True)
class Bar:
    """A bar from zero to ``value``."""

    label: str
    value: float
    kind: BarKind = "plain"
    low: float | None = None
    """The least and the most that was measured, drawn as a whisker; None: there was but one."""
    high: float | None = None
    figure: str
    """Its value in words: ``1.20 s``, ``> 12 s``."""
    note: str = ""
    """What is to be said of it: ``fastest``."""


@frozen(kw_only=True)
class Bars:
    """Bars beside one another, from zero."""

    title: str
    about: str
    """What it shows, for those who do not see it."""
    axis: Axis
    bars: tuple[Bar, ...]


@frozen
class Point:
    """A measured point, with the least and the most where there are several measurements."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None
    note: str = ""
    """What is to be said of it: ``fastest``."""
    beyond: bool = False
    """It is no more than this: what was measured was stopped before its end."""


@frozen(kw_only=True)
class Curve:
    """A line through points: with a marker at each of them (measured), or without (computed)."""

    label: str
    points: tuple[Point, ...]
    measured: bool = False
    dashed: bool = False


@frozen
class Band:
    """Where a curve lies with some confidence: ``low`` and ``high`` of its points bound it."""

    label: str
    points: tuple[Point, ...]


@frozen
class Flag:
    """A place on the x axis that has a name: ``4 usable cores``."""

    x: float
    label: str


@frozen(kw_only=True)
class Lines:
    """Points and curves over an axis."""

    title: str
    about: str
    x: Axis
    y: Axis
    curves: tuple[Curve, ...]
    bands: tuple[Band, ...] = ()
    flags: tuple[Flag, ...] = ()


@frozen(kw_only=True)
class Block:
    """A stretch of time on a lane."""

    lane: int
    kind: BlockKind
    begin: float
    end: float
    label: str = ""
    """What to say of it where somebody points at it."""


@frozen
class Tick:
    """An instant that is marked; ``lane`` None: it concerns all of them."""

    at: float
    lane: int | None
    label: str


@frozen(kw_only=True)
class Lanes:
    """Who did what and when: a lane for each worker, time from left to right."""

    title: str
    about: str
    axis: Axis
    lanes: tuple[str, ...]
    """Their names, from the top."""
    end: float
    blocks: tuple[Block, ...]
    ticks: tuple[Tick, ...] = ()


Chart: TypeAlias = Bars | Lines | Lanes
