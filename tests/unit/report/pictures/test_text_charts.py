"""Charts in letters: readable without colours, in any width, in ASCII where a terminal knows no more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.report.pictures.race_chart import race_chart
from poolwise.report.pictures.sweep_chart import sweep_chart
from poolwise.report.pictures.text import draw
from poolwise.report.pictures.text.letters import ALL_LETTERS, BLOCKS, cells, fit
from poolwise.report.pictures.timeline_chart import timeline_chart
from tests.unit.report.made_up import make_nasty_race, make_race, make_stopped_sweep, make_sweep, make_timeline

CHARTS = {
    "race": race_chart(make_race()),
    "nasty": race_chart(make_nasty_race()),
    "sweep": sweep_chart(make_sweep()),
    "stopped": sweep_chart(make_stopped_sweep()),
    "timeline": timeline_chart(make_timeline()),
}


def test_a_race_in_eighty_columns() -> None:
    """Each way has its bar, its figure and its word; a stopped one has an arrow, one that fails has none."""
    assert draw(CHARTS["race"], 80) == [
        "loop             ████████████░                        4.10 s",
        "threads          ████████████▓░                       4.40 s",
        "processes        ███░                                 1.20 s  fastest",
        "processes × 8    ███▊                                 1.30 s  tie",
        "slow             ╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌▷  > 12.0 s  stopped",
        "asyncio                                               cannot run it",
        "auto: processes  ▄▄▄▄                                 1.31 s  1.09 × the fastest",
        "                 ┴─────────────┴──────────────┴─────",
        "                 0             5             10",
        "                 wall time, median (s);  ▓ from the least, ░ to the most",
    ]


@pytest.mark.parametrize("name", CHARTS)
@pytest.mark.parametrize("width", [60, 80, 160])
def test_no_line_is_longer_than_the_terminal(name, width) -> None:
    """Names and notes are cut before a line would break."""
    assert max(map(cells, draw(CHARTS[name], width))) <= width


@pytest.mark.parametrize("name", CHARTS)
def test_pictures_have_an_ascii_form(name) -> None:
    """Where only ASCII can be written, all that is drawn is ASCII; words and figures are spelled elsewhere."""
    drawn = "".join(draw(CHARTS[name], 80, plain=True))
    assert not set(drawn) & (set(ALL_LETTERS) - set("×…–µ·"))
    assert not any("\u2800" <= letter <= "\u28ff" for letter in drawn)


def test_what_only_a_terminal_can_draw_is_asked_for() -> None:
    """Every letter that pictures use is among those that a terminal is asked for."""
    used = {letter for name in CHARTS for line in draw(CHARTS[name], 120) for letter in line if letter > "~"}
    blocks = {letter for letter in used if not "\u2800" <= letter <= "\u28ff" and letter not in BLOCKS.eighths}
    assert blocks <= set(ALL_LETTERS)


def test_a_sweep_marks_cores_and_points() -> None:
    """Measured points, their spread, the law in dots, the cores as a line, the fastest by its word."""
    lines = draw(CHARTS["sweep"], 80)
    picture = "\n".join(lines)
    assert lines[0] == "speed (items a second)"
    assert picture.count("●") == 5 + 1  # and one in the legend
    assert "● worth it, fastest" in picture
    assert "4 usable cores" in picture
    assert any("\u2800" < letter <= "\u28ff" for letter in picture)
    assert lines[12].startswith("  0 ┤")


def test_a_stopped_point_is_another_letter() -> None:
    """What was stopped is no more than what is drawn, and the legend says so."""
    assert "▽ stopped: at most this" in " ".join(draw(CHARTS["stopped"], 100))


def test_a_timeline_has_a_line_for_each_worker() -> None:
    """Each worker's line says by letters what it did, and the marks lie on top."""
    lines = draw(CHARTS["timeline"], 80)
    assert [line[:9] for line in lines[:3]] == ["process 1", "process 2", "process 3"]
    assert all("█" in line and "▒" in line and "▼" in line for line in lines[:3])


@given(st.text(max_size=40), st.integers(1, 40), st.booleans())
def test_words_fill_their_columns(text, width, right) -> None:
    """Words are cut or filled to the very width, and hold nothing that would move the cursor."""
    filled = fit(text, width, right=right)
    assert cells(filled) in {width, width - 1}  # a wide letter may not fit the last column
    assert not set(filled) & set(map(chr, range(32)))
