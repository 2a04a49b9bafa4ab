"""Servers on 127.0.0.1 that send what they are told to, byte for byte."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

from poolwise.errors import FetchError
from poolwise.web.client import Client
from poolwise.web.options import ClientOptions, Limits
from poolwise.web.record import Page

Deed = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
"""What a server does: it is given a request's head, and may write."""

# Far above what anything here takes: who hangs is stopped by it.
WATCHDOG_S = 20.0
TIGHT = Limits(
    connect_s=0.5,
    answer_s=0.2,
    read_s=0.2,
    whole_s=0.6,
    max_bytes=256 * 1024,
    max_header_line=4096,
    max_headers=32,
    max_header_bytes=16 * 1024,
    max_redirects=3,
)


@contextlib.asynccontextmanager
async def far_side(answer: bytes | Deed, *, keep: bool = False) -> AsyncIterator[str]:
    """Serve: bytes are sent as they are, then the connection is closed, unless ``keep`` waits for another request."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if isinstance(answer, bytes):
                    writer.write(answer)
                else:
                    await answer(head, writer)
                await writer.drain()
                if not keep:
                    break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def page(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """Write an answer as an honest server would."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def reset(writer: asyncio.StreamWriter) -> None:
    """Break the connection, so that the other side is told of a reset."""
    found = writer.get_extra_info("socket")
    found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def told(client: Client, url: str, **keywords: object) -> Page:
    """Fetch, and give the record, also where it says what went wrong."""
    try:
        return await client.fetch(url, **keywords)
    except FetchError as error:
        return error.page


def fetch_from(answer: bytes | Deed, path: str = "/", *, limits: Limits = TIGHT, **options: object) -> Page:
    """Fetch one page from a server of its own, while a well-behaved one is asked all the time, and undisturbed."""

    async def run() -> Page:
        async with (
            asyncio.timeout(WATCHDOG_S),
            far_side(answer) as url,
            far_side(page(b"good"), keep=True) as good,
            Client(ClientOptions(limits=limits, **options)) as client,
        ):
            done = asyncio.Event()
            neighbour = asyncio.create_task(_ask_on(client, good, done))
            found = await told(client, url + path)
            done.set()
            pages = await neighbour
        assert {each.body for each in pages} == {b"good"}
        return found

    return asyncio.run(run())


async def _ask_on(client: Client, url: str, done: asyncio.Event) -> list[Page]:
    """Fetch again and again, at least once."""
    pages = [await client.fetch(url)]
    while not done.is_set():
        pages.append(await client.fetch(url))
        await asyncio.sleep(0.005)
    return pages
