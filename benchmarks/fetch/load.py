"""How quick the server is: a client that does next to nothing asks it over many connections.

Run: ``python -m benchmarks.fetch.load [--connections 500] [--requests 50000]``. What counts is the server's own CPU
time per request: it says how many it could serve on one core, whatever this client can ask.
"""

from __future__ import annotations

import argparse
import asyncio
import time

from benchmarks.fetch.server import Settings
from benchmarks.fetch.serving import served, status_of


class Asking(asyncio.Protocol):
    """One connection, which asks for page after page while any are left."""

    left = 0
    under_way = 0

    def __init__(self, ended: asyncio.Future[None]) -> None:
        """Tell ``ended`` when the last answer of all has come."""
        self._ended, self._got, self._size = ended, 0, 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask at once."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        if Asking.left:
            Asking.left -= 1
            Asking.under_way += 1
            self._got = self._size = 0
            self._transport.write(b"GET /page/%d HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % Asking.left)
        elif not Asking.under_way and not self._ended.done():
            self._ended.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Count what has come of an answer."""
        if not self._size:
            head = data.index(b"\r\n\r\n") + 4
            length = data.index(b"Content-Length: ") + 16
            self._size = head + int(data[length : data.index(b"\r\n", length)])
        self._got += len(data)
        if self._got == self._size:
            Asking.under_way -= 1
            self._ask()


async def ask(port: int, connections: int, requests: int) -> float:
    """Ask for so many pages; give what that took, in seconds."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    Asking.left = requests
    begun = time.perf_counter()
    for _ in range(connections):
        await loop.create_connection(lambda: Asking(ended), "127.0.0.1", port)
    await ended
    return time.perf_counter() - begun


def main() -> None:
    """Ask, and tell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--connections", type=int, default=500)
    parser.add_argument("--requests", type=int, default=50_000)
    arguments = parser.parse_args()
    with served(Settings()) as port:
        idle_s = status_of(port).cpu_s
        wall_s = asyncio.run(ask(port, arguments.connections, arguments.requests))
        status = status_of(port)
    each_s = (status.cpu_s - idle_s) / status.requests
    print(
        f"{status.requests:,} requests over {status.connections - 2} connections in {wall_s:.2f} s: "
        f"{status.requests / wall_s:,.0f}/s, at most {status.most_at_once} at a time\n"
        f"the server takes {each_s * 1e6:.0f} µs of CPU for each: it could serve {1 / each_s:,.0f}/s on one core"
    )


if __name__ == "__main__":
    main()
