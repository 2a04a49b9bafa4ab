"""Pages: self-contained, scoped, escaped; several values on one."""

from __future__ import annotations

import re

import pytest

from poolwise.model.classes import replace
from poolwise.model.sweep import Point
from poolwise.report.pictures.gallery import exhibit_of, page_of
from poolwise.report.pictures.html.page import fragment, page
from poolwise.report.pictures.html.style import style_sheet
from poolwise.report.pictures.section import Pairs, Section, Titled, Words
from poolwise.report.table import Column, Table
from tests.unit.report.made_up import (
    NASTIER,
    NASTY,
    make_nasty_race,
    make_race,
    make_report,
    make_stopped_sweep,
    make_sweep,
    make_timeline,
)

VALUES = {
    "race": make_race(),
    "nasty": make_nasty_race(),
    "sweep": make_sweep(),
    "stopped": make_stopped_sweep(),
    "report": make_report(),
    "timeline": make_report(make_timeline()),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_page_needs_nothing_from_elsewhere(name) -> None:
    """It has no script, no link and no address but the name of SVG's namespace."""
    text = VALUES[name].to_html()
    assert text.startswith("<!DOCTYPE html>")
    assert text.count("</html>") == 1
    assert not re.search(r"<(script|link|iframe|img|object|embed|a|form)\b", text)
    assert set(re.findall(r"\b(?:https?|file|ftp)://[^\s\"'<]+", text)) == {"http://www.w3.org/2000/svg"}
    assert "@import" not in text
    assert "url(" not in text


@pytest.mark.parametrize("whole", [True, False])
def test_what_users_name_is_escaped(whole) -> None:
    """Names, items, results and errors are nowhere written as they are."""
    race = make_nasty_race()
    text = race.to_html() if whole else race._repr_html_()
    assert NASTY not in text
    assert NASTIER not in text
    assert "&lt;script&gt;" in text


def test_every_rule_of_the_style_sheet_is_scoped() -> None:
    """In a notebook nothing of the notebook itself changes: each selector begins with our own class."""
    sheet = style_sheet(notebook=True)
    flat = re.sub(r"@(?:media|container)\s*\([^)]*\)\s*\{|@media print\s*\{", "", sheet).replace("\n", "")
    while "(" in flat:
        flat = re.sub(r"\([^()]*\)", "", flat)
    selectors = [part for rule in re.findall(r"([^{}]+)\{", flat) for part in rule.split(",")]
    assert len(selectors) > 60
    for selector in selectors:
        assert re.match(r"(body(\[data-jp-theme-light=\"\w+\"\]|\.vscode-\w+) )?\.poolwise\b", selector.strip()), (
            selector
        )


def test_a_page_of_several_values_tells_the_machine_once() -> None:
    """Two races and a sweep are one page, each with its heading, its picture and its table."""
    races = make_race(function="fetch"), make_race(function="primes")
    text = page_of("A comparison", [*races, make_sweep()], [Section("", (Words("Said first."),))])
    assert [text.count(word) for word in ("<h1>", "Machine and versions", "Said first.")] == [1, 1, 1]
    headings = re.findall(r"<h2>(.*?)</h2>", text)
    assert headings == [
        *("Race: fetch, 200 items", "Race: primes, 200 items"),
        *("Sweep: count_primes, 200 items, processes", "Machine and versions"),
    ]
    assert text.count("<table") == 3
    assert text.count("<svg") == 6  # each in two forms


def test_a_page_of_nothing_is_a_page() -> None:
    """No sections, no tables, no pictures: still a page with its title."""
    assert "<h1>T</h1>" in page("T", [])
    assert fragment([]).count("<div") == 2


def test_tables_have_headings_that_are_told() -> None:
    """Headings belong to columns and rows by their scope; a table has a name; figures stand right."""
    table = Table((Column("way"), Column("wall", figures=True), Column("")), (("loop", "1 s", "first"),), 0)
    text = page("T", [Section("S", (Titled("Some <times>", table), Pairs((("a", "b"), ("", "c")))))])
    assert '<th scope="col">way</th><th scope="col" class="pw-figure">wall</th><td></td>' in text
    assert '<tr class="pw-best"><th scope="row">loop</th><td class="pw-figure">1 s</td><td>first</td></tr>' in text
    assert '<table aria-label="Some &lt;times&gt;">' in text
    assert "<dt>a</dt><dd>b</dd><dd>c</dd>" in text


def test_to_html_saves_what_it_gives(tmp_path) -> None:
    """With a path the page is in the file, as UTF-8."""
    file = tmp_path / "race.html"
    assert make_race().to_html(file) == file.read_text(encoding="utf-8")
    assert make_race().to_html(str(file)) == make_race().to_html()


def test_the_page_says_why_and_on_what() -> None:
    """The choice's own report and the machine are on a race's page."""
    text = make_race(report=make_report()).to_html()
    assert "Why Poolwise chose so" in text
    assert "198 more items should take about 700 ms" in text
    assert "CPython 3.11.9" in text
    assert "2026-01-31T12:00:00+01:00" in text


def test_a_timeline_is_told_in_tables_too() -> None:
    """Shares of each worker's time, what happened when and the slowest items stand beside the picture."""
    sections = [section.heading for section in exhibit_of(VALUES["timeline"]).sections[1:]]
    assert sections == ["What happened when", "Workers", "The slowest items"]
    text = VALUES["timeline"].to_html()
    assert "retry of item 17: ConnectionError" in text
    assert "process 3" in text


def test_a_sweep_in_which_nothing_ended_has_no_picture() -> None:
    """Where no lap came to its end and none was stopped there is nothing to draw, and the page says what there is."""
    unmeasured = replace(make_sweep(fit=False), points=(Point(workers=1), Point(workers=2)), best=None, knee=None)
    assert "<svg" not in replace(unmeasured, worth=None, dropoff=None, causes=()).to_html()


@pytest.mark.parametrize("make", [make_race, make_sweep, make_report])
def test_a_terminal_of_ipython_shows_words(make) -> None:
    """Where no HTML can be shown it is what ``print`` shows, and not a repr of thousands of figures."""
    ipython = pytest.importorskip("IPython.lib.pretty", reason="comes with the extra notebook")
    value = make()
    assert ipython.pretty(value) == str(value)
