"""Charts as SVG: well-formed, described, without ids, with whatever a user has named as text."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.report.pictures.chart import Axis, Bar, Bars
from poolwise.report.pictures.colours import LIGHT
from poolwise.report.pictures.race_chart import race_chart
from poolwise.report.pictures.report_page import ways_chart
from poolwise.report.pictures.svg import draw
from poolwise.report.pictures.svg.marks import Area, clean, hatch, shorten, width_of
from poolwise.report.pictures.sweep_chart import sweep_chart
from poolwise.report.pictures.timeline_chart import timeline_chart
from tests.unit.report.made_up import (
    NASTIER,
    make_nasty_race,
    make_race,
    make_report,
    make_stopped_sweep,
    make_sweep,
    make_timeline,
)

CHARTS = {
    "race": race_chart(make_race()),
    "nasty": race_chart(make_nasty_race()),
    "sweep": sweep_chart(make_sweep()),
    "no law": sweep_chart(make_sweep(fit=False)),
    "stopped": sweep_chart(make_stopped_sweep()),
    "timeline": timeline_chart(make_timeline()),
    "crowd": timeline_chart(make_timeline(100, 3)),
    "ways": ways_chart(make_report()),
}
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("width", [360, 900])
@pytest.mark.parametrize("name", CHARTS)
def test_a_picture_is_described_xml(name, width) -> None:
    """It is well-formed, says in a name and a description what it shows, and has no ids, scripts or links."""
    text = draw(CHARTS[name], width)
    root = ET.fromstring(text)  # noqa: S314 - our own
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    assert root.get("aria-label").startswith(CHARTS[name].title)
    assert [child.text for child in root[:2]] == [CHARTS[name].title, CHARTS[name].about]
    assert {each.tag.removeprefix(SVG) for each in root.iter()} <= {
        *("svg", "g", "title", "desc", "text", "rect", "path", "circle")
    }
    assert not [each for each in root.iter() if {"id", "href", "style", "onload"} & each.attrib.keys()]
    assert "nan" not in text
    assert "inf" not in re.sub(r"<(title|desc)>.*?</\1>|aria-label=\"[^\"]*\"", "", text)


@pytest.mark.parametrize("name", CHARTS)
def test_colours_are_those_of_the_page(name) -> None:
    """Each colour that is written in a picture has a class by which the page's style sheet makes it light or dark."""
    for each in ET.fromstring(draw(CHARTS[name], 900)).iter():  # noqa: S314 - our own
        painted = {each.get("fill"), each.get("stroke")} - {None, "none"}
        assert painted <= set(LIGHT.values())
        assert not painted or each.get("class", "").startswith("pw-")


@given(st.text())
def test_any_text_stays_text(text) -> None:
    """Whatever a name holds, it is the text of an element and the value of an attribute, and never ends them."""
    root = ET.fromstring(f'<a b="{clean(text)}">{clean(text)}</a>')  # noqa: S314 - our own
    assert list(root) == []
    assert list(root.attrib) == ["b"]
    shown = re.sub(r"[^\n\t\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
    assert (root.text or "").replace("\r", "\n") == shown.replace("\r\n", "\n").replace("\r", "\n")


@given(*(st.floats(0.1, 500) for _ in range(2)), st.booleans())
def test_hatching_stays_in_its_box(width, height, falling) -> None:
    """Slanting lines end at the edges of what they fill."""
    numbers = re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", hatch(Area(10, 20, width, height), "start", falling=falling))
    for x, y in numbers:
        assert 9.9 <= float(x) <= 10.1 + width
        assert 19.9 <= float(y) <= 20.1 + height


def test_bars_begin_at_zero() -> None:
    """A bar of twice the value is twice as long."""
    bars = tuple(Bar(label=str(value), value=value, figure="") for value in (1.0, 2.0))
    text = draw(Bars(title="", about="", axis=Axis("x"), bars=bars), 900)
    one, two = (float(found) for found in re.findall(r'<rect [^>]*width="([\d.]+)"[^>]*class="pw-f-plain"', text))
    assert two == pytest.approx(2 * one, abs=0.2)


def test_a_stopped_way_has_no_end() -> None:
    """Its bar is dashed and open at the right, and says that it takes longer."""
    text = draw(race_chart(make_race()), 900)
    assert "&gt; 12.0 s · stopped" in text
    assert len(re.findall(r'class="pw-s-open"', text)) == 2  # the open bar and its arrow


@given(st.text(max_size=60), st.floats(20, 400))
def test_words_are_cut_to_their_room(text, width) -> None:
    """What does not fit ends in an ellipsis, and fits."""
    cut = shorten(text, width)
    assert cut == text or (cut.endswith("…") and width_of(cut) <= max(width, width_of("…")))


def test_names_are_escaped_in_tips() -> None:
    """What shows where somebody points at a bar is text too."""
    assert NASTIER not in draw(CHARTS["nasty"], 900)
