"""Fetching one page: what robots.txt says, whether it has changed, where it goes. The engine calls it for each."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Final

from poolwise.errors import FetchError
from poolwise.model.classes import replace
from poolwise.model.retry import as_retry
from poolwise.web.agent import product_token
from poolwise.web.client import NOT_MODIFIED, Client
from poolwise.web.conditions import conditions, take_over
from poolwise.web.files import FileError, Folder
from poolwise.web.record import Page, PageError
from poolwise.web.robots import Robots, Turns
from poolwise.web.robots_get import patiently, robots_by
from poolwise.web.settings import FetchOptions
from poolwise.web.targets import BadTarget, Target
from poolwise.web.trouble import Kind

# Names of hosts are looked up by threads that do nothing but wait, for ten seconds and more where a name server does
# not answer. The event loop's own are six on a machine with two cores, so that a few dead names hold up all the others.
NAMES_AT_ONCE: Final = 64


class Fetcher:
    """Fetches pages in one event loop: a coroutine function of a target, for the engine."""

    JOURNAL_NAME: Final = "poolwise:fetch"
    """What a journal knows it by: pages stay what they are whatever our code becomes."""

    def __init__(self, options: FetchOptions, folder: Folder | None) -> None:
        """Raises CallerError where the options cannot be used, and MissingExtraError without the extra ``fetch``."""
        for_client = options.for_client()
        self._client = Client(for_client)
        self._folder = folder
        self._robots: Robots | None = None
        if options.robots:
            get = robots_by(self._client, for_client.limits)
            # Who wants nothing tried again wants no waiting.
            self._robots = Robots(
                patiently(get) if as_retry(options.retries).retries else get, product_token(for_client.user_agent)
            )
        self._turns = Turns()
        self._plain = options.journal is not None and folder is not None
        """A journal's rows are to be JSON, which others can read; a body in memory is no such thing."""
        self._tries: dict[int, int] = {}
        """Times that a page could not be had, by its number, until it is there."""
        self.earlier: dict[str, Page] = {}
        """Pages that are there and are asked for again, by their URLs, until they have been."""

    async def open(self) -> None:
        """Be ready, in the event loop in which pages are fetched."""
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(NAMES_AT_ONCE, thread_name_prefix="poolwise-names"))
        await self._client.__aenter__()

    async def close(self) -> None:
        """Close all connections."""
        if self._robots is not None:
            await self._robots.close()
        await self._client.__aexit__(None, None, None)

    async def __call__(self, target: Target | BadTarget) -> Page | dict[str, Any]:
        """Fetch a page; raises FetchError, with its record, where it cannot be had, and StorageError."""
        if isinstance(target, BadTarget):
            raise failed(target, "address", target.reason)
        if self._robots is not None:
            ruling = self._robots.known(target.asked) or await self._robots.ask(target.asked)
            if not ruling.allowed:
                raise failed(target, "robots", ruling.reason or "robots.txt does not allow it")
            if ruling.delay_s:
                await asyncio.sleep(self._turns.take(target.key, ruling.delay_s, asyncio.get_running_loop().time()))
        earlier = self.earlier.get(target.url) if self.earlier else None
        try:
            page = await (self._fetch(target, {}) if earlier is None else self._fetch_again(target, earlier))
        except FetchError:
            self._tries[target.number] = self._tries.get(target.number, 0) + 1
            raise
        if self._tries and (before := self._tries.pop(target.number, 0)):
            page = replace(page, attempts=before + 1)
        return page.to_dict() if self._plain else page

    async def _fetch_again(self, target: Target, earlier: Page) -> Page:
        """Fetch a page only if it has changed."""
        asked = conditions(earlier, self._folder.holds) if self._folder is not None else {}
        page: Page | None = await self._fetch(target, asked)
        if page is not None and asked and page.status == NOT_MODIFIED:
            page = take_over(earlier, page)
        page = page or await self._fetch(target, {})
        self.earlier.pop(target.url, None)
        return page

    async def _fetch(self, target: Target, asked: Mapping[str, str]) -> Page:
        sink = self._folder.sink_for(target.asked) if self._folder is not None else None
        try:
            return await self._client.fetch(target, sink=sink, conditions=asked)
        except FileError as error:
            raise failed(target, "file", str(error.strerror or error)) from error


def failed(target: Target | BadTarget, kind: Kind, message: str) -> FetchError:
    """Make the error of a page that was not asked for, or could not be put away; to try again would not help."""
    url = target.url if isinstance(target, Target) else target.line
    at = datetime.now(UTC).isoformat()
    page = Page(url=url, number=target.number, error=PageError(kind, message), fetched_at=at)
    return FetchError(page, worth_retrying=False)
