"""The reference and the tables of the other pages say what the code says."""

from __future__ import annotations

import argparse
import dataclasses
import re
from importlib import import_module
from types import UnionType
from typing import get_args

import pytest

import poolwise
from poolwise import errors
from poolwise.backends.protocol import CAPABILITIES
from poolwise.cli.exits import MEANINGS
from poolwise.cli.program import COMMANDS
from poolwise.model import plan, timeline
from poolwise.model.bottleneck import Bottleneck
from poolwise.model.classes import field_names
from poolwise.model.facts import Facts
from poolwise.model.lap import Spread
from poolwise.model.machine import Cluster, NativePool
from poolwise.model.options import Options
from poolwise.model.profile import Hot, Payload
from poolwise.model.sweep import Cause, Dropoff, Interval, NoFit, Worth
from poolwise.web.record import PageError
from poolwise.web.settings import FetchOptions
from tests.docs.pages import ROOT

REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
DECIDES = (ROOT / "docs" / "how-it-decides.md").read_text(encoding="utf-8")
VALUES = [
    poolwise.Report,
    poolwise.Plan,
    poolwise.Profile,
    poolwise.Machine,
    poolwise.Diagnosis,
    poolwise.Failure,
    poolwise.Page,
    PageError,
    poolwise.Journal,
    poolwise.Rate,
    poolwise.Limit,
    poolwise.Retry,
    poolwise.Progress,
    poolwise.Race,
    poolwise.Entrant,
    poolwise.Lap,
    poolwise.Difference,
    Spread,
    poolwise.Timeline,
    timeline.Lane,
    timeline.Span,
    timeline.Mark,
    timeline.SlowItem,
    timeline.Insight,
    poolwise.Timing,
    poolwise.Usage,
    poolwise.Verdict,
    plan.Estimate,
    plan.Candidate,
    plan.Turning,
    Bottleneck,
    Facts,
    Hot,
    Payload,
    Cluster,
    NativePool,
    poolwise.Sweep,
    poolwise.Point,
    poolwise.Fit,
    Interval,
    NoFit,
    Worth,
    Dropoff,
    Cause,
]


def rows_of(text: str, heading: str) -> dict[str, list[str]]:
    """Read the first table below a heading: the other cells of each row by its first cell, without backquotes."""
    part = re.split(rf"^#+ {re.escape(heading)}$", text, maxsplit=1, flags=re.MULTILINE)[1]
    lines = re.search(r"(?:^\|.*\n)+", part, re.MULTILINE)[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {first.strip("`"): rest for first, *rest in cells}


def test_every_public_name_is_in_the_reference() -> None:
    """The table of names is ``poolwise.__all__``."""
    assert sorted(rows_of(REFERENCE, "Names")) == sorted(f"poolwise.{name}" for name in poolwise.__all__)


def test_every_option_is_in_the_reference_with_its_default() -> None:
    """The table of options has a row for each field of ``Options``, with its default."""
    defaults = {field.name: f"`{_literal(field.default)}`" for field in dataclasses.fields(Options)}
    assert {name: cells[0] for name, cells in rows_of(REFERENCE, "Options").items()} == defaults


def test_every_option_of_fetch_is_in_the_reference_with_its_default() -> None:
    """The table of its options has a row for each field of ``FetchOptions``, with its default."""
    given = FetchOptions()
    defaults = {name: f"`{_literal(getattr(given, name))}`" for name in field_names(FetchOptions)}
    assert {name: cells[0] for name, cells in rows_of(REFERENCE, "Fetch").items()} == defaults


def test_the_capability_table_is_that_of_the_code() -> None:
    """The table of what each backend can do is ``backends.protocol.CAPABILITIES``."""
    words = {True: "yes", False: "no"}
    told = {
        name: [str(words.get(cell, cell)) if isinstance(cell, bool) else str(cell) for cell in dataclasses.astuple(can)]
        for name, can in CAPABILITIES.items()
    }
    assert rows_of(REFERENCE, "What each backend can do") == told


def test_the_exit_codes_are_those_of_the_command() -> None:
    """The table of exit codes is ``cli.exits.MEANINGS``."""
    told = {int(code): meaning for code, (meaning,) in rows_of(REFERENCE, "Exit codes").items()}
    assert told == MEANINGS


def test_every_error_is_in_the_reference() -> None:
    """The table of errors has a row for each class, with the classes that it is one of."""
    ours = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type)}
    bases = {name: ", ".join(f"`{base.__name__}`" for base in kind.__bases__) for name, kind in ours.items()}
    assert {name: cells[0] for name, cells in rows_of(REFERENCE, "Errors").items()} == bases


@pytest.mark.parametrize("value", VALUES, ids=lambda v: v.__name__)
def test_every_field_is_in_the_reference(value: type) -> None:
    """The table of a value has a row for each of its fields and properties."""
    fields = [field.name for field in dataclasses.fields(value)]
    properties = [name for name, thing in vars(value).items() if isinstance(thing, property)]
    assert sorted(rows_of(REFERENCE, value.__name__)) == sorted(fields + properties)


def test_every_reason_is_in_the_reference() -> None:
    """The table of reasons has a row for each type that a Plan may hold."""
    assert isinstance(plan.Reason, UnionType)
    assert sorted(rows_of(REFERENCE, "Reasons")) == sorted(kind.__name__ for kind in get_args(plan.Reason))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_is_in_the_reference(name: str) -> None:
    """The table of a command has a row for each of its arguments and options."""
    parser = argparse.ArgumentParser(add_help=False)
    COMMANDS[name].load().add_arguments(parser)
    options = [_title(action) for action in parser._actions]
    assert sorted(rows_of(REFERENCE, f"poolwise {name}")) == sorted(options)


def test_the_constants_of_the_decision_are_those_of_the_code() -> None:
    """Each constant that the explanation names exists and has the value that is told."""
    told = {name: cells[0] for name, cells in rows_of(DECIDES, "The constants").items()}
    assert told == {name: f"`{_constant(name)!r}`" for name in told}


def _constant(name: str) -> object:
    module, _, attribute = name.rpartition(".")
    return getattr(import_module(f"poolwise.{module}"), attribute)


def _literal(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _title(action: argparse.Action) -> str:
    if not action.option_strings:
        return str(action.metavar or action.dest)
    return ", ".join(action.option_strings)
