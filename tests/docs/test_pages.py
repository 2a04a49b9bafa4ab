"""The pages are true: their code runs, their commands do what they show, their links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.docs.pages import PROMPT, ROOT, name_of, pages, read_blocks, run_blocks, run_commands, write_files

PAGES = pages()
WITH_CODE = [page for page in PAGES if any(block.runs for block in read_blocks(page))]
WITH_COMMANDS = [page for page in PAGES if any(block.language == "console" for block in read_blocks(page))]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
# Times, sizes, shares and counts differ from run to run; what stands around them does not.
FIGURE = re.compile(r"((over|below) )?[\d.,]*\d( (s|ms|µs|ns|min|h|%|bytes|KiB|MiB|GiB))?")
# Where somebody's own machine or address shows through.
FORBIDDEN = (
    re.compile(r"/(home|Users|root|work)/"),
    re.compile(r"\b(10|192\.168|172\.(1[6-9]|2\d|3[01]))(\.\d{1,3}){2,3}\b"),
    re.compile(r"--(extra-)?index-url|/simple\b"),
)


@pytest.mark.parametrize("page", WITH_CODE, ids=name_of)
def test_the_code_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    """All Python blocks of a page run in order as one script, and print what is shown where it is said to be exact."""
    said = run_blocks(page, tmp_path)
    blocks = read_blocks(page)
    exact = [block for block in blocks if block.flag == "exact"]
    assert [(block.line, block.text) for block in exact] == [(block.line, said[block.follows]) for block in exact]


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=name_of)
def test_the_commands_of_a_page_do_what_it_shows(page: Path, tmp_path: Path) -> None:
    """Each command runs, with the files that the page shows, and says the same; only times and counts may differ."""
    blocks = read_blocks(page)
    write_files(blocks, tmp_path)
    shown, said = [], []
    for block in blocks:
        if block.language == "console":
            runs = list(run_commands(block, tmp_path))
            shown.append(_words("\n".join(block.lines)))
            said.append(_words("\n".join(f"{PROMPT}{command}\n{done.stdout}" for command, done in runs)))
    assert said == shown


def test_every_poolwise_command_is_run() -> None:
    """No page shows a ``poolwise`` command in a block that is not run, but where it says why."""
    forgotten = [
        f"{name_of(page)}:{block.line + 1}"
        for page in PAGES
        for block in read_blocks(page)
        if block.language in ("sh", "bash", "shell") and block.not_run is None
        if any(line.startswith("poolwise ") for line in block.lines)
    ]
    assert forgotten == []


def test_blocks_are_left_out_only_with_a_reason() -> None:
    """What is not run says why, in more than a word; a fence without a language would slip through."""
    blocks = [(name_of(page), block) for page in PAGES for block in read_blocks(page)]
    unexplained = [where for where, block in blocks if block.not_run is not None and len(block.not_run.split()) < 3]
    in_docs = [(where, block) for where, block in blocks if where == "README.md" or where.startswith("docs/")]
    unnamed = [f"{where}:{block.line}" for where, block in in_docs if not block.language]
    assert (unexplained, unnamed) == ([], [])


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    """Each link within the project names a file that is there, and a heading of it where it names one."""
    prose = CODE.sub("", page.read_text(encoding="utf-8"))
    inner = [link for link in LINK.findall(prose) if "://" not in link and not link.startswith("mailto:")]
    assert [link for link in inner if not _leads_somewhere(page, link)] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_nothing_of_the_writers_machine_shows(page: Path) -> None:
    """No absolute path of somebody's home, no private address and no package index stands in a page."""
    text = page.read_text(encoding="utf-8")
    assert [found[0] for pattern in FORBIDDEN for found in pattern.finditer(text)] == []


def test_the_writers_examples_show_nothing_of_their_machine() -> None:
    """The same holds for the examples."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "examples").iterdir()) if path.is_file()]
    assert [found[0] for text in texts for pattern in FORBIDDEN for found in pattern.finditer(text)] == []


def _words(text: str) -> list[str]:
    """Give the lines without their figures; results, which are JSON, as they are."""
    lines = [line for line in text.splitlines() if line.strip()]
    return [line if line.startswith("{") else " ".join(FIGURE.sub("#", line).split()) for line in lines]


def _leads_somewhere(page: Path, link: str) -> bool:
    path, _, heading = unquote(link).partition("#")
    target = (page.parent / path).resolve() if path else page
    return target.exists() and (not heading or heading in _anchors(target))


def _anchors(page: Path) -> set[str]:
    """Give the anchors that a forge makes of the headings: lower case, hyphens for spaces, no punctuation."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
