"""Poolwise, where the caller brings the coroutine function: what the engine adds to bare aiohttp.

Run: ``python -m benchmarks.fetch.programs.mapped URLS FOLDER VERB [TASKS [CHUNKSIZE]]``. The function is the peer's,
with the session made when it is first called: all calls run in one event loop. With TASKS the backend is given.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import aiohttp

import poolwise
from benchmarks.fetch.programs.by_hand import fetch


class Fetcher:
    """Fetches pages over one session."""

    def __init__(self, folder: Path) -> None:
        """Keep pages in this folder."""
        self._folder = folder
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, numbered: tuple[int, str]) -> int:
        """Fetch and keep a page, and give its size."""
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        number, url = numbered
        body = await fetch(self._session, url)
        return (self._folder / f"{number}.html").write_bytes(body)


def main(urls: Path, folder: Path, verb: str, tasks: int | None, chunksize: int | None) -> None:
    """Fetch all, and leave the session open: its loop is gone by then, as it is for any caller."""
    folder.mkdir()
    fetcher = Fetcher(folder)

    async def one(numbered: tuple[int, str]) -> int:
        return await fetcher(numbered)

    lines = enumerate(urls.read_text().split())
    given: dict[str, Any] = {"backend": "asyncio", "max_workers": tasks} if tasks else {}
    options = {**given, "chunksize": chunksize, "progress": False}
    if verb == "map":
        poolwise.map(one, list(lines), **options)
    else:
        for _ in poolwise.imap(one, lines, ordered=False, **options):
            pass


if __name__ == "__main__":
    main(
        Path(sys.argv[1]),
        Path(sys.argv[2]),
        sys.argv[3],
        int(sys.argv[4]) if len(sys.argv) > 4 else None,
        int(sys.argv[5]) if len(sys.argv) > 5 else None,
    )
