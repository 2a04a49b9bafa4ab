"""How the client gets a robots.txt: its beginning, whatever its length, and the status where there is none."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from typing import Final

from poolwise.errors import FetchError
from poolwise.model.classes import replace
from poolwise.model.units import Seconds
from poolwise.web.client import Client
from poolwise.web.options import Limits
from poolwise.web.robots import LEAST_REDIRECTS, MOST_BYTES, GetRobots
from poolwise.web.trouble import PASSING_STATUSES

# What a host has answered, though not with a file that could be had: its status says what that means.
ANSWERED: Final = frozenset({"status", "redirect", "redirects", "redirect_loop"})


# All pages of a host hang on this one answer. The first two waits of pages (settings.py): who is away for longer is
# asked again after a minute.
WAITS: Final[tuple[Seconds, ...]] = (0.5, 1.0)


class EnoughError(Exception):
    """The beginning is here, and the rest does not count."""


class Beginning:
    """A sink that keeps as much as counts, and one byte more, so that it is seen that there was more."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes, /) -> None:
        """Keep it; raises EnoughError at the limit."""
        self.data += data
        if len(self.data) > MOST_BYTES:
            raise EnoughError

    def finish(self) -> None:
        """There is no file."""

    def abandon(self) -> None:
        """What is here is kept."""


def robots_by(client: Client, limits: Limits | None = None) -> GetRobots:
    """Give what fetches a robots.txt by a client, within the ``limits`` of time that pages have; it raises FetchError.

    The limit of bytes is not that of pages: one below it would cut rules off.
    """
    own = replace(limits or Limits(), max_bytes=math.inf, max_redirects=LEAST_REDIRECTS)

    async def get(url: str) -> tuple[int, bytes]:
        taken = Beginning()

        def make(_status: int, _headers: Mapping[str, str], _final_url: str, /) -> Beginning:
            return taken

        try:
            page = await client.fetch(url, sink=make, limits=own)
        except EnoughError:
            return 200, bytes(taken.data)
        except FetchError as error:
            if error.page.error is None or error.page.error.type not in ANSWERED or error.status is None:
                raise
            return error.status, b""
        return page.status or 200, bytes(taken.data)

    return get


def patiently(get: GetRobots, waits: Sequence[Seconds] = WAITS) -> GetRobots:
    """Ask once more after each of some waits, where the answer may be another one by then."""

    async def get_again(url: str) -> tuple[int, bytes]:
        for wait_s in waits:
            try:
                status, body = await get(url)
            except FetchError as error:
                if not error.worth_retrying:
                    raise
            else:
                if status not in PASSING_STATUSES:
                    return status, body
            await asyncio.sleep(wait_s)
        return await get(url)

    return get_again
