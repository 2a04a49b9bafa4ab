"""The peer: what somebody who knows aiohttp well would write for this one job, with a number of tasks chosen by hand.

Run: ``python -m benchmarks.fetch.programs.by_hand URLS FOLDER TASKS``. One session, one connection for each task, each
task takes the next URL from one iterator (the quickest form: no semaphore, no list of 10,000 tasks). A refused request
is asked again after a short wait that doubles, with jitter, as all such programs do.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp

BUSY = frozenset({429, 503})
FIRST_WAIT_S = 0.05
LONGEST_WAIT_S = 2.0


async def fetch(session: aiohttp.ClientSession, url: str) -> bytes:
    """Get a page, however often it is refused."""
    wait_s = FIRST_WAIT_S
    while True:
        async with session.get(url) as answer:
            if answer.status not in BUSY:
                answer.raise_for_status()
                return await answer.read()
        await asyncio.sleep(wait_s * random.uniform(0.5, 1.5))
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)


async def work(session: aiohttp.ClientSession, urls: Iterator[tuple[int, str]], folder: Path) -> None:
    """Fetch and keep what the others have not taken."""
    for number, url in urls:
        body = await fetch(session, url)
        (folder / f"{number}.html").write_bytes(body)


async def main(urls: list[str], folder: Path, tasks: int) -> None:
    """Fetch all with so many tasks."""
    lines = enumerate(urls)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        await asyncio.gather(*(work(session, lines, folder) for _ in range(tasks)))


if __name__ == "__main__":
    place = Path(sys.argv[2])
    place.mkdir()
    asyncio.run(main(Path(sys.argv[1]).read_text().split(), place, int(sys.argv[3])))
