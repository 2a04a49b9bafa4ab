"""What the commands that measure have in common: how laps are run, and where else than on the terminal it is told."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path
from typing import Any

from poolwise.cli.arguments import number
from poolwise.cli.exits import OutputError
from poolwise.cli.output import say, write_file
from poolwise.model.race import Race
from poolwise.model.sweep import Sweep
from poolwise.model.units import Seconds

# Options of ``poolwise.map`` that every lap is run with.
OPTIONS = ("chunksize", "start_method", "retries", "timeout", "seed")


def add_lap_arguments(group: argparse._ArgumentGroup, budget_s: Seconds) -> None:
    """Add how many laps are run, and how each of them is."""
    group.add_argument("--repeats", metavar="N", type=number, default=3, help="rounds that count (default: 3)")
    group.add_argument(
        "--budget",
        metavar="SECONDS",
        type=number,
        default=budget_s,
        help=f"stop what takes too long (default: {budget_s:g})",
    )
    group.add_argument("--chunksize", metavar="N", type=number, help="send N items at a time")
    group.add_argument("--start-method", metavar="HOW", help="start processes by fork, forkserver or spawn")
    group.add_argument("--retries", metavar="N", type=number, default=0, help="try a failed item N times more")
    group.add_argument("--timeout", metavar="SECONDS", type=number, help="an item that takes longer has failed")
    group.add_argument("--seed", metavar="N", type=number, help="random numbers of each item follow from N")


def options_of_laps(arguments: argparse.Namespace) -> dict[str, Any]:
    """Give the options of each lap as keywords for the api."""
    return {name: getattr(arguments, name) for name in OPTIONS}


def add_report_arguments(parser: argparse.ArgumentParser) -> None:
    """Add where it is to be told."""
    output = parser.add_argument_group("output")
    output.add_argument("--json", metavar="FILE", help="write all figures to FILE as JSON, too (- for standard output)")
    output.add_argument("--report", metavar="FILE", help="write a page with tables and pictures to FILE (HTML), too")


def apart(arguments: argparse.Namespace) -> contextlib.AbstractContextManager[object]:
    """Send what the function prints to standard error where JSON alone belongs on standard output."""
    return contextlib.redirect_stdout(sys.stderr) if arguments.json == "-" else contextlib.nullcontext()


def tell_found(found: Race | Sweep, arguments: argparse.Namespace) -> None:
    """Write what was found to where it was asked for."""
    # First what was measured in minutes: a file that cannot be written should not cost it.
    if arguments.json == "-":
        say(found.to_json())
    else:
        show(found)
    if arguments.json not in {None, "-"}:
        write_file(arguments.json, found.to_json() + "\n")
    if arguments.report is not None:
        write_file(arguments.report, found.to_html())


def show(found: Race | Sweep) -> None:
    """Write words to standard output, and to a terminal a picture below them."""
    if sys.stdout is not None and sys.stdout.isatty():
        found.show()
    else:
        say(str(found))


def check_files(*paths: str | None) -> None:
    """See before minutes of measuring whether files can be written: their folders are there."""
    for path in paths:
        if path is not None and path != "-" and (Path(path).is_dir() or not Path(path).absolute().parent.is_dir()):
            raise OutputError(f"cannot write {path}: it is a folder, or its own folder is not there")
