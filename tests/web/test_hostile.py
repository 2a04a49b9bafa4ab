"""Whatever a server does: one record with a clear error, within the limits, and others are not disturbed."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from poolwise.web.client import Client
from poolwise.web.options import ClientOptions
from poolwise.web.trouble import KINDS
from tests.web.far_side import TIGHT, far_side, fetch_from, page, reset, told
from tests.web.hostile import HOSTILE, TOLERATED


@pytest.mark.parametrize("name", HOSTILE)
def test_ends_in_a_record(name):
    """Each deed of the corpus ends in a record that says what was wrong, and takes no more than it may."""
    answer, kind = HOSTILE[name]
    page = fetch_from(answer)
    assert (page.error.type, page.ok) == (kind, False), page
    assert page.bytes <= TIGHT.max_bytes + 256 * 1024
    assert page.body is None


def test_the_corpus_has_the_words_that_exist():
    """No case of the corpus expects a word that no record says."""
    assert {kind for _, kind in HOSTILE.values()} <= set(KINDS)


@pytest.mark.parametrize("name", TOLERATED)
def test_takes_what_browsers_take(name):
    """What is odd and yet clear is fetched."""
    answer, body = TOLERATED[name]
    found = fetch_from(answer)
    assert (found.error, found.body) == (None, body)
    assert found.bytes == len(body)


@pytest.mark.parametrize("ending", ["closed", "reset"])
@pytest.mark.parametrize("form", ["length", "chunks", "gzip"])
def test_a_connection_may_end_at_each_byte(ending, form):
    """Wherever the connection ends, the record says that the page is not whole; another try may mend it."""
    whole = {
        "length": page(b"hello", "X: y"),
        "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "gzip": page(gzip.compress(b"hello"), "Content-Encoding: gzip"),
    }[form]
    places = iter(range(len(whole)))

    async def deed(_head, writer):
        writer.write(whole[: next(places)])
        await writer.drain()
        if ending == "reset":
            await asyncio.sleep(0)
            reset(writer)

    async def run():
        async with far_side(deed) as url, Client(ClientOptions(limits=TIGHT)) as client:
            return [await told(client, url) for _ in whole]

    pages = asyncio.run(run())
    begins = whole.index(b"\r\n\r\n") + 4
    assert {each.error.type for each in pages[:begins]} == {"dropped"}
    assert {each.error.type for each in pages[begins:]} <= {"incomplete", "dropped"}
    assert {each.status for each in pages[:begins]} == {None}
