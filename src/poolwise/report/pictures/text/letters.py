"""What lines in a terminal are made of: words cut and filled to a width, and letters that stand for shapes."""

from __future__ import annotations

import unicodedata
from typing import Final

from poolwise.model.classes import frozen
from poolwise.report.pictures.chart import BLOCK_WORDS, BlockKind


@frozen(kw_only=True)
class Letters:
    """The letters of a picture."""

    full: str
    eighths: str
    """A bar that ends within a column, from one eighth of it to seven."""
    choice: str
    lower: str
    """From the least to the median, and from there to the most."""
    upper: str
    open: str
    arrow: str
    rule: str
    tick: str
    side: str
    """Of a picture of curves: its left edge."""
    dot: str
    """Of a curve; empty: braille dots."""
    point: str
    beyond: str
    whisker: str
    flag: str
    mark: str
    lanes: str
    """What a worker does: start, wait, ship, work, send, exit."""

    def lane(self, kind: BlockKind) -> str:
        """Give the letter of what a worker does."""
        return self.lanes[KINDS.index(kind)]


KINDS: Final = tuple(BLOCK_WORDS)
BLOCKS: Final = Letters(
    full="█",
    eighths="▏▎▍▌▋▊▉",
    choice="▄",
    lower="▓",
    upper="░",
    open="╌",
    arrow="▷",
    rule="─",
    tick="┴",
    side="┤",
    dot="",
    point="●",
    beyond="▽",
    whisker="│",
    flag="┊",
    mark="▼",
    lanes="▒·▀█▄░",
)
ASCII: Final = Letters(
    full="#",
    eighths="",
    choice="=",
    lower="+",
    upper=".",
    open="-",
    arrow=">",
    rule="-",
    tick="+",
    side="|",
    dot=".",
    point="o",
    beyond="v",
    whisker="|",
    flag=":",
    mark="!",
    lanes="/.^#_x",
)
# What a terminal has to know for the pictures that are not plain ASCII, braille included.
ALL_LETTERS: Final = "█▏▄▓░▒▀╌▷─┴┤│┊●▽▼·×µ…–⣿"
# What would move the cursor, or end the line, in a name that a user has given.
CONTROL = dict.fromkeys((*range(32), *range(127, 160), 8232, 8233, *range(8234, 8239)), "�")


def cells(text: str) -> int:
    """Count the columns that words take in a terminal."""
    return sum(map(_cells_of, text))


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Cut words to a width, or fill them up with blanks behind (or before) them."""
    text = text.translate(CONTROL)
    if cells(text) > width:
        while text and cells(text) > width - 1:
            text = text[:-1]
        text += "…"
    blanks = " " * (width - cells(text))
    return blanks + text if right else text + blanks


def _cells_of(letter: str) -> int:
    if unicodedata.combining(letter) or unicodedata.category(letter) in {"Cf", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
