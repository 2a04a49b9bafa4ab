"""The command ``poolwise``: pick the subcommand, run it, and turn whatever happens into words and an exit code."""

from __future__ import annotations

import argparse
import difflib
import sys
import traceback
from collections.abc import Callable
from typing import Protocol

from poolwise.cli import exits
from poolwise.cli.arguments import Parser
from poolwise.cli.ending import format_end
from poolwise.cli.output import silence
from poolwise.cli.stops import Stopped, Stops
from poolwise.cli.terminal import tell, tell_error
from poolwise.errors import PoolwiseError
from poolwise.model.classes import frozen

DESCRIPTION = "Runs a function over many items as fast as this machine allows, and says why it chose that way."
EXAMPLES = """\
examples:
  poolwise map work.py:resize photos/*.jpg -o sizes.jsonl
  cut -f1 ids.tsv | poolwise map shop.orders:fetch --input - --type int
  poolwise map work.py:resize photos/*.jpg --journal sizes.db
  poolwise fetch urls.txt -d pages/ -o pages.jsonl
  poolwise why work.py:resize photos/*.jpg

"""


class Module(Protocol):
    """What a subcommand's module (or object) offers."""

    def add_arguments(self, parser: argparse.ArgumentParser, /) -> None:
        """Say which arguments it takes."""

    def run(self, arguments: argparse.Namespace, /) -> int:
        """Do it and give the exit code."""
        ...


@frozen
class Command:
    """A subcommand; its module is imported when it is used."""

    summary: str
    load: Callable[[], Module]


def _map() -> Module:
    from poolwise.cli import map as command  # noqa: PLC0415 - see Command

    return command


def _why() -> Module:
    from poolwise.cli import why as command  # noqa: PLC0415

    return command


def _race() -> Module:
    from poolwise.cli import race as command  # noqa: PLC0415

    return command


def _time() -> Module:
    from poolwise.cli import time as command  # noqa: PLC0415

    return command


def _machine() -> Module:
    from poolwise.cli import machine as command  # noqa: PLC0415

    return command


def _demo() -> Module:
    from poolwise.cli import demo as command  # noqa: PLC0415

    return command


def _sweep() -> Module:
    from poolwise.cli import sweep as command  # noqa: PLC0415

    return command


def _journal() -> Module:
    from poolwise.cli import journal as command  # noqa: PLC0415

    return command


def _fetch() -> Module:
    from poolwise.cli import fetch as command  # noqa: PLC0415

    return command


COMMANDS = {
    "map": Command("call a function on each item and write the results as JSON lines", _map),
    "fetch": Command("fetch web pages into files, many at a time and few from each server", _fetch),
    "why": Command("measure a few items and say how the rest would be run, and why", _why),
    "race": Command("run the items in every way, side by side, and show which is the fastest", _race),
    "sweep": Command("run the items with more and more workers, and show how many are worth it", _sweep),
    "time": Command("run a Python program and say what it cost, its child processes included", _time),
    "journal": Command("show what a journal holds, write it out, or have what failed tried again", _journal),
    "machine": Command("show what this process may use of the computer", _machine),
    "demo": Command("show what Poolwise does, with work of every kind", _demo),
}


def main() -> int:
    """Be the program: run its command line, and end it soon where it was stopped in the middle."""
    code = run(sys.argv[1:])
    if code >= exits.INTERNAL:
        exits.leave_soon(code)
    return code


def run(argv: list[str]) -> int:
    """Run a command line, say what went wrong, and give the exit code."""
    with Stops() as stops:
        try:
            command, arguments = _parse(argv)
            arguments.stops = stops
            return command.run(arguments)
        except Stopped as stop:
            tell(f"poolwise: {stop.word}")
            return stop.code
        except PoolwiseError as error:
            return _explain(error)
        except KeyboardInterrupt as error:
            # No Ctrl-C, which comes as Stopped: the function has raised it by itself.
            tell(f"{format_end(error)}\npoolwise: interrupted by the function")
            return exits.INTERRUPTED
        except Exception:  # noqa: BLE001 - the last frame: whatever comes here is our fault, and is told as such
            return _confess()


def _parse(argv: list[str]) -> tuple[Module, argparse.Namespace]:
    """Parse with the parser of the one subcommand that is meant; --help, --version and slips end right here."""
    if argv and argv[0] in COMMANDS:
        module = COMMANDS[argv[0]].load()
        parser = Parser(prog=f"poolwise {argv[0]}")
        module.add_arguments(parser)
        if getattr(module, "PASSES_ON", False):
            return module, parser.parse_args(argv[1:])
        # Intermixed: `map TARGET --type int 1 2 3` would lose its items otherwise (python/cpython#59317).
        return module, parser.parse_intermixed_args(argv[1:])
    parser = _make_top_parser()
    parser.parse_args(argv[:1])
    raise exits.UsageError("name a command: " + ", ".join(COMMANDS))


def _make_top_parser() -> Parser:
    from poolwise import __version__  # noqa: PLC0415 - the package's __init__ is no part of a lower layer's import graph

    parser = Parser(
        prog="poolwise",
        usage="poolwise COMMAND …",
        description=DESCRIPTION + "\n\ncommands (each has its own --help):\n" + _list_commands(),
        epilog=EXAMPLES + exits.table(),
    )
    parser.add_argument("--version", action="version", version=f"poolwise {__version__}")
    parser.add_argument("command", type=_known_command, help=argparse.SUPPRESS)
    return parser


def _list_commands() -> str:
    return "\n".join(f"  {name:<9} {command.summary}" for name, command in COMMANDS.items())


def _known_command(name: str) -> str:
    near = difflib.get_close_matches(name, COMMANDS, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else f" (one of {', '.join(COMMANDS)})"
    raise argparse.ArgumentTypeError(f"there is no command {name!r}{hint}")


def _explain(error: PoolwiseError) -> int:
    """Say what the caller can mend; an error that is not theirs is shown in full."""
    code = exits.code_of(error)
    if code is None:
        return _confess()
    if code in {exits.OUTPUT, exits.CLOSED}:
        silence()
    if code != exits.CLOSED:
        tell_error(str(error))
    return code


def _confess() -> int:
    tell(traceback.format_exc().rstrip())
    tell_error("this is a bug in Poolwise; please report it with the lines above")
    return exits.INTERNAL
