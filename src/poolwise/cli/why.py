"""``poolwise why``: measure a few items, and say how the rest would be run, and why; or decide again as was saved."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from poolwise.api.why import why
from poolwise.cli import exits
from poolwise.cli.arguments import add_option_arguments, add_work_arguments, options_of
from poolwise.cli.ending import explain_end
from poolwise.cli.exits import UsageError
from poolwise.cli.output import say, write_file
from poolwise.cli.source import make_source
from poolwise.cli.stops import Stopped
from poolwise.cli.target import load_target
from poolwise.errors import InputError, PoolwiseError
from poolwise.model.options import Options

DESCRIPTION = """\
Runs a few items for real, for some 20 ms or one slow item, and says how `poolwise map` would run them all, and why.
With --replay, nothing is run: the decision is made again from what --save, --json or Report.to_dict() has written."""
EPILOG = """\
examples:
  poolwise why work.py:resize photos/*.jpg
  poolwise why work.py:resize photos/*.jpg --save why.json
  poolwise why --replay why.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say which arguments ``why`` takes."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    add_work_arguments(parser, optional=True)
    parser.add_argument("--json", action="store_true", help="write the figures and reasons as JSON")
    parser.add_argument("--save", metavar="FILE", help="write them to FILE as JSON, too")
    parser.add_argument("--replay", metavar="FILE", help="decide again from such a FILE; no function, nothing is run")
    add_option_arguments(parser, errors="raise")


def run(arguments: argparse.Namespace) -> int:
    """Measure, and print what was found; or decide again, and print that."""
    if arguments.replay is not None:
        return _replay(arguments)
    if arguments.target is None:
        raise UsageError("the following arguments are required: TARGET (or --replay FILE)")
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
    if arguments.save is not None:
        write_file(arguments.save, _json(diagnosis.to_dict()) + "\n")
    say(_json(diagnosis.to_dict()) if arguments.json else str(diagnosis))
    return exits.DONE


def _json(plain: Mapping[str, Any]) -> str:
    return json.dumps(plain, indent=2, allow_nan=False)


# --- Deciding again ----------------------------------------------------------------------------------------------


def _replay(arguments: argparse.Namespace) -> int:
    from poolwise.api.replay import replay  # noqa: PLC0415 - few need it

    _refuse_others(arguments)
    try:
        found = replay(_read(arguments.replay))
    except InputError as error:
        raise InputError(f"{arguments.replay} cannot be replayed: {error}") from None
    same = "the same decision as was saved, figure for figure"
    verdict = f"not what was saved, in {', '.join(found.differs)}" if found.differs else same
    say(_json(found.to_dict()) if arguments.json else f"{found.diagnosis}\n  replayed  {verdict}")
    return exits.FAILED if found.differs else exits.DONE


def _refuse_others(arguments: argparse.Namespace) -> None:
    """What is asked beside the file would not count: say so, and do nothing."""
    if arguments.target is not None or arguments.input is not None:
        raise UsageError("--replay runs nothing: leave the target and the items out")
    if arguments.save is not None:
        raise UsageError("--replay and --save exclude each other: the file is there already")
    asked, usual = options_of(arguments), Options()
    other = [name for name, value in asked.items() if value != getattr(usual, name)]
    if other:
        given = ", ".join(f"--{name.replace('_', '-')}" for name in other)
        raise UsageError(f"--replay decides by the options that were saved: leave {given} out")


def _read(path: str) -> object:
    try:
        return json.loads(Path(path).read_bytes())
    except OSError as error:
        raise InputError(error.strerror or str(error)) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"it is no JSON ({error})") from None
