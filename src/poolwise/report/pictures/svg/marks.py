"""Elements of a picture, as text: lines, boxes, words, hatching."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from html import escape
from typing import Final

from poolwise.model.classes import frozen
from poolwise.report.pictures.colours import LIGHT

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
TEXT = 13
"""Size of letters; at its width a picture is shown one to one."""
SMALL = 12
# Below this width a picture is for a phone: names and figures stand above what they belong to.
NARROW = 520
# How wide letters are, in that of their size: as in DejaVu Sans and Verdana, fitted to pixels, the widest fonts that
# readers commonly have, so that words that fit here touch nowhere.
LETTER = 0.72
LETTERS: Final = {
    **dict.fromkeys(" ,.·'ijlIJ/:;|\\f-()[]t!r", 0.45),
    **dict.fromkeys("DGOQHNUw#+<=>^~×&", 0.89),
    **dict.fromkeys("%@mMW…", 1.04),
}
BOLD = 1.14
"""How much wider bold letters are."""
HATCH = 6.0
"""From one slanting line to the next."""
# What XML 1.0 has no way to write, escaped or not.
UNWRITABLE = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF, *range(0xD800, 0xE000)), "\ufffd")


@frozen
class Area:
    """A box: its upper left corner and its size, in pixels."""

    x: float
    y: float
    width: float
    height: float


def clean(text: str) -> str:
    """Write text so that it is nothing but text, inside an element or an attribute."""
    return escape(text.translate(UNWRITABLE), quote=True)


def el(name: str, inner: str = "", /, **attributes: object) -> str:
    """Write an element. Figures are rounded to a tenth of a pixel; ``class_`` and ``stroke_width`` lose their form."""
    told = "".join(f' {key.rstrip("_").replace("_", "-")}="{_write(value)}"' for key, value in attributes.items())
    return f"<{name}{told}>{inner}</{name}>" if inner else f"<{name}{told}/>"


def _write(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else clean(str(value))


def picture(width: int, height: float, title: str, about: str, parts: Iterable[str]) -> str:
    """Write the whole: an image with a name and a description for those who do not see it."""
    inner = "".join((el("title", clean(title)), el("desc", clean(about)), *parts))
    return el(
        "svg",
        inner,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width} {height:.0f}",
        width=width,
        height=f"{height:.0f}",
        role="img",
        aria_label=f"{title}. {about}",
        font_family=FONT,
        font_size=TEXT,
    )


def words(x: float, y: float, text: str, *, ink: str = "ink", anchor: str = "start", **more: object) -> str:
    """Write words; ``ink`` names their colour, ``anchor`` says which end of them stands at ``x``."""
    return el("text", clean(text), x=x, y=y, class_=f"pw-t-{ink}", fill=LIGHT[ink], text_anchor=anchor, **more)


def box(area: Area, colour: str, inner: str = "", **more: object) -> str:
    """Draw a filled box."""
    sides = {"x": area.x, "y": area.y, "width": area.width, "height": area.height}
    return el("rect", inner, **sides, class_=f"pw-f-{colour}", fill=LIGHT[colour], **more)


def outline(area: Area, colour: str, inner: str = "", **more: object) -> str:
    """Draw an empty box with a line around it."""
    path = f"M{area.x:.1f} {area.y:.1f}h{area.width:.1f}v{area.height:.1f}h{-area.width:.1f}z"
    return stroke(path, colour, inner, **more)


def stroke(path: str, colour: str, inner: str = "", **more: object) -> str:
    """Draw a path as a line."""
    return el("path", inner, d=path, class_=f"pw-s-{colour}", fill="none", stroke=LIGHT[colour], **more)


def line(x1: float, y1: float, x2: float, y2: float, colour: str, **more: object) -> str:
    """Draw a straight line."""
    return stroke(f"M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}", colour, "", **more)


def hatch(area: Area, colour: str, *, falling: bool = False) -> str:
    """Fill a box with slanting lines, clipped to it: a pattern of SVG would need an id."""
    parts = []
    at = HATCH / 2
    while at < area.width + area.height:
        left, right = max(0.0, at - area.height), min(at, area.width)
        low, high = at - left, at - right
        start, end = (area.height - low, area.height - high) if falling else (low, high)
        parts.append(f"M{area.x + left:.1f} {area.y + start:.1f}L{area.x + right:.1f} {area.y + end:.1f}")
        at += HATCH
    return stroke("".join(parts), colour, stroke_width=1.5)


def width_of(text: str, size: float = TEXT, *, bold: bool = False) -> float:
    """Say how wide words will be, in pixels; a guess on the safe side, since nobody knows the reader's font."""
    return size * (BOLD if bold else 1.0) * sum(map(_width_of, text))


def _width_of(letter: str) -> float:
    return 1.05 if unicodedata.east_asian_width(letter) in "WF" else LETTERS.get(letter, LETTER)


def shorten(text: str, width: float, size: float = TEXT, *, bold: bool = False) -> str:
    """Cut words so that they fit, with an ellipsis."""
    if width_of(text, size, bold=bold) <= width:
        return text
    kept = text
    while kept and width_of(kept + "…", size, bold=bold) > width:
        kept = kept[:-1]
    return kept.rstrip() + "…"
