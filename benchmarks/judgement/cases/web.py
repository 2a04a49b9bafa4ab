"""Web pages, from servers that have their limits. A client that is refused tries again, as clients do."""

from __future__ import annotations

import gzip
import json
import random
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from benchmarks.judgement.case import Case, Server, url
from benchmarks.judgement.cases.spinning import milliseconds

TRIES = 12
BUSY = (429, 503)


def get(number: int) -> int:
    """Fetch a page once."""
    with urllib.request.urlopen(f"{url()}/{number}", timeout=30) as answer:  # noqa: S310 - our own server
        content: dict[str, Any] = json.load(answer)
    return int(content["square"])


def get_patiently(number: int) -> int:
    """Fetch a page; where the server is busy, wait a while, twice as long each time, and try again."""
    for attempt in range(TRIES):
        try:
            return get(number)
        except urllib.error.HTTPError as error:
            if error.code not in BUSY:
                raise
        time.sleep(0.02 * 2 ** min(attempt, 5) * random.uniform(0.5, 1.5))
    raise TimeoutError(f"the server was busy {TRIES} times")


def get_and_parse(number: int) -> tuple[int, int]:
    """Fetch a page and compute on what came for 2 ms."""
    return get(number), milliseconds(2, number)


def download_and_store(number: int) -> int:
    """Fetch a page, make a larger document of it, pack it, and store it in the current folder."""
    square = get(number)
    document = json.dumps([{"number": number, "square": square, "row": row} for row in range(500)])
    return Path(f"page-{number}.json.gz").write_bytes(gzip.compress(document.encode(), mtime=0))


def check(results: list[int]) -> str:
    """Look whether each page is the right one."""
    return "" if results == [number**2 for number in range(len(results))] else "wrong pages"


def case(name: str, count: int, **server: Any) -> Case:
    """Give the case of a server."""
    patient = server.get("beyond") in {"503", "429"}
    return Case(
        name=name, function=get_patiently if patient else get, count=count, server=Server(**server), check=check
    )


CASES = (
    case("HTTP 5 ms", 300, latency_s=0.005),
    case("HTTP 50 ms", 200, latency_s=0.05),
    case("HTTP 300 ms", 100, latency_s=0.3),
    case("HTTP 300 ms, 4 items", 4, latency_s=0.3),
    case("HTTP 30 ms, a queue beyond 8", 160, latency_s=0.03, beyond="queues", limit=8),
    case("HTTP 30 ms, slows beyond 8", 120, latency_s=0.03, beyond="slows", limit=8),
    case("HTTP 40 ms, 503 beyond 24", 200, latency_s=0.04, beyond="503", limit=24),
    case("HTTP 30 ms, 429 beyond 6", 80, latency_s=0.03, beyond="429", limit=6),
    Case(name="HTTP 50 ms, compute 2 ms", function=get_and_parse, count=150, server=Server(latency_s=0.05)),
    Case(name="HTTP 20 ms, pack and store", function=download_and_store, count=150, server=Server(latency_s=0.02)),
)
