"""Our pages in a real browser: they read from disk, ask for nothing, fit a phone, and run nothing."""

from __future__ import annotations

import re

import pytest

from poolwise.report.pictures.gallery import page_of
from poolwise.report.pictures.html.page import page
from poolwise.report.pictures.svg.marks import TEXT, width_of, words
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

PAGES = {
    "race": make_race(report=make_report()).to_html,
    "nasty": make_nasty_race().to_html,
    "sweep": make_sweep().to_html,
    "stopped": make_stopped_sweep().to_html,
    "timeline": make_report(make_timeline()).to_html,
    "crowd": make_report(make_timeline(80, 12)).to_html,
    "all": lambda: page_of("All", [make_race(), make_nasty_race(), make_sweep(), make_report(make_timeline())]),
}
# What stands in the page's way of being read: wider than the window, or of no size.
SIZES = """
() => [...document.querySelectorAll("svg, table")].filter(each => each.getClientRects().length).map(each => {
    const {left, right, width, height} = each.getBoundingClientRect()
    const box = each.closest(".pw-scroll")?.getBoundingClientRect() ?? {left, right}
    return {name: each.localName, left: box.left, right: box.right, width, height}
})
"""
# Words of a picture that leave it, or two of them that touch.
COLLISIONS = """
() => [...document.querySelectorAll("svg")].filter(each => each.getClientRects().length).flatMap(svg => {
    const edge = svg.getBoundingClientRect()
    const words = [...svg.querySelectorAll("text")].map(each => [each.textContent, each.getBoundingClientRect()])
    const {left, right, bottom} = edge
    const out = words.filter(([, a]) => a.left < left - 1 || a.right > right + 1 || a.bottom > bottom + 1)
    const touching = words.filter(([, a], i) => words.some(([, b], j) => j > i &&
        a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 3 && b.top < a.bottom - 3))
    return [...out, ...touching].map(([text]) => text)
})
"""


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_its_window(look, name, width) -> None:
    """Tables and pictures are there, within the window; the page itself does not scroll sideways."""
    with look(PAGES[name](), width=width) as seen:
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
        sizes = seen.page.evaluate(SIZES)
        assert {each["name"] for each in sizes} == {"svg", "table"}
        for each in sizes:
            assert each["width"] > 100
            assert each["height"] > 30
            assert each["left"] >= 0
            assert each["right"] <= width


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_words_in_pictures_do_not_touch(look, name, width) -> None:
    """No words of a picture lie over others or leave the picture."""
    with look(PAGES[name](), width=width) as seen:
        assert seen.page.evaluate(COLLISIONS) == []


def test_one_form_of_each_picture_is_shown(look) -> None:
    """A wide window shows the wide form of a picture, a phone the narrow one, and no window both."""
    for width, shown in ((1280, ".pw-wide"), (390, ".pw-narrow")):
        with look(PAGES["race"](), width=width) as seen:
            pictures = seen.page.locator("svg >> visible=true")
            assert pictures.count() == seen.page.locator(f"{shown} svg").count() == 1


def test_pictures_speak(look) -> None:
    """Every picture is an image with a name and a description for those who do not see it."""
    with look(PAGES["race"]()) as seen:
        image = seen.page.get_by_role("img")
        assert image.count() == 1
        assert "processes: 1.20 s fastest" in image.get_attribute("aria-label")
        assert seen.page.get_by_role("table").count() == 1
        assert seen.page.get_by_role("row", name="processes 4 1.20 s").count() == 1


def test_what_users_name_is_text(look) -> None:
    """Names, items, results and errors that are HTML are shown letter by letter, and nothing of them runs."""
    with look(PAGES["nasty"]()) as seen:
        assert seen.page.locator("script, img, b").count() == 0
        assert NASTY in seen.page.locator("body").inner_text()
        assert NASTIER in seen.page.locator("body").inner_text()
        assert NASTIER in seen.page.title()


@pytest.mark.parametrize(("scheme", "ground"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(13, 17, 23)")])
def test_a_page_is_light_or_dark(look, scheme, ground) -> None:
    """The reader's scheme sets the ground of page and picture."""
    with look(PAGES["race"](), scheme=scheme) as seen:
        colour = "each => getComputedStyle(each).backgroundColor"
        assert seen.page.locator(".poolwise").evaluate(colour) == ground
        words = seen.page.locator("svg text.pw-t-ink >> visible=true").first
        ink = words.evaluate("each => getComputedStyle(each).fill")
        assert ink == {"light": "rgb(31, 35, 40)", "dark": "rgb(230, 237, 243)"}[scheme]


def test_a_table_scrolls_by_keys(look) -> None:
    """On a phone a wide table is in a box that takes the focus, so that keys can scroll it."""
    with look(PAGES["race"](), width=390) as seen:
        box = seen.page.get_by_role("region").first
        box.focus()
        assert box.evaluate("each => each.scrollLeft") == 0
        moved = box.evaluate_handle("each => ({moved: new Promise(tell => each.addEventListener('scroll', tell))})")
        seen.page.keyboard.press("ArrowRight")
        moved.evaluate("({moved}) => moved.then(() => null)")
        assert box.evaluate("each => each.scrollLeft") > 0


NOTEBOOK = """
<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>A notebook</title></head>
<body data-jp-theme-light="{light}"><h2>Theirs</h2><table><tr><td>theirs</td></tr></table>
<svg width="10" height="10"><text>theirs</text></svg>{cell}</body></html>
"""
THEIRS = """
() => ["h2", "table", "td", "svg", "text", "body"].map(name => {
    const {color, fontSize, padding, border, fill, display, backgroundColor} =
        getComputedStyle(document.querySelector(name))
    return [color, fontSize, padding, border, fill, display, backgroundColor]
})
"""


def test_a_notebook_stays_as_it_is(look) -> None:
    """What a notebook shows of a value changes nothing outside of it."""
    with look(NOTEBOOK.format(light="true", cell="")) as seen:
        before = seen.page.evaluate(THEIRS)
    with look(NOTEBOOK.format(light="true", cell=make_nasty_race()._repr_html_())) as seen:
        assert seen.page.evaluate(THEIRS) == before
        assert seen.page.locator(".poolwise svg >> visible=true").count() == 1


@pytest.mark.parametrize("light", ["true", "false"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_of_the_notebook_decides(look, light, scheme) -> None:
    """A dark JupyterLab on a light system is dark, and the other way round."""
    with look(NOTEBOOK.format(light=light, cell=make_race()._repr_html_()), scheme=scheme) as seen:
        ground = seen.page.locator(".poolwise").evaluate("each => getComputedStyle(each).backgroundColor")
        assert ground == {"true": "rgb(255, 255, 255)", "false": "rgb(13, 17, 23)"}[light]


def test_without_its_style_sheet_a_page_still_reads(look) -> None:
    """A reader of mail that drops style sheets shows tables, and one form of each picture in colours on white."""
    bare = re.sub(r"<style>.*?</style>", "", PAGES["race"](), flags=re.DOTALL)
    with look(bare) as seen:
        assert seen.page.locator("svg >> visible=true").count() == 1
        fill = seen.page.locator("rect.pw-f-best >> visible=true").evaluate("each => getComputedStyle(each).fill")
        assert fill == "rgb(26, 127, 55)"
        assert "1.20 s" in seen.page.locator("table").inner_text()


@pytest.mark.parametrize("weight", ["400", "600"])
def test_words_are_no_wider_than_thought(look, weight) -> None:
    """What a picture takes for the width of words holds in the browser's font, for words as they are in pictures."""
    said = [*TOLD, *(letter * 20 for letter in map(chr, range(33, 127)))]
    texts = "".join(words(0, 0, each, font_weight=weight) for each in said)
    with look(page("T", []).replace("</main>", f"<svg font-size='{TEXT}'>{texts}</svg></main>")) as seen:
        measured = seen.page.locator("svg text").evaluate_all("each => each.map(text => text.getComputedTextLength())")
    assert len(measured) == len(said)
    for text, width in zip(said, measured, strict=True):
        assert width <= width_of(text, bold=weight == "600") * 1.001, text


TOLD = ("2 processes", "165 ms · took", "1.09 × the fastest", "> 12.0 s · stopped", "worth it, fastest", "count_primes")


# What JupyterLab 4.6 says of all tables, lists and headings of outputs.
JUPYTERLAB = """
.out dl, .out dt, .out dd { display: block } .out dl { width: 100%; overflow: hidden; padding: 0; margin: 0 }
.out dt { font-weight: bold; float: left; width: 20%; padding: 0; margin: 0 }
.out dd { float: left; width: 80%; padding: 0; margin: 0 }
.out h2:first-child { line-height: 1; font-weight: 500; font-style: normal; margin: 1.2em 0 0.8em }
.out table { border-collapse: collapse; border: none; color: red; font-size: 13px; table-layout: fixed; margin: auto }
.out td, .out th, .out tr { vertical-align: middle; padding: 0.5em; line-height: normal; white-space: normal }
:not(.markdown).out td, :not(.markdown).out th, :not(.markdown).out tr { text-align: right }
.out th { font-weight: bold } .out tbody tr:nth-child(odd) { background: red } .out tbody tr:hover { background: red }
.out p { text-align: left; margin: 0; margin-bottom: 1em } .out svg { max-width: 100%; height: auto }
"""
OURS = """
() => [...document.querySelectorAll(".poolwise *")].map(each => {
    const {left, top, width, height} = each.getBoundingClientRect()
    const {color, backgroundColor, fontWeight, textAlign, fontSize} = getComputedStyle(each)
    return [each.localName, left, top, width, height, color, backgroundColor, fontWeight, textAlign, fontSize].join()
})
"""


@pytest.mark.parametrize("value", [make_race(), make_report(make_timeline())], ids=["race", "timeline"])
def test_a_notebook_does_not_disarrange_a_value(look, value) -> None:
    """What JupyterLab says of the tables and lists of outputs moves and colours nothing of ours."""
    seen = []
    for sheet in ("", JUPYTERLAB):
        cell = f'<style>{sheet}</style><div class="out">{value._repr_html_()}</div>'
        with look(NOTEBOOK.format(light="true", cell=cell)) as there:
            seen.append(there.page.evaluate(OURS))
    assert seen[0] == seen[1]
