"""The far side: a very quick HTTP/1.1 server in a process of its own, on 127.0.0.1, that answers after a while.

Run: ``python -m benchmarks.fetch.server '{"mode": "refuses"}'`` prints its port; it ends when its standard input is
closed, so that it never outlives who started it. ``GET /page/<number>`` gives a page, ``GET /-/status`` what it has
counted (as JSON), and robots.txt lets everybody in.

It must be quicker than any client in Python, so it parses just enough of a request, and keeps one queue of answers:
whatever the mode, an answer is due no sooner than the one before it, so that one timer serves all.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass

from benchmarks.fetch.pages import page

# More connections than any way opens at once; with fewer, the kernel would make clients wait for a second.
BACKLOG = 4096
ROBOTS = b"User-agent: *\nAllow: /\n"


@dataclass(frozen=True, slots=True)
class Mode:
    """How a server treats more requests at a time than ``limit``."""

    name: str
    about: str
    refusal: bytes = b""
    """Status and headers of the answer to those beyond the limit; empty: none is refused."""
    queues: bool = False
    """Those beyond the limit wait for one of ``limit`` places."""


MODES = {
    mode.name: mode
    for mode in (
        Mode("steady", "answers after 50 ms, however many ask"),
        Mode("refuses", "429 to those beyond 24 at a time", b"429 Too Many Requests\r\n"),
        Mode("refuses-after", "the same with Retry-After: 1", b"429 Too Many Requests\r\nRetry-After: 1\r\n"),
        Mode("unavailable", "503 to those beyond 24 at a time", b"503 Service Unavailable\r\n"),
        Mode("slows", "24 places of 50 ms each, and a queue before them", queues=True),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a server is started with."""

    mode: str = "steady"
    latency_s: float = 0.05
    limit: int = 24


@dataclass(slots=True)
class Status:
    """What a server has counted; the highest number at a time is that of requests that were taken on."""

    requests: int = 0
    refused: int = 0
    most_at_once: int = 0
    connections: int = 0
    cpu_s: float = 0.0


class Site:
    """All connections together: what is due when, and what was counted."""

    def __init__(self, settings: Settings) -> None:
        """Serve in this way."""
        self.status = Status()
        self._settings, self._mode = settings, MODES[settings.mode]
        self._loop = asyncio.get_running_loop()
        self._due: deque[tuple[float, Callable[[bytes], object], int]] = deque()
        self._ends: deque[float] = deque([0.0] * settings.limit, maxlen=settings.limit)
        self._timer: asyncio.TimerHandle | None = None

    def ask(self, write: Callable[[bytes], object], path: bytes) -> None:
        """Take a request on; ``write`` is called with the answer when it is due."""
        if not path.startswith(b"/page/"):
            write(self._aside(path))
            return
        status, mode = self.status, self._mode
        status.requests += 1
        if mode.refusal and len(self._due) >= self._settings.limit:
            status.refused += 1
            write(_answer(mode.refusal, b"too many at a time\n"))
            return
        self._due.append((self._when(), write, int(path[6:])))
        status.most_at_once = max(status.most_at_once, len(self._due))
        if self._timer is None:
            self._timer = self._loop.call_at(self._due[0][0], self._serve_due)

    def _aside(self, path: bytes) -> bytes:
        """Answer what is not counted."""
        if path == b"/-/status":
            self.status.cpu_s = time.process_time()
            return _answer(b"200 OK\r\nContent-Type: application/json\r\n", json.dumps(asdict(self.status)).encode())
        if path == b"/robots.txt":
            return _answer(b"200 OK\r\nContent-Type: text/plain\r\n", ROBOTS)
        return _answer(b"404 Not Found\r\n", b"no such page\n")

    def _when(self) -> float:
        """Say when the next answer is due: where places are few, after the one that has to leave its place for it."""
        now = self._loop.time()
        if not self._mode.queues:
            return now + self._settings.latency_s
        self._ends.append(max(now, self._ends[0]) + self._settings.latency_s)
        return self._ends[-1]

    def _serve_due(self) -> None:
        due, now = self._due, self._loop.time()
        while due and due[0][0] <= now:
            _, write, number = due.popleft()
            write(_answer(b"200 OK\r\nContent-Type: text/html\r\n", page(number)))
        self._timer = self._loop.call_at(due[0][0], self._serve_due) if due else None


class Connection(asyncio.Protocol):
    """One client's connection: requests without a body, one after another."""

    def __init__(self, site: Site) -> None:
        """Belong to this site."""
        self._site = site
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what answers are written to."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._site.status.connections += 1

    def data_received(self, data: bytes) -> None:
        """Take on the requests that are there as a whole."""
        data = self._rest + data if self._rest else data
        while (end := data.find(b"\r\n\r\n")) >= 0:
            begin = data.index(b" ") + 1
            self._site.ask(self._write, data[begin : data.index(b" ", begin)])
            data = data[end + 4 :]
        self._rest = data

    def _write(self, answer: bytes) -> None:
        """Answer, if the client is still there."""
        if not self._transport.is_closing():
            self._transport.write(answer)


def _answer(head: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 %bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)


async def main(settings: Settings) -> None:
    """Serve until standard input is closed."""
    site, loop = Site(settings), asyncio.get_running_loop()
    listening = await loop.create_server(lambda: Connection(site), "127.0.0.1", 0, backlog=BACKLOG)
    print(listening.sockets[0].getsockname()[1], flush=True)
    async with listening:
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(Settings(**json.loads(sys.argv[1]))))
