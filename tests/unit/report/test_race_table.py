"""The table of a race says what was measured, and no more."""

from __future__ import annotations

from poolwise.model.race import Entrant
from poolwise.report.laps import cpu_share
from poolwise.report.race_table import race_table
from poolwise.report.table import told_lines
from tests.unit.report.made_up import make_laps, make_race


def test_each_way_has_its_row() -> None:
    """A way that finished, one that was stopped, one that fails and the choice each say how they came out."""
    table = race_table(make_race())
    rows = {row[0]: row[1:] for row in table.rows}
    assert [column.heading for column in table.columns] == [
        *("way", "workers", "wall", "least – most", "speed-up", "CPU used", "memory"),
        *("starting", "shipping", "idling", ""),
    ]
    took = ("1.20 s", "1.10 – 1.25 s", "3.42 ×", "92 %", "90.0 MiB", "50.0 ms", "2.00 ms", "70.0 ms")
    assert rows["processes"] == ("4", *took, "fastest")
    assert rows["processes × 8"][-1] == "tie"
    assert rows["auto: processes"][-1] == "1.09 × the fastest"
    assert rows["slow"] == ("100", "> 12.0 s", "–", "–", "2 %", "–", "–", "–", "–", "stopped")
    assert rows["asyncio"] == ("–", "cannot run it", *"–––––––", "")
    assert table.strong == 2


def test_columns_without_figures_are_left_out() -> None:
    """What nobody has measured makes no column; one lap has no spread."""
    table = race_table(make_race([Entrant(name="loop", backend="loop", workers=1, laps=make_laps(0.5))]))
    assert [column.heading for column in table.columns] == ["way", "workers", "wall", "speed-up", ""]
    assert table.rows == (("loop", "1", "500 ms", "1.00 ×", "fastest"),)


def test_a_way_whose_turn_never_came_says_so() -> None:
    """Where the budget was gone before the first lap there is no time to be longer than."""
    table = race_table(make_race([Entrant(name="threads", backend="threads", workers=2)]))
    assert table.rows == (("threads", "2", "no time left", "stopped"),)
    assert table.strong is None


def test_threads_in_processes_are_told_as_a_product() -> None:
    """Two processes with eight threads each are ``2 × 8``."""
    way = Entrant(name="both", backend="processes", workers=2, tasks_per_worker=8, laps=make_laps(1.0))
    assert race_table(make_race([way])).rows[0][1] == "2 × 8"


def test_cpu_is_a_share_of_all_cores() -> None:
    """Four seconds of CPU in two seconds on four cores are half of them."""
    way = Entrant(name="threads", backend="threads", workers=2, laps=make_laps(2.0, cpu_s=4.0))
    assert cpu_share(way.laps, make_race([way]).cores) == 0.5


def test_sentences_that_are_too_long_go_on_below_their_beginning() -> None:
    """No word is broken, and what follows stands beside the heading, not below it."""
    lines = told_lines([("winner", "one two three four five six"), ("", "short")], 10, width=26)
    assert lines == ["winner    one two three", "          four five six", "          short"]
    assert told_lines([("winner", "one two three four five six")], 10, width=200) == [
        "winner    one two three four five six"
    ]
