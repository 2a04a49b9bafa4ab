"""``poolwise sweep``: the same work with more and more workers."""

from __future__ import annotations

import argparse

from poolwise.api.sweep import BUDGET_S, SWEPT, sweep
from poolwise.cli import exits
from poolwise.cli.arguments import add_work_arguments, number
from poolwise.cli.ending import explain_end
from poolwise.cli.measured import (
    add_lap_arguments,
    add_report_arguments,
    apart,
    check_files,
    options_of_laps,
    tell_found,
)
from poolwise.cli.source import make_source
from poolwise.cli.stops import Stopped
from poolwise.cli.target import load_target
from poolwise.errors import CallerError

DESCRIPTION = """\
Runs the same items with 1, 2, 4 … workers, in turn, and says how many are worth it, how the speed grows (by the
Universal Scalability Law, see docs/scaling.md), and what it costs to have more of them than cores.
The function is called on every item again and again: what it does besides giving a result is done as often."""
EPILOG = """\
examples:
  poolwise sweep work.py:resize photos/*.jpg
  poolwise sweep work.py:fetch --input urls.txt --backend threads --workers 1,2,4,8,16,32
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say which arguments ``sweep`` takes."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    add_work_arguments(parser)
    group = parser.add_argument_group("the sweep")
    group.add_argument("--backend", default="processes", help=f"whose workers: {', '.join(SWEPT)} (default: processes)")
    group.add_argument(
        "--workers", metavar="N,N,…", type=numbers, help="the numbers of workers (default: 1,2,4 … up to 4 × the cores)"
    )
    add_lap_arguments(group, BUDGET_S)
    add_report_arguments(parser)


def numbers(text: str) -> list[int | float | str]:
    """Read numbers between commas; what is none is told by the api."""
    return [number(each) for each in text.split(",") if each.strip()]


def run(arguments: argparse.Namespace) -> int:
    """Sweep, and show what was found; 1 where no lap came to its end, or an item failed."""
    check_files(arguments.json, arguments.report)
    function = load_target(arguments.target)
    source = make_source(arguments)
    try:
        with apart(arguments):
            found = sweep(
                function,
                source.items,
                backend=arguments.backend,
                workers=arguments.workers,
                repeats=arguments.repeats,
                budget_s=arguments.budget,
                **options_of_laps(arguments),
            )
    except (CallerError, Stopped):
        raise
    except BaseException as error:  # noqa: BLE001 - what the user's function raised, whatever it is, or did to a worker
        return explain_end(
            error, advice="a sweep needs items that do not fail; `poolwise map --errors collect` finds them"
        )
    if source.error is not None:
        raise source.error
    tell_found(found, arguments)
    return exits.FAILED if found.best is None else exits.DONE
