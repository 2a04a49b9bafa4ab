"""``poolwise race``: every way to run the same work, side by side."""

from __future__ import annotations

import argparse

from poolwise.api.race import BUDGET_S, hold
from poolwise.cli import exits
from poolwise.cli.arguments import add_work_arguments
from poolwise.cli.measured import (
    add_lap_arguments,
    add_report_arguments,
    apart,
    check_files,
    options_of_laps,
    tell_found,
)
from poolwise.cli.source import make_source
from poolwise.cli.target import load_target

DESCRIPTION = """\
Runs the same items in a loop, in threads, in processes …, in turn, and shows which way is the fastest, by how much, and
what it costs; and what `poolwise map` would have chosen.
The function is called on every item again and again: what it does besides giving a result is done as often."""
EPILOG = """\
examples:
  poolwise race work.py:resize photos/*.jpg
  poolwise race work.py:resize photos/*.jpg --backend loop --backend threads:8 --repeats 5
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say which arguments ``race`` takes."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    add_work_arguments(parser)
    group = parser.add_argument_group("the race")
    group.add_argument(
        "--backend",
        metavar="WAY",
        action="append",
        help="race this way: loop, threads, threads:8, processes … (again for each way; default: all that can)",
    )
    add_lap_arguments(group, BUDGET_S)
    add_report_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Race, and show what was found; 1 where results differ or no way came to its end."""
    check_files(arguments.json, arguments.report)
    function = load_target(arguments.target)
    source = make_source(arguments)
    with apart(arguments):
        found = hold(
            function,
            (source.items,),
            arguments.backend,
            options_of_laps(arguments),
            repeats=arguments.repeats,
            budget_s=arguments.budget,
            # A function that runs in this thread, in a loop, may swallow a Ctrl-C: it ends the race after that lap.
            heard=lambda *_: arguments.stops.check(),
        )
    if source.error is not None:
        raise source.error
    tell_found(found, arguments)
    return exits.FAILED if found.differing or found.winner is None or found.failed else exits.DONE
