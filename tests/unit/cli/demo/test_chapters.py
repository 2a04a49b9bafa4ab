import dataclasses

import pytest

from poolwise.cli.demo import story
from poolwise.cli.demo.chapters import Chapter, DemoError, computing, waiting
from poolwise.cli.demo.measure import measure, rows_of
from poolwise.cli.demo.story import tell
from poolwise.model.machine import Machine

TWO_CORES = Machine(cores=2, start_methods=("fork",))


def fail_to_connect(item):
    """Meet a server that is not there."""
    raise ConnectionRefusedError("nobody there")


def a_chapter(**changes):
    """Make a chapter of no work at all."""
    chapter = Chapter(
        title="Doubling",
        task="double some numbers",
        function=lambda number: 2 * number,
        items=range(4),
        ways=("loop",),
        summarise=lambda results: f"the sum is {sum(results)}",
        expected="the sum is 12",
        budget_s=20.0,
    )
    return dataclasses.replace(chapter, **changes)


def test_the_ways_to_wait():
    """Threads, processes for each core, and as many processes as threads, after the loop."""
    chapter = waiting("http://127.0.0.1:1", TWO_CORES, quick=True)
    assert chapter.ways == ("loop", "threads:20", "processes:2", "processes:20")


def test_the_ways_to_compute():
    """As many threads and processes as there are cores, after the loop."""
    chapter = computing(TWO_CORES, quick=True)
    assert chapter.ways == ("loop", "threads:2", "processes:2")


def test_without_processes_their_rows_are_left_out():
    """Where no worker process can be started, the demo shows the other ways."""
    chapter = computing(Machine(cores=2, start_methods=()), quick=True)
    assert chapter.ways == ("loop", "threads:2")


def test_each_way_has_its_figures():
    """A row for each way by hand and one for the choice, which brings a report."""
    rows = rows_of(measure(a_chapter(), repeats=1))
    assert [(row.name, row.workers, row.report is not None) for row in rows] == [
        ("loop", 1, False),
        ("poolwise.map", 1, True),
    ]
    assert all(row.wall_s > 0 for row in rows)


def test_a_wrong_result_names_its_way():
    """A result that is not the expected one ends the demo, and both are told."""
    with pytest.raises(DemoError, match=r"^wrong result by loop: the sum is 12; it must be: the sum is 13$"):
        measure(a_chapter(expected="the sum is 13"), repeats=1)


def test_a_server_that_is_gone_is_told_as_such():
    """A network error ends the demo with the way that met it."""
    with pytest.raises(DemoError, match=r"^no result by loop: nobody there$"):
        measure(a_chapter(function=fail_to_connect), repeats=1)


def test_a_wrong_result_is_exit_code_1(monkeypatch, capsys):
    """The message goes to standard error."""
    wrong = a_chapter(expected="the sum is 13")
    monkeypatch.setattr(story, "computing", lambda machine, *, quick: wrong)
    assert tell("computing", quick=True) == 1
    assert capsys.readouterr().err == (
        "poolwise: error: wrong result by loop: the sum is 12; it must be: the sum is 13\n"
    )


def test_a_chapter_is_told_in_plain_text(monkeypatch, capsys):
    """Without a terminal there is a plain table, no colour and no status line."""
    monkeypatch.setattr(story, "computing", lambda machine, *, quick: a_chapter())
    assert tell("computing", quick=True) == 0
    output = capsys.readouterr()
    assert output.err == ""
    assert "\x1b" not in output.out
    assert "\nDoubling: double some numbers.\n" in output.out
    assert "backend" in output.out
    assert "- Every way: the sum is 12.\n" in output.out
