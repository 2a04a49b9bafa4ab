"""``poolwise race``: every way to run the same work, side by side."""

from __future__ import annotations

import argparse
from typing import Any

from poolwise.api.race import BUDGET_S, OURS, hold
from poolwise.api.rounds import check_rounds, keep_items
from poolwise.cli import exits
from poolwise.cli.arguments import add_work_arguments, number
from poolwise.cli.measured import add_report_arguments, apart, check_files, tell_found
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
# Options of the api that the command hands on.
HANDED_ON = ("chunksize", "start_method", "retries", "timeout", "seed")


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
    group.add_argument("--repeats", metavar="N", type=number, default=3, help="rounds that count (default: 3)")
    group.add_argument(
        "--budget", metavar="SECONDS", type=number, default=BUDGET_S, help="stop what takes too long (default: 60)"
    )
    group.add_argument("--chunksize", metavar="N", type=number, help="send N items at a time")
    group.add_argument("--start-method", metavar="HOW", help="start processes by fork, forkserver or spawn")
    group.add_argument("--retries", metavar="N", type=number, default=0, help="try a failed item N times more")
    group.add_argument("--timeout", metavar="SECONDS", type=number, help="an item that takes longer has failed")
    group.add_argument("--seed", metavar="N", type=number, help="random numbers of each item follow from N")
    add_report_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Race, and show what was found; 1 where results differ or no way came to its end."""
    check_files(arguments.json, arguments.report)
    function = load_target(arguments.target)
    source = make_source(arguments)
    options: dict[str, Any] = {name: getattr(arguments, name) for name in HANDED_ON}
    check_rounds("race", arguments.repeats, arguments.budget, options, OURS)
    with apart(arguments):
        found = hold(
            keep_items("race", function, (source.items,)),
            arguments.backend,
            options,
            repeats=arguments.repeats,
            budget_s=arguments.budget,
            # A function that runs in this thread, in a loop, may swallow a Ctrl-C: it ends the race after that lap.
            heard=lambda *_: arguments.stops.check(),
        )
    if source.error is not None:
        raise source.error
    tell_found(found, arguments)
    return exits.FAILED if found.differing or found.winner is None or found.failed else exits.DONE
