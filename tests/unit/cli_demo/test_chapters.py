import dataclasses

import pytest

from poolwise.cli import demo_story
from poolwise.cli.demo_chapters import Chapter, DemoError, Way, computing, waiting
from poolwise.cli.demo_measure import measure
from poolwise.cli.demo_story import tell
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
        ways=(Way("loop", None), Way("poolwise.map", {})),
        summarise=lambda results: f"the sum is {sum(results)}",
        expected="the sum is 12",
    )
    return dataclasses.replace(chapter, **changes)


def test_the_ways_to_wait():
    """Threads, processes for each core, and as many processes as threads, between the loop and Poolwise."""
    chapter = waiting("http://127.0.0.1:1", TWO_CORES, quick=True)
    assert [way.label for way in chapter.ways] == [
        "loop",
        "20 threads",
        "2 processes",
        "20 processes",
        "poolwise.map",
    ]


def test_the_ways_to_compute():
    """As many threads and processes as there are cores, between the loop and Poolwise."""
    chapter = computing(TWO_CORES, quick=True)
    assert [way.label for way in chapter.ways] == ["loop", "2 threads", "2 processes", "poolwise.map"]


def test_without_processes_their_rows_are_left_out():
    """Where no worker process can be started, the demo shows the other ways."""
    chapter = computing(Machine(cores=2, start_methods=()), quick=True)
    assert [way.label for way in chapter.ways] == ["loop", "2 threads", "poolwise.map"]


@pytest.mark.parametrize(("way", "reported"), [(Way("loop", None), False), (Way("poolwise.map", {}), True)])
def test_a_measured_way_has_its_figures(way, reported):
    """The loop has no report; whatever Poolwise runs brings one."""
    row = measure(a_chapter(), way)
    assert (row.name, row.workers, row.wall_s > 0, row.report is not None) == (way.name, 1, True, reported)


def test_a_wrong_result_names_its_way():
    """A result that is not the expected one ends the demo, and both are told."""
    with pytest.raises(DemoError, match=r"^wrong result by loop: the sum is 12; it must be: the sum is 13$"):
        measure(a_chapter(expected="the sum is 13"), Way("loop", None))


def test_a_server_that_is_gone_is_told_as_such():
    """A network error ends the demo with the way that met it."""
    with pytest.raises(DemoError, match=r"^no result by loop: nobody there$"):
        measure(a_chapter(function=fail_to_connect), Way("loop", None))


def test_a_wrong_result_is_exit_code_1(monkeypatch, capsys):
    """The message goes to standard error."""
    wrong = a_chapter(expected="the sum is 13")
    monkeypatch.setattr(demo_story, "computing", lambda machine, *, quick: wrong)
    assert tell("computing", quick=True) == 1
    assert capsys.readouterr().err == (
        "poolwise: error: wrong result by loop: the sum is 12; it must be: the sum is 13\n"
    )


def test_a_chapter_is_told_in_plain_text(monkeypatch, capsys):
    """Without a terminal there is a plain table, no colour and no status line."""
    monkeypatch.setattr(demo_story, "computing", lambda machine, *, quick: a_chapter())
    assert tell("computing", quick=True) == 0
    output = capsys.readouterr()
    assert output.err == ""
    assert "\x1b" not in output.out
    assert "\nDoubling: double some numbers.\n" in output.out
    assert "backend" in output.out
    assert "- Every way: the sum is 12.\n" in output.out
