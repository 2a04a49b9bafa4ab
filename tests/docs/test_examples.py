"""The examples run as they stand, as scripts without a guard; each ends with an assertion on its result."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, run

# What the others start or name; they have no result of their own.
HELPERS = {"slow_server.py", "orders.py"}
EXAMPLES = sorted(path for path in (ROOT / "examples").glob("*.py") if path.name not in HELPERS)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(example: Path, tmp_path: Path) -> None:
    """It ends well, from whatever folder it is started."""
    done = run([sys.executable, str(example)], tmp_path)
    assert (done.returncode, done.stderr if done.returncode else "") == (0, "")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_asserts_its_result_and_needs_no_guard(example: Path) -> None:
    """Its last statement is an assertion (perhaps under a condition), and nothing asks for ``__main__``."""
    source = example.read_text(encoding="utf-8")
    last = ast.parse(source).body[-1]
    last = last.body[-1] if isinstance(last, ast.If) else last
    assert (type(last), "__main__" in source) == (ast.Assert, False)


def test_every_example_is_listed() -> None:
    """The list of the documentation names each example."""
    listed = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in EXAMPLES if f"../examples/{path.name}" not in listed] == []
