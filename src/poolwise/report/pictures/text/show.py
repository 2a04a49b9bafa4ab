"""Charts at a terminal: as wide as it is, in its colours where it has some, in ASCII where it knows no more."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from typing import Final

from rich.console import Console
from rich.text import Text

from poolwise.report.pictures.chart import Bars, Chart
from poolwise.report.pictures.text import draw
from poolwise.report.pictures.text.letters import ALL_LETTERS
from poolwise.report.table import broken

# A word or two at the beginning of a line, set apart from what is said below it.
HEADING: Final = re.compile(r" *(?:\S+(?: \S+)*? {2,})?")
# Of the terminal's own sixteen, which its user has made readable on their ground; words say the same.
STYLES: Final = {"best": "bold green", "choice": "blue"}
# What stands for our own letters where only ASCII can be written; a user's become question marks.
SPELLED: Final = str.maketrans(
    {"×": "x", "–": "-", "─": "-", "µ": "u", "…": "~", "σ": "s", "λ": "l", "κ": "k", "\u2212": "-"}
)


def show(said: str, charts: Iterable[Chart]) -> None:
    """Print words, and the charts below them."""
    console = Console(highlight=False, soft_wrap=True)
    plain = not _can_write(ALL_LETTERS)
    # Into a file or a pipe go the lines that ``print`` writes; a terminal would break them within words.
    width = console.width if console.is_terminal else sys.maxsize
    lines = [Text(part) for line in said.splitlines() for part in _broken(line, width)]
    for chart in charts:
        lines += [Text(), *_styled(chart, draw(chart, console.width, plain=plain))]
    for line in lines:
        if plain:
            line.plain = _in_ascii(line.plain)
        console.print(line)


def _broken(line: str, width: int) -> list[str]:
    """Break a line that is too long; its heading, if it has one, is seen by the spaces behind it."""
    heading = HEADING.match(line)
    return broken(line, width, hanging=heading.end() if heading is not None else 0)


def _styled(chart: Chart, lines: list[str]) -> Iterator[Text]:
    kinds = [bar.kind for bar in chart.bars] if isinstance(chart, Bars) else []
    for place, line in enumerate(lines):
        yield Text(line, style=STYLES.get(kinds[place], "") if place < len(kinds) else "")


def _can_write(letters: str) -> bool:
    try:
        letters.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _in_ascii(text: str) -> str:
    return text.translate(SPELLED).encode("ascii", "replace").decode("ascii")
