"""Where else than on the terminal a measurement is told: as JSON, and as a page."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path

from poolwise.cli.exits import OutputError
from poolwise.cli.output import say
from poolwise.model.race import Race
from poolwise.model.sweep import Sweep


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


def write_file(path: str, text: str) -> None:
    """Write a file, or say why that cannot be done."""
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from None
