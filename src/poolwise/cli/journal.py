"""``poolwise journal``: what a journal holds, for people and for programs, and what is to be tried again."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from poolwise.cli import exits
from poolwise.cli.exits import UsageError
from poolwise.cli.export import Exporter
from poolwise.cli.output import Output, say
from poolwise.cli.terminal import tell
from poolwise.journal.reading import Entry, Progressed, Reader, Which, forget_failures, reading
from poolwise.report.figures import counted, number, size
from poolwise.report.table import Column, Table, plain_text, table_of
from poolwise.work.call import one_line

DESCRIPTION = """\
Shows how far the work in a journal is and what failed (show), writes every item with its result or its error (export),
or forgets the failures, so that the next run tries these items again (retry)."""
EPILOG = """\
examples:
  poolwise journal show run.db
  poolwise journal export run.db --failed --format csv -o failed.csv
  poolwise journal retry run.db
"""
# More failures than these say the same again; export gives them all.
MOST_SHOWN = 20
# Of an item and of an error's words, so much tells which it is.
MOST_CELL = 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say which arguments ``journal`` takes."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.add_argument("what", metavar="WHAT", choices=("show", "export", "retry"), help="show, export or retry")
    parser.add_argument("file", metavar="FILE", help="the journal")
    group = parser.add_argument_group("what is exported, and how")
    group.add_argument("--format", choices=("jsonl", "csv"), help="JSON lines (default), or a table")
    which = group.add_mutually_exclusive_group()
    for name, words in (("all", "what is done and what failed (default)"), ("done", "results"), ("failed", "failures")):
        which.add_argument(f"--{name}", dest="which", action="store_const", const=name, help=words)
    group.add_argument("-o", "--output", metavar="FILE", help="write to FILE instead of standard output")


def run(arguments: argparse.Namespace) -> int:
    """Show, export or forget."""
    if arguments.what == "export":
        return _export(arguments)
    if given := [name for name in ("format", "which", "output") if getattr(arguments, name) is not None]:
        raise UsageError(f"{arguments.what} takes no options of export; leave out {_shown(given[0], arguments)}")
    return _show(arguments.file) if arguments.what == "show" else _retry(arguments.file)


def _shown(name: str, arguments: argparse.Namespace) -> str:
    return f"--{arguments.which}" if name == "which" else f"--{name}"


# --- Export ------------------------------------------------------------------------------------------------------


def _export(arguments: argparse.Namespace) -> int:
    which: Which = arguments.which or "all"
    with reading(arguments.file) as journal:
        entries = journal.entries(which)
        with Output(arguments.output, apart_from=arguments.file) as output:
            exporter = Exporter(arguments.format or "jsonl", output.write)
            for entry in entries:
                arguments.stops.check()
                exporter.write(entry)
    if exporter.unreadable:
        tell(f"poolwise: {counted(exporter.unreadable, 'result')} cannot be read back; {exporter.first_problem}")
    return exits.FAILED if exporter.unreadable else exits.DONE


# --- Retry -------------------------------------------------------------------------------------------------------


def _retry(file: str) -> int:
    count = forget_failures(file)
    told = "nothing has failed" if not count else f"{counted(count, 'failure')} forgotten: the next run tries again"
    say(f"{file}: {told}")
    return exits.DONE


# --- Show ----------------------------------------------------------------------------------------------------------


def _show(file: str) -> int:
    with reading(file) as journal:
        say("\n".join(_lines(file, journal)))
    return exits.DONE


def _lines(file: str, journal: Reader) -> list[str]:
    functions = journal.progress()
    lines = [f"{file}: {size(Path(file).stat().st_size)}"]
    if not functions:
        return [*lines, "no run has begun"]
    lines += ["", plain_text(table_of(_COLUMNS, _rows(functions)))]
    lines += [f"{each.function}: {_unkept(each)}" for each in functions if each.unkept]
    lines += _failures(file, journal, sum(each.failed for each in functions))
    return lines


_COLUMNS = (
    Column("function"),
    *(Column(heading, figures=True) for heading in ("done", "failed", "left")),
    *(Column(heading) for heading in ("last run", "state", "command")),
)


def _rows(functions: list[Progressed]) -> list[tuple[str, ...]]:
    """Tell the versions of a function apart: the last of its name is what it is now."""
    last = {each.function: each for each in functions}
    return [_cells(each, "" if last[each.function] is each else " (older code)") for each in functions]


def _cells(each: Progressed, which: str) -> tuple[str, ...]:
    at_most = "" if each.exact else "at most "
    left = "not known" if each.left is None else f"{at_most}{number(each.left)}"
    return (
        each.function + which,
        number(each.done),
        number(each.failed),
        left,
        _when(each.began),
        each.state,
        each.command or "",
    )


def _unkept(each: Progressed) -> str:
    return f"{counted(each.unkept, 'result')} could not be pickled and so was not kept; these items will be run again"


def _failures(file: str, journal: Reader, count: int) -> list[str]:
    if not count:
        return []
    rows = [_failure_cells(entry) for entry, _ in zip(journal.entries("failed"), range(MOST_SHOWN), strict=False)]
    lines = ["", plain_text(_table_of_failures(rows))]
    if count > len(rows):
        lines.append(f"… and {number(count - len(rows))} more: poolwise journal export {file} --failed")
    return lines


def _table_of_failures(rows: list[tuple[str, ...]]) -> Table:
    headings = (Column("failed item"), Column("tries", figures=True), Column("when"), Column("error"))
    return table_of(headings, rows)


def _failure_cells(entry: Entry) -> tuple[str, ...]:
    words = f"{entry.kind}: {entry.words}" if entry.words else str(entry.kind)
    when = "" if entry.at is None else _when(entry.at)
    return one_line(entry.item, MOST_CELL), str(entry.attempts), when, one_line(words, 2 * MOST_CELL)


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
