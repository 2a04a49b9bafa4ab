"""The page of fetch names what records say and what is limited, as the code has it."""

from __future__ import annotations

import re
from pathlib import Path

from poolwise.model.classes import field_names
from poolwise.web.options import Limits
from poolwise.web.record import Page
from poolwise.web.trouble import KINDS, PASSING

TEXT = (Path(__file__).parents[2] / "docs" / "fetch.md").read_text(encoding="utf-8")


def rows(heading):
    """Give the cells of the table whose head begins like that, and the names in each row's first cell."""
    table = TEXT.partition(f"| {heading} |")[2].partition("\n\n")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return [(re.findall(r"`([^`]+)`", row[0]), row) for row in cells]


def test_the_fields_of_a_record():
    """Each field of a record is explained."""
    assert {name for names, _ in rows("field") for name in names} == set(field_names(Page))


def test_the_types_of_errors():
    """Each type of error is explained, and whether it is worth another try."""
    told = {name: row[2] for names, row in rows("`error.type`") for name in names}
    assert set(told) == set(KINDS)
    assert {name for name, again in told.items() if again == "yes"} == PASSING


def test_the_limits():
    """Each limit stands there with its default."""
    told = {name: row[1] for names, row in rows("limit") for name in names}
    sizes = {"MiB": 1024 * 1024, "KiB": 1024, "s": 1, "": 1}
    read = {name: int(value.split()[0]) * sizes[value.partition(" ")[2]] for name, value in told.items()}
    assert read == {name: getattr(Limits(), name) for name in field_names(Limits)}
