"""A run of ``poolwise fetch`` that is struck: a slow server, whose log says what was asked for and how often."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.kill.scene import LOOK_EVERY_S, Scene

# A page comes in so many pieces, with a pause before each: most strikes hit some in the middle.
PIECES = 3
# Whoever is killed leaves connections that the server hears of within milliseconds.
QUIET_S = 20
BARRIER = "barrier"


def body(number: int) -> bytes:
    """Give a page: none is like another, nor as long."""
    return random.Random(number).randbytes(500 + number * 37 % 9000)


def pause_s(number: int) -> float:
    """Say how long each piece of a page takes."""
    return 0.001 * (1 + number * 7 % 6)


@dataclass
class Server:
    """Serves ``/page/NUMBER`` on 127.0.0.1, from a thread of its own."""

    asked: list[int] = field(default_factory=list)
    """The pages that were asked for, in order."""
    port: int = 0
    open: int = 0
    """Connections."""
    loop: asyncio.AbstractEventLoop = field(init=False)
    over: asyncio.Event = field(init=False)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request after another."""
        self.open += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    await self._answer(head.split()[1].decode(), writer)
        finally:
            self.open -= 1
            writer.close()

    async def _answer(self, path: str, writer: asyncio.StreamWriter) -> None:
        name = path.rpartition("/")[2]
        if not name.isdigit():
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        number = int(name)
        self.asked.append(number)
        whole = body(number)
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(whole)}\r\n\r\n".encode())
        size = -(-len(whole) // PIECES)
        for start in range(0, len(whole), size):
            await asyncio.sleep(pause_s(number))
            writer.write(whole[start : start + size])
            await writer.drain()

    def settle(self) -> None:
        """Have everything logged that somebody who is gone has asked for."""
        # Connections are taken in the order in which they came.
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{BARRIER}", timeout=QUIET_S).close()
        deadline = time.monotonic() + QUIET_S
        while self.open and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY_S)


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """Serve meanwhile."""
    server, ready = Server(), threading.Event()

    async def live() -> None:
        server.loop, server.over = asyncio.get_running_loop(), asyncio.Event()
        async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
            server.port = listening.sockets[0].getsockname()[1]
            ready.set()
            await server.over.wait()

    thread = threading.Thread(target=asyncio.run, args=(live(),))
    thread.start()
    ready.wait()
    try:
        yield server
    finally:
        server.loop.call_soon_threadsafe(server.over.set)
        thread.join()


@dataclass(kw_only=True)
class Pages(Scene):
    """``poolwise fetch`` with a journal and a folder, until every page is there."""

    server: Server
    starts: int = 0

    def command(self) -> list[str]:
        """Have each run write its records into a file of its own."""
        urls = self.folder / "urls.txt"
        urls.write_text("".join(f"http://127.0.0.1:{self.server.port}/page/{item}\n" for item in range(self.items)))
        self.starts += 1
        command = [sys.executable, "-m", "poolwise", "fetch", urls, "-d", self._pages, "-o", self._records]
        return [*map(str, command), "--journal", str(self.journal), "--retries", "0"]

    @property
    def _pages(self) -> Path:
        return self.folder / "pages"

    @property
    def _records(self) -> Path:
        return self.folder / f"records-{self.starts}.jsonl"

    def number(self, item: str) -> int:
        """Items are known by their URLs."""
        return int(item.rpartition("/")[2].strip(chr(34)))

    def begun(self) -> list[int]:
        """Ask the server."""
        return list(self.server.asked)

    def given(self) -> list[int]:
        """Read the records of this run; the last line may have been cut off."""
        return [self.number(record["url"]) for record in self._read()]

    def _read(self) -> list[dict]:
        if not self._records.exists():
            return []
        return [json.loads(line) for line in self._records.read_text().splitlines(keepends=True) if line[-1] == "\n"]

    def left_s(self) -> float:
        """Some come at a time, and more and more of them."""
        return sum(PIECES * pause_s(item) for item in range(self.items) if item not in self.kept()) / 6

    def compare(self) -> None:
        """Each page has one record and one file, with what the server has sent, and there is nothing else."""
        records = {self.number(record["url"]): record for record in self._read()}
        if sorted(records) != list(range(self.items)) or len(self._read()) != self.items:
            self.problems.append(f"there are {len(self._read())} records of {len(records)} pages: {self._said()}")
        for number, record in records.items():
            if record["error"] is not None or record["status"] != 200:
                self.problems.append(f"page {number}: {record}")
            elif Path(record["path"]).read_bytes() != body(number):
                self.problems.append(f"page {number} is not what was sent")
        files = {path.resolve() for path in self._pages.rglob("*") if path.is_file()}
        named = {Path(record["path"]).resolve() for record in records.values() if record["path"]}
        if files != named:
            self.problems.append(f"files that are no pages: {sorted(map(str, files - named))}")
        if parts := list(self._pages.glob(".part-*")):
            self.problems.append(f"folders for parts are left: {parts}")

    def _end(self, program) -> None:
        super()._end(program)
        self.server.settle()
