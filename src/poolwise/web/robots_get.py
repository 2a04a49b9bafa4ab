"""How the client gets a robots.txt: its beginning, whatever its length, and the status where there is none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from poolwise.errors import FetchError
from poolwise.model.classes import replace
from poolwise.web.client import Client
from poolwise.web.options import Limits
from poolwise.web.robots import LEAST_REDIRECTS, MOST_BYTES, GetRobots

# What a host has answered, though not with a file that could be had: its status says what that means.
ANSWERED: Final = frozenset({"status", "redirect", "redirects", "redirect_loop"})


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
