"""Our pages in a real browser: they read from disk, ask for nothing, fit a phone, and run nothing."""

from __future__ import annotations

import pytest

from tests.unit.report.made_up import NASTIER, NASTY, make_nasty_race, make_race

PAGES = {"race": make_race().to_html, "nasty": make_nasty_race().to_html}
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


@pytest.mark.parametrize("width", [390, 320, 768, 1280])
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
