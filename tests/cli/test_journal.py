"""``poolwise journal``: for people, for programs, and what is to be tried again."""

import csv
import importlib
import json
import sys

import pytest

from poolwise.journal.opening import open_book
from poolwise.model.events import Batch, Failed, TaskError
from poolwise.model.journal import Journal
from poolwise.work.call import Call
from tests.cli.programs import poolwise


def work(x):
    """Stand for the user's function; it is never called here."""
    return x


MINE = """
class Mine:
    def __repr__(self):
        return "<mine>"
"""


@pytest.fixture
def journal(tmp_path, monkeypatch):
    """Give a folder with the journal of a run that was stopped: results of several kinds, a failure, two items left."""
    (tmp_path / "of_the_user.py").write_text(MINE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "of_the_user", raising=False)
    mine = importlib.import_module("of_the_user").Mine()
    book = open_book(Journal(tmp_path / "run.db"), Call(work), total=7, take_failures=True, command="poolwise map x")
    items = ["a", (1, 2), b"raw", 4, "bad"]
    book.keep(Batch(0, [{"n": 1}, "b", (1, "é"), mine]), items[:4])
    failed = Failed(4, TaskError(ValueError("no\nbad"), "Traceback …"), 3)
    book.keep(Batch(4, [None], {0: failed}), items[4:])
    book.close("stopped")
    return tmp_path


def test_show(journal):
    """What is done, failed and left, and the errors; on standard output, for people."""
    ended = poolwise("journal", "show", "run.db", cwd=journal)
    assert (ended.code, ended.err) == (0, "")
    lines = [line.split() for line in ended.out.splitlines()]
    assert ["function", "done", "failed", "left", "last", "run", "state", "command"] in lines
    row = next(line for line in lines if line[:1] == ["tests.cli.test_journal:work"])
    assert (row[1:4], row[6:]) == (["4", "1", "2"], ["stopped", "poolwise", "map", "x"])
    failure = next(line for line in lines if line[:1] == ['"bad"'])
    assert (failure[1], failure[4:]) == ("3", ["ValueError:", "no", "bad"])


def test_show_tells_so_many_failures_and_where_the_others_are(tmp_path):
    """Twenty are enough to see what is wrong."""
    book = open_book(Journal(tmp_path / "run.db"), Call(work), total=None, take_failures=True)
    for index in range(25):
        book.keep(Batch(index, [None], {0: Failed(index, TaskError(OSError(index)), 1)}), [index])
    book.close("failed")
    ended = poolwise("journal", "show", "run.db", cwd=tmp_path)
    assert ended.out.count("OSError") == 20
    assert ended.out.endswith("… and 5 more: poolwise journal export run.db --failed\n")
    assert "not known" in ended.out


def test_export_as_json_lines(journal):
    """Every item with its result or its error, in the order of recording; what JSON cannot carry as its repr."""
    ended = poolwise("journal", "export", "run.db", cwd=journal)
    assert (ended.code, ended.err) == (0, "")
    told = [json.loads(line) for line in ended.out.splitlines()]
    assert {each.pop("function") for each in told} == {"tests.cli.test_journal:work"}
    error = told[-1]["error"]
    assert told[:-1] == [
        {"item": "a", "result": {"n": 1}},
        {"item": [1, 2], "result": "b"},
        {"item_repr": "b'raw'", "result": [1, "é"]},
        {"item": 4, "repr": "<mine>"},
    ]
    assert told[-1]["item"] == "bad"
    assert (error["type"], error["message"], error["traceback"]) == ("ValueError", "no\nbad", "Traceback …")
    assert (error["attempts"], type(error["at"])) == (3, float)


def test_export_as_a_table(journal):
    """For spreadsheets; texts are themselves there."""
    ended = poolwise("journal", "export", "run.db", "--format", "csv", "-o", "out.csv", cwd=journal)
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    with (journal / "out.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    name = "tests.cli.test_journal:work"
    assert rows == [
        ["function", "item", "result", "error", "message", "attempts"],
        [name, "a", '{"n": 1}', "", "", ""],
        [name, "[1, 2]", "b", "", "", ""],
        [name, "b'raw'", '[1, "é"]', "", "", ""],
        [name, "4", "<mine>", "", "", ""],
        [name, "bad", "", "ValueError", "no\nbad", "3"],
    ]


@pytest.mark.parametrize(("option", "count"), [("--done", 4), ("--failed", 1), ("--all", 5)])
def test_export_of_a_part(journal, option, count):
    """Results only, or failures only."""
    assert len(poolwise("journal", "export", "run.db", option, cwd=journal).out.splitlines()) == count


def test_a_result_that_cannot_be_read_back_is_told(journal):
    """In its place, at the end, and by the exit code; the others come out."""
    data = (journal / "run.db").read_bytes()
    assert b"\x04Mine" in data
    (journal / "run.db").write_bytes(data.replace(b"\x04Mine", b"\x04Gone"))
    ended = poolwise("journal", "export", "run.db", cwd=journal)
    assert ended.code == 1
    assert "1 result cannot be read back; AttributeError" in ended.err
    told = [json.loads(line) for line in ended.out.splitlines()]
    assert "AttributeError" in told[3]["unreadable"]
    assert len(told) == 5


def test_retry_forgets_the_failures(journal):
    """The next run tries these items again; results stay."""
    ended = poolwise("journal", "retry", "run.db", cwd=journal)
    assert (ended.code, ended.out) == (0, "run.db: 1 failure forgotten: the next run tries again\n")
    assert poolwise("journal", "retry", "run.db", cwd=journal).out == "run.db: nothing has failed\n"
    assert len(poolwise("journal", "export", "run.db", cwd=journal).out.splitlines()) == 4


@pytest.mark.parametrize("what", ["show", "export", "retry"])
def test_a_journal_that_cannot_be_used(tmp_path, what):
    """One line, exit code 6, and nothing is made."""
    ended = poolwise("journal", what, "no.db", cwd=tmp_path)
    assert (ended.code, ended.out) == (6, "")
    assert ended.err == "poolwise: error: there is no journal no.db: no such file\n"
    (tmp_path / "words.db").write_text("words " * 1000)
    (tmp_path / "words.db").chmod(0o600)
    ended = poolwise("journal", what, "words.db", cwd=tmp_path)
    assert (ended.code, "file is not a database" in ended.err, ended.err.count("\n")) == (6, True, 1)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["words.db"]


def test_options_of_export_belong_to_export(journal):
    """Where they would do nothing they are refused."""
    ended = poolwise("journal", "show", "run.db", "--failed", cwd=journal)
    assert (ended.code, "leave out --failed" in ended.err) == (2, True)
    ended = poolwise("journal", "export", "run.db", "-o", "run.db", cwd=journal)
    assert (ended.code, "writing would destroy it" in ended.err) == (2, True)


def test_a_function_that_has_changed_is_told_and_dealt_with(tmp_path):
    """``poolwise map`` stops at results of another version of the function, and ``--changed`` says what they are."""
    (tmp_path / "work.py").write_text("def times(x):\n    return 2 * x\n")
    argv = ["map", "work.py:times", "--type", "int", "1", "2", "--journal", "run.db"]
    assert poolwise(*argv, cwd=tmp_path).lines == [
        {"index": 0, "item": 1, "result": 2},
        {"index": 1, "item": 2, "result": 4},
    ]
    # Longer, too: within one second Python tells a new file from one that it has compiled by the size alone.
    (tmp_path / "work.py").write_text("def times(x):\n    return x + x + x\n")
    ended = poolwise(*argv, cwd=tmp_path)
    assert ended.code == 6
    assert "has changed since 2 results" in ended.err
    assert "--changed rerun" in ended.err
    assert [each["result"] for each in poolwise(*argv, "--changed", "rerun", cwd=tmp_path).lines] == [3, 6]
    alone = poolwise("map", "work.py:times", "--type", "int", "1", "--changed", "keep", cwd=tmp_path)
    assert alone.code == 2
    assert "--journal FILE" in alone.err
