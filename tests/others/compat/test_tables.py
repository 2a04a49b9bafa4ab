"""Every line of docs/compat is true: each before and each after is run, by the real library and by us, and compared."""

from __future__ import annotations

import functools
import os
import pickle
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tests.others.compat.side import Outcome, run_code
from tests.others.compat.tables import Row, Word, read_pages

PAGES = read_pages()
ROWS = [row for page in PAGES.values() for row in page.rows if row.word is not Word.OPENS]
SWITCHED = [row for row in ROWS if PAGES[row.page].switches]
# What a page needs that is not installed everywhere.
NEEDS = {"joblib": ["joblib"], "mpire": ["mpire"], "pqdm": ["pqdm"], "p_tqdm": ["p_tqdm"], "tqdm": ["tqdm"]}
# All rows of one side, which are a few seconds of work; the first row of a page waits for them.
PATIENCE_S = 100
pytestmark = [pytest.mark.timeout(PATIENCE_S + 20)]
# Of what a program that failed has said: the last row that it ran, and its traceback.
SHOWN = 1000


@functools.cache
def run_page(page: str) -> dict[str, dict[int, Outcome] | str]:
    """Run the sides of a page side by side, once; give what came of each, or what its program said as it failed."""
    sides = ["before", "after", "switched"] if PAGES[page].switches else ["before", "after"]
    with ThreadPoolExecutor(len(sides)) as pool:
        return dict(zip(sides, pool.map(run_side, [page] * len(sides), sides), strict=True))


def run_side(page: str, side: str) -> dict[int, Outcome] | str:
    """Run the rows of a side of a page in a program of its own."""
    with tempfile.TemporaryDirectory() as folder, Path(folder, "said").open("w+", encoding="utf-8") as said:
        Path(folder, "work.py").write_text(PAGES[page].work, encoding="utf-8")
        paths = os.pathsep.join([folder, str(ROOT / "src"), str(ROOT)])
        program = [sys.executable, "-m", "tests.others.compat.side", page, side, "came"]
        variables = {**os.environ, "PYTHONPATH": paths}
        try:
            subprocess.run(program, cwd=folder, env=variables, stdout=said, stderr=said, timeout=PATIENCE_S, check=True)
        except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
            said.seek(0)
            return f"{page}, {side}: {type(error).__name__} after {said.read()[-SHOWN:]}"
        came: dict[int, Outcome] = pickle.loads(Path(folder, "came").read_bytes())
        return came


def outcome(row: Row, side: str) -> Outcome:
    """Give what came of a row on a side."""
    came = run_page(row.page)[side]
    if isinstance(came, str):
        pytest.fail(came, pytrace=False)
    return came[row.line]


def need(page: str) -> None:
    """Skip where the other library is not installed."""
    for library in NEEDS.get(page, []):
        if find_spec(library) is None:
            pytest.skip(f"{library} is not installed")


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_row_is_true(row: Row) -> None:
    """Both lines give what the row says of them."""
    need(row.page)
    before = outcome(row, "before")
    if row.word is Word.NOT_OFFERED:
        assert (row.after, before[0]) == ("", "value"), before
        return
    compare(row, before, outcome(row, "after"))


@pytest.mark.parametrize("row", SWITCHED, ids=str)
def test_a_row_is_true_after_the_switch_by_one_line(row: Row) -> None:
    """The other library's own line, with our import in the place of its own, gives what it gave, or what ours gives.

    What is not offered is refused, unless it is no business of ours: the library stays, with what it has besides.
    """
    need(row.page)
    switched = outcome(row, "switched")
    if row.word is Word.NOT_OFFERED and PAGES[row.page].stays:
        assert switched == outcome(row, "before")
        return
    if row.word is Word.NOT_OFFERED:
        assert (switched[0], switched[1][0]) == ("error", "poolwise.errors.OptionError")
        return
    if switched != outcome(row, "before"):
        compare(row, outcome(row, "before"), switched)


def compare(row: Row, before: Outcome, after: Outcome) -> None:
    """Hold two outcomes against what the row says."""
    if row.word is Word.SAME_ERROR:
        assert before[0] == "error"
        assert after == before
    elif row.word is Word.ERRORS:
        assert [(kind, came[0] if kind == "error" else came) for kind, came in (before, after)] == [
            ("error", name) for name in row.codes[:2]
        ]
    elif row.word is Word.VALUES:
        assert [before, after] == [("value", run_code(code, {})) for code in row.codes[:2]]
    elif row.word is Word.GAIN:
        assert (before[0], before[1][0], after) == ("error", row.codes[0], ("value", run_code(row.codes[1], {})))
    elif row.word is Word.ANY_ORDER:
        assert (before[0], after[0]) == ("value", "value"), (before, after)
        assert sorted(after[1]) == sorted(before[1])
    else:
        assert before[0] == "value", before
        assert after == before


def test_a_row_that_is_not_offered_shows_no_line_of_ours() -> None:
    """A dash stands where we have nothing, and the row says why, in more than a word."""
    wrong = [str(row) for row in ROWS if (row.word is Word.NOT_OFFERED) != (row.after == "")]
    unexplained = [str(row) for row in ROWS if row.word is Word.NOT_OFFERED and len(row.said.split()) < 4]
    assert (wrong, unexplained) == ([], [])
