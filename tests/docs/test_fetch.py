"""What docs/fetch.md says of names, lines and who asks is what the code does."""

from __future__ import annotations

import re

import pytest

from poolwise.web.agent import user_agent
from poolwise.web.names import name_file
from poolwise.web.robots import MOST_DELAY_S
from poolwise.web.targets import BadTarget, read_target
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "fetch.md").read_text(encoding="utf-8")
NAMES = re.findall(r"^\| `(https?://[^`]*)`( \(HTML\))? \| `([^`]*)` \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("url", "is_html", "name"), NAMES)
def test_names_of_files_are_those_that_the_page_tells(url: str, is_html: str, name: str) -> None:
    """Also where the type of the answer is not said, and does not matter."""
    known = "text/html" if is_html or url.endswith("/") or "?" in url else None
    assert name_file(url, known) == name


def test_bad_lines_are_told_as_the_page_says() -> None:
    """With their number, what is wrong, and what to write instead."""
    assert len(re.findall(r"^poolwise: urls\.txt", PAGE, re.MULTILINE)) == 3
    for told in re.findall(r"^poolwise: urls\.txt, (.*)$", PAGE, re.MULTILINE):
        number, line = re.match(r"line (\d+): (.*?): (?:it has|only|a space)", told).groups()
        bad = read_target(line, int(number))
        assert isinstance(bad, BadTarget)
        assert str(bad) == told


def test_who_asks_and_how_long_is_waited_is_what_the_page_says() -> None:
    """The User-Agent and the longest pace are quoted."""
    assert f"`{user_agent()}`" in PAGE
    assert f"more than {MOST_DELAY_S} seconds is no pace" in PAGE
