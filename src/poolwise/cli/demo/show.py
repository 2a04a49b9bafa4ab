"""What a person sees of the demo: the tables and sentences, and which way is being measured."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from poolwise.cli.demo.chapters import Chapter
from poolwise.cli.demo.measure import Row
from poolwise.cli.demo.words import Told, busy_cores, findings, in_short, times
from poolwise.cli.measured import show
from poolwise.cli.output import say
from poolwise.model.sweep import Sweep
from poolwise.report.figures import duration, share

NEXT = (
    "Next: `poolwise why MODULE:FUNCTION ITEM …` tells the same of a function of yours; "
    "`poolwise.map(function, items)` runs it."
)

# Longer lines than this are hard to read, however wide the window is.
LINE = 100
# The space between a figure and what it counts, and one that lines are not broken at.
BEFORE_UNIT = re.compile(r"(?<=\d) (?=\S)")
TIE = "\N{NO-BREAK SPACE}"


class Screen:
    """Standard output, for what is told."""

    def __init__(self) -> None:
        """Look at where the output goes."""
        self._console = Console(highlight=False)

    def begin(self, chapter: Chapter) -> None:
        """Say what is going to be done."""
        self._write("", Text.assemble((chapter.title, "bold"), f": {chapter.task}."), "")

    def show(self, told: Told, chapter: Chapter) -> None:
        """Show a chapter: the table, what came out, and what the figures say."""
        # In a log file or a pipe the table is one of Markdown, which can be pasted anywhere.
        table = make_table(told, box.SIMPLE if self._console.is_terminal else box.MARKDOWN)
        self._write(table, "", *self._list([f"Every way: {chapter.expected}.", *findings(told)]))

    def begin_sweep(self, chapter: Chapter) -> None:
        """Say what comes after the race of a chapter."""
        self._write("", Text.assemble(("More and more processes", "bold"), f": {chapter.task}."), "")

    def show_sweep(self, swept: Sweep) -> None:
        """Show what more and more workers brought."""
        show(swept)

    def say(self, sentence: str) -> None:
        """Say one thing more."""
        self._write("", *self._list([sentence]))

    def end(self, told: Sequence[Told]) -> None:
        """Say it all in short, and what to do next."""
        self._write("", Text("In short", style="bold"), *self._list([*map(in_short, told), NEXT]))

    def _list(self, sentences: Sequence[str]) -> list[Text]:
        width = min(self._console.width, LINE)
        return [Text(list_item(sentence, width)) for sentence in sentences]

    def _write(self, *lines: RenderableType) -> None:
        # Through the one place that knows what to do when the output is closed or cannot be written.
        with self._console.capture() as captured:
            for line in lines:
                self._console.print(line)
        say(captured.get().removesuffix("\n"))


def list_item(sentence: str, width: int) -> str:
    """Break a sentence into lines, the second under the first one's first word; a figure stays with its unit."""
    tied = BEFORE_UNIT.sub(TIE, sentence)
    lines = textwrap.TextWrapper(
        width,
        initial_indent="- ",
        subsequent_indent="  ",
        # The name of a file is copied in one piece.
        break_on_hyphens=False,
        break_long_words=False,
    )
    return lines.fill(tied).replace(TIE, " ")


def make_table(told: Told, style: box.Box) -> Table:
    """Make the table of a chapter."""
    table = Table(box=style, pad_edge=False, show_edge=False)
    table.add_column("backend", no_wrap=True)
    for heading in ("workers", "wall time", "speed-up", "CPU used"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in told.rows:
        table.add_row(*cells(told, row), style="bold" if row is told.chosen else None)
    return table


def cells(told: Told, row: Row) -> tuple[str, ...]:
    """Give a row of the table; CPU in percent of all the cores that there are."""
    return (
        f"{row.name} ({row.report.plan.backend})" if row is told.chosen and row.report else row.name,
        str(row.workers),
        duration(row.wall_s),
        times(told.speedup(row)),
        share(busy_cores(row) / told.cores),
    )
