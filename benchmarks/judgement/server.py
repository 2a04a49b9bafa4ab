"""The far side: an HTTP server in a process of its own, on 127.0.0.1, that takes its time and has its limits.

Run: ``python -m benchmarks.judgement.server '{"latency_s": 0.05, "beyond": "503", "limit": 16}'`` prints its port.
It ends when its standard input is closed, so that it never outlives who started it.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys

from benchmarks.judgement.case import Server

# More connections than any way opens at once; with fewer, the kernel would make clients wait for a second.
BACKLOG = 2048
BUSY = {"503": "503 Service Unavailable", "429": "429 Too Many Requests"}


class Site:
    """Answers ``GET /<number>`` with the number's square, after a while."""

    def __init__(self, server: Server) -> None:
        """Serve with this latency and limit."""
        self._server = server
        self._at_once = 0
        self._places = asyncio.Semaphore(server.limit)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and close the connection."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            number = int(head.split(b" ", 2)[1].lstrip(b"/"))
            writer.write(await self._answer(number))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # a client that went away wants no answer
        finally:
            writer.close()

    async def _answer(self, number: int) -> bytes:
        server = self._server
        if server.beyond in BUSY and self._at_once >= server.limit:
            return _response(BUSY[server.beyond], {"error": "too many requests at once"})
        self._at_once += 1
        try:
            if server.beyond == "queues":
                async with self._places:
                    await asyncio.sleep(server.latency_s)
            else:
                await asyncio.sleep(self._latency_s())
        finally:
            self._at_once -= 1
        return _response("200 OK", {"number": number, "square": number * number})

    def _latency_s(self) -> float:
        """Slow down as an overloaded machine does: beyond the limit, more at once get less done in all."""
        server = self._server
        load = max(1.0, self._at_once / server.limit) if server.beyond == "slows" else 1.0
        return server.latency_s * load * math.sqrt(load)


def _response(status: str, body: dict[str, object]) -> bytes:
    content = json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + content


async def main(server: Server) -> None:
    """Serve until standard input is closed."""
    listening = await asyncio.start_server(Site(server).serve, "127.0.0.1", 0, backlog=BACKLOG)
    print(listening.sockets[0].getsockname()[1], flush=True)
    async with listening:
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(Server(**json.loads(sys.argv[1]))))
