"""Coroutine functions: that wait, that compute, that do both."""

from __future__ import annotations

import asyncio
import json
import urllib.parse

from benchmarks.judgement.case import Case, Server, url
from benchmarks.judgement.cases.spinning import milliseconds


async def nap_10ms(item: int) -> int:
    """Wait for 10 ms."""
    await asyncio.sleep(0.01)
    return item


async def nap_200ms(item: int) -> int:
    """Wait for 200 ms."""
    await asyncio.sleep(0.2)
    return item


async def compute_2ms(item: int) -> int:
    """Compute for 2 ms and wait for nothing."""
    return milliseconds(2, item)


async def do_both(item: int) -> int:
    """Wait for 10 ms, compute for 2 ms."""
    await asyncio.sleep(0.01)
    return milliseconds(2, item)


async def do_little(item: int) -> int:
    """Do next to nothing."""
    return item + 1


async def fetch(number: int) -> int:
    """Fetch a page by hand."""
    address = urllib.parse.urlsplit(url())
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(f"GET /{number} HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n\r\n".encode())
    content = await reader.read()
    writer.close()
    return int(json.loads(content.partition(b"\r\n\r\n")[2])["square"])


CASES = (
    Case(name="coroutine, wait 10 ms", function=nap_10ms, count=1000, coroutine=True),
    Case(name="coroutine, wait 200 ms", function=nap_200ms, count=200, coroutine=True),
    Case(name="coroutine, compute 2 ms", function=compute_2ms, count=200, coroutine=True),
    Case(name="coroutine, wait 10 ms, compute 2 ms", function=do_both, count=200, coroutine=True),
    Case(name="coroutine, next to nothing", function=do_little, count=20_000, coroutine=True),
    Case(name="coroutine, HTTP 50 ms", function=fetch, count=400, coroutine=True, server=Server(latency_s=0.05)),
    Case(
        name="coroutine, HTTP 20 ms, slows beyond 16",
        function=fetch,
        count=200,
        coroutine=True,
        server=Server(latency_s=0.02, beyond="slows", limit=16),
    ),
)
