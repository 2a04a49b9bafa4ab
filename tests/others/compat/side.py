"""Runs one side of a page's tables, as a program of its own: what a library leaves behind (threads, pools) ends here.

``python -m tests.others.compat.side PAGE before|after|switched FILE`` writes what came of each row to FILE.
"""

from __future__ import annotations

import ast
import collections.abc
import contextlib
import pickle
import sys
from concurrent.futures import Future
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.others.compat.tables import Page, Word, read_pages

# A row that waits longer than this for one result hangs.
PATIENCE_S = 30
Outcome = tuple[str, Any]
"""``value`` with what came, or ``error`` with its type's name and its words."""


def main(name: str, side: str, into: str) -> None:
    """Run it."""
    page = read_pages()[name]
    # The lines run in a module that can be imported, as a user's do.
    names = vars(import_module("work"))
    if side == "switched":
        for _, ours in page.switches:
            exec(ours, names)
    elif side == "before":
        for theirs, _ in page.switches:
            exec(theirs, names)
    else:
        exec("import poolwise", names)
    Path(into).write_bytes(pickle.dumps(run_tables(page, side, names)))


def run_tables(page: Page, side: str, names: dict[str, Any]) -> dict[int, Outcome]:
    """Run all rows; give what came of each, by its line."""
    came: dict[int, Outcome] = {}
    for table in sorted({row.table for row in page.rows}):
        with contextlib.ExitStack() as opened:
            opening = ""
            for row in (row for row in page.rows if row.table == table):
                code = row.after if side == "after" else row.before
                if row.word is Word.OPENS:
                    # The one above is done with; this one is opened by the first row that needs it.
                    opened.close()
                    opening = code
                elif code:
                    came[row.line] = run_row(code, names, opening, opened)
                    opening = ""
                    # Where a row hangs, its program is ended from outside, and this tells which it was.
                    print(row, file=sys.stderr, flush=True)
    return came


def run_row(code: str, names: dict[str, Any], opening: str, opened: contextlib.ExitStack) -> Outcome:
    """Run a line, and wait for what it gives."""
    try:
        _open(opening, names, opened)
        return "value", settle(run_code(code, names))
    except Exception as error:
        return "error", (name_of(type(error)), str(error))


def run_code(code: str, names: dict[str, Any]) -> Any:
    """Run statements; give the value of the last one, where it is an expression."""
    statements = ast.parse(code).body
    last = statements[-1]
    if not isinstance(last, ast.Expr):
        exec(code, names)
        return None
    exec(compile(ast.Module(statements[:-1], []), code, "exec"), names)
    return eval(compile(ast.Expression(last.value), code, "eval"), names)


def settle(value: Any) -> Any:
    """Wait for what is still to come: futures, iterators."""
    if isinstance(value, Future):
        return settle(value.result(PATIENCE_S))
    if hasattr(value, "successful"):
        return settle(value.get(PATIENCE_S))
    if isinstance(value, collections.abc.Iterator | list):
        return [settle(each) for each in value]
    if isinstance(value, tuple):
        return tuple(settle(each) for each in value)
    if isinstance(value, BaseException):
        return name_of(type(value)), str(value)
    return value


def name_of(kind: type) -> str:
    """Give the name by which a type is found."""
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _open(code: str, names: dict[str, Any], opened: contextlib.ExitStack) -> None:
    if not code:
        return
    (statement,) = ast.parse(code + " pass").body
    assert isinstance(statement, ast.With)
    for item in statement.items:
        value = opened.enter_context(eval(ast.unparse(item.context_expr), names))
        if isinstance(item.optional_vars, ast.Name):
            names[item.optional_vars.id] = value


if __name__ == "__main__":
    main(*sys.argv[1:])
