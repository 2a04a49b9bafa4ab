"""The arguments that several commands share, and how they become the api's options."""

from __future__ import annotations

import argparse
import sys
from typing import Any, NoReturn

from poolwise.cli.formats import FORMATS, TYPES
from poolwise.cli.output import Output
from poolwise.cli.terminal import tell_error

TARGET_HELP = "MODULE:FUNCTION or path/to/file.py:FUNCTION"


class Parser(argparse.ArgumentParser):
    """An argparse parser whose complaints are one line, and whose help keeps our line breaks."""

    def __init__(self, **keywords: Any) -> None:  # noqa: ANN401 - argparse's own
        """Take what argparse takes."""
        keywords.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **keywords)

    def _print_message(self, message: str, file: Any = None) -> None:  # noqa: ANN401 - argparse's own
        """Write help to standard output as any answer is written: a reader who has gone is no error."""
        if message and file is sys.stdout:
            with Output() as output:
                output.write(message)
        else:
            super()._print_message(message, file)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where the help is."""
        tell_error(f"{message.removeprefix('argument command: ')} (see `{self.prog} --help`)")
        raise SystemExit(2)


def number(text: str) -> int | float | str:
    """Read a number; what is none stays a string, and ``Options``, the home of every check, says so."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def add_work_arguments(parser: argparse.ArgumentParser, *, optional: bool = False) -> None:
    """Add what names the work: the target, which may be ``optional``, and where its items come from."""
    parser.add_argument("target", metavar="TARGET", nargs="?" if optional else None, help=TARGET_HELP)
    parser.add_argument("items", metavar="ITEM", nargs="*", default=[], help="the items, as strings (see --type)")
    source = parser.add_argument_group("items from a file")
    source.add_argument(
        "--input", metavar="FILE", help="read the items from FILE (.txt, .jsonl, .csv), or from standard input (-)"
    )
    source.add_argument("--format", choices=FORMATS, help="how the input is written (default: by suffix; txt for -)")
    source.add_argument(
        "--type", choices=TYPES, default="str", help="what text items become, of arguments and of txt (default: str)"
    )


def add_option_arguments(parser: argparse.ArgumentParser, *, errors: str) -> None:
    """Add the options of ``poolwise.map``; nothing is checked here but in ``Options``."""
    group = parser.add_argument_group("how it is run (Poolwise chooses what is left out)")
    group.add_argument(
        "--backend", default="auto", help="auto, loop, threads, processes, interpreters, asyncio, dask or ray"
    )
    group.add_argument("--cluster", metavar="ADDRESS", help="which cluster --backend dask or ray means")
    group.add_argument("--max-workers", metavar="N", type=number, help="at most N workers")
    group.add_argument("--chunksize", metavar="N", type=number, help="send N items at a time")
    group.add_argument("--start-method", metavar="HOW", help="start processes by fork, forkserver or spawn")
    group.add_argument(
        "--errors",
        default=errors,
        metavar="WHAT",
        help="what an item's failure does: raise (stop), collect (tell it in the output) or skip "
        "(default: %(default)s)",
    )
    group.add_argument("--retries", metavar="N", type=number, default=0, help="try a failed item N times more")
    group.add_argument("--timeout", metavar="SECONDS", type=number, help="an item that takes longer has failed")
    group.add_argument(
        "--crash-retries", metavar="N", type=number, default=1, help="run an item whose process died N times more"
    )
    group.add_argument(
        "--memory-limit", metavar="BYTES", type=number, default="auto", help="replace processes that grow by more"
    )
    group.add_argument(
        "--seed", metavar="N", type=number, help="random numbers of each item follow from N and its index"
    )
    group.add_argument(
        "--inner-max-num-threads", metavar="N", type=number, help="threads of BLAS and OpenMP in a worker process"
    )


def add_progress_arguments(group: argparse._ArgumentGroup, *, desc: str, total: str) -> None:
    """Add how far a run is shown to be, with what ``desc`` and ``total`` mean for it."""
    group.add_argument(
        "--progress",
        action=argparse.BooleanOptionalAction,
        help="show how far it is, on standard error (default: in a terminal, unless the lines are shown there)",
    )
    group.add_argument("--desc", metavar="TEXT", help=desc)
    group.add_argument("--total", metavar="N", type=number, help=total)


def options_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Give the parsed arguments as keywords for the api."""
    names = [
        *("backend", "max_workers", "chunksize", "start_method", "errors", "retries", "timeout"),
        *("crash_retries", "memory_limit", "seed", "inner_max_num_threads", "cluster"),
    ]
    return {name: getattr(arguments, name) for name in names}
