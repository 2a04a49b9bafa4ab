"""Robots, files and conditions with the client, against a server on this machine."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

pytest.importorskip("aiohttp")
pytest.importorskip("protego")

from poolwise.web.client import Client
from poolwise.web.conditions import conditions, take_over
from poolwise.web.files import Folder
from poolwise.web.options import ClientOptions, Limits
from poolwise.web.robots import MOST_BYTES, Robots
from poolwise.web.robots_get import robots_by
from poolwise.web.sink import nowhere
from tests.web.far_side import WATCHDOG_S, far_side, page, told

SMALL = ClientOptions(limits=Limits(max_bytes=1000))


def ask_robots(answer: bytes, *paths: str) -> list[bool]:
    """Ask for some pages of a server that gives one answer to all."""

    async def run() -> list[bool]:
        async with asyncio.timeout(WATCHDOG_S), far_side(answer) as url, Client(SMALL) as client:
            robots = Robots(robots_by(client, SMALL.limits))
            return [(await robots.ask(url + path)).allowed for path in paths]

    return asyncio.run(run())


def test_a_file_counts_up_to_its_own_limit_and_not_that_of_pages() -> None:
    """What comes after 500 KiB is not read, and a rule before it counts, however small pages have to be."""
    rules = b"User-agent: *\n" + b"#" * 5000 + b"\nDisallow: /early\n" + b"#" * MOST_BYTES + b"\nDisallow: /late\n"
    assert ask_robots(page(rules), "/early", "/late") == [False, True]


@pytest.mark.parametrize(
    ("answer", "allowed"),
    [
        (page(b"", status="404 Not Found"), True),
        (page(b"", status="503 Service Unavailable"), False),
        (page(b"", "Location: /robots.txt", status="301 Moved"), True),
        (b"nonsense\r\n\r\n", False),
        (b"", False),
    ],
    ids=["none", "not now", "round and round", "no http", "dropped"],
)
def test_what_stands_for_a_file_that_cannot_be_had(answer: bytes, allowed) -> None:
    """An answer without a file allows all; no answer allows nothing."""
    assert ask_robots(answer, "/x") == [allowed]


def files_below(folder: Path) -> list[str]:
    """Name all that is no folder."""
    return [str(path) for path in folder.rglob("*") if path.is_file()]


def change(path: str, before: bytes, after: bytes) -> None:
    """Change a file that holds what is expected."""
    assert Path(path).read_bytes() == before
    Path(path).write_bytes(after)


def test_a_body_that_does_not_become_whole_leaves_no_file(tmp_path: Path) -> None:
    """Cut off in the middle, or cancelled."""
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"

    async def run() -> list[str | None]:
        async def hang(_: bytes, writer: asyncio.StreamWriter) -> None:
            writer.write(cut)
            await writer.drain()
            began.set()
            await asyncio.Event().wait()

        began = asyncio.Event()
        async with asyncio.timeout(WATCHDOG_S), far_side(cut) as url, far_side(hang) as slow, Client() as client:
            with Folder(tmp_path) as folder:
                found = await told(client, f"{url}/a.txt", sink=folder.sink_for(f"{url}/a.txt"))
                task = asyncio.create_task(client.fetch(f"{slow}/a.txt", sink=folder.sink_for(f"{slow}/a.txt")))
                await began.wait()
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                left = files_below(tmp_path)
        return [found.error.type, found.path, *left]

    assert asyncio.run(run()) == ["incomplete", None]


def test_a_page_that_has_not_changed_keeps_its_file(tmp_path: Path) -> None:
    """It is asked for with its ETag, and the record of the 304 tells of the file; one that was changed is fetched."""
    asked: list[bytes] = []

    async def answer(head: bytes, writer: asyncio.StreamWriter) -> None:
        asked.append(head)
        known = b'If-None-Match: "1"' in head
        writer.write(page(b"", 'ETag: "1"', status="304 Not Modified") if known else page(b"text", 'ETag: "1"'))

    async def run() -> None:
        async with asyncio.timeout(WATCHDOG_S), far_side(answer) as url, Client() as client:
            with Folder(tmp_path) as folder:
                first = await client.fetch(f"{url}/a.txt", sink=folder.sink_for(f"{url}/a.txt"))
                again = await client.fetch(
                    f"{url}/a.txt",
                    sink=folder.sink_for(f"{url}/a.txt"),
                    conditions=conditions(first, folder.holds),
                )
                record = take_over(first, again)
                assert (record.status, record.path, record.bytes) == (304, first.path, 4)
                assert conditions(record, folder.holds) == {"If-None-Match": '"1"'}
                change(first.path, b"text", b"cut")
                assert conditions(record, folder.holds) == {}

    asyncio.run(run())
    assert len(asked) == 2


def test_a_body_that_nobody_wants_is_counted() -> None:
    """The record tells how long it was."""

    async def run() -> None:
        async with asyncio.timeout(WATCHDOG_S), far_side(page(b"12345")) as url, Client() as client:
            found = await client.fetch(url, sink=nowhere)
            assert (found.bytes, found.path, found.body) == (5, None, None)

    asyncio.run(run())
