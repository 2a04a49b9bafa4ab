"""Debian's chromium, driven by Playwright; where one of them is missing these tests skip and say how to get it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Longer than a busy machine takes to start a browser; a page is there in milliseconds.
PATIENCE_MS = 30_000


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """Start one browser for all tests of a module."""
    if CHROMIUM is None:
        pytest.skip("no chromium here: `make browser` installs it")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright comes with the dev extra")
    # Its sandbox refuses to run as root, which containers do; what it opens here is our own.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=CHROMIUM, args=arguments, timeout=PATIENCE_MS)
        yield running
        running.close()


@pytest.fixture
def look(browser, tmp_path: Path) -> Callable[..., object]:
    """Give a function that opens a page from disk and notes all that it says and asks for."""

    @contextmanager
    def open_page(html: str, *, width: int = 1280, scheme: str = "light") -> Iterator[SimpleNamespace]:
        file = tmp_path / "page.html"
        file.write_text(html, encoding="utf-8")
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        page = context.new_page()
        seen = SimpleNamespace(page=page, said=[], asked=[], dialogs=[])
        page.on("console", lambda message: seen.said.append(message.text))
        page.on("pageerror", lambda error: seen.said.append(str(error)))
        page.on("request", lambda request: seen.asked.append(request.url))
        page.on("dialog", lambda dialog: (seen.dialogs.append(dialog.message), dialog.dismiss()))
        page.goto(file.as_uri(), timeout=PATIENCE_MS)
        try:
            yield seen
            assert seen.said == []
            assert seen.asked == [file.as_uri()]
            assert seen.dialogs == []
        finally:
            context.close()

    return open_page
