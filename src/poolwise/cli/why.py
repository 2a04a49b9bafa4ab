"""``poolwise why``: measure a few items, and say how the rest would be run, and why."""

from __future__ import annotations

import argparse
import json

from poolwise.api.why import why
from poolwise.cli.arguments import add_option_arguments, add_work_arguments, options_of
from poolwise.cli.ending import explain_end
from poolwise.cli.output import say
from poolwise.cli.plain import to_plain
from poolwise.cli.source import make_source
from poolwise.cli.stops import Stopped
from poolwise.cli.target import load_target
from poolwise.errors import PoolwiseError
from poolwise.model.options import Options

DESCRIPTION = """\
Runs a few items for real, for some 20 ms or one slow item, and says how `poolwise map` would run them all, and why."""
EPILOG = """\
example:
  poolwise why work.py:resize photos/*.jpg
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say which arguments ``why`` takes."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    add_work_arguments(parser)
    parser.add_argument("--json", action="store_true", help="write the figures and reasons as JSON")
    add_option_arguments(parser, errors="raise")


def run(arguments: argparse.Namespace) -> int:
    """Measure, and print what was found."""
    options = options_of(arguments)
    Options.from_keywords("why", options)
    function = load_target(arguments.target)
    source = make_source(arguments)
    try:
        diagnosis = why(function, source.items, **options)
    except (PoolwiseError, Stopped):
        raise
    except BaseException as error:  # noqa: BLE001 - what the user's function raised, whatever it is
        return explain_end(error, advice="with --errors collect the sample goes on without the item")
    if source.error is not None:
        raise source.error
    say(json.dumps(to_plain(diagnosis), indent=2) if arguments.json else str(diagnosis))
    return 0
