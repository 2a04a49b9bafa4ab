"""What is given to ``poolwise.fetch`` as a list of URLs, and what becomes of one that breaks."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

pytest.importorskip("aiohttp")
pytest.importorskip("protego")

import poolwise

# Nobody listens there: each page ends at once, and needs no server.
NOBODY = "http://127.0.0.1:1/"


def fetch(urls) -> list[str]:
    """Fetch what cannot be had; give the URLs of the records."""
    return [page.url for page in poolwise.fetch(urls, robots=False, retries=0, ordered=True)]


@pytest.mark.parametrize("url", [NOBODY, NOBODY.encode()], ids=["text", "bytes"])
@pytest.mark.timeout(60)
def test_one_url_is_a_list_of_one(url) -> None:
    """Of either kind: bytes are no list of numbers."""
    assert fetch(url) == [NOBODY]


@pytest.mark.timeout(60)
def test_a_list_that_breaks_ends_the_run_when_its_pages_are_there() -> None:
    """What the iterator raises comes out as it is, behind the records of what it gave before."""

    def broken() -> Iterator[str]:
        yield NOBODY
        yield f"{NOBODY}2"
        raise RuntimeError("the list is torn")

    pages = poolwise.fetch(broken(), robots=False, retries=0)
    assert sorted([next(pages).url, next(pages).url]) == [NOBODY, f"{NOBODY}2"]
    with pytest.raises(RuntimeError, match="the list is torn"):
        next(pages)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("poolwise")]


@pytest.mark.timeout(60)
def test_what_is_no_list_is_told() -> None:
    """As any function would."""
    with pytest.raises(TypeError, match="not iterable"):
        fetch(None)


@pytest.mark.timeout(60)
def test_names_that_nobody_answers_for_hold_up_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look-up may take many seconds: two dozen wait at a time, each of which goes on when all are there."""
    together = threading.Barrier(24)

    def look_up(*_: object, **__: object) -> None:
        together.wait(20)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    pages = poolwise.fetch([f"http://{number}.invalid/" for number in range(24)], robots=False, retries=0)
    assert [page.error.type for page in pages] == ["dns"] * 24
    assert not together.broken
