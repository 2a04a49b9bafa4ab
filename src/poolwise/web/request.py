"""What is sent for a page: the bytes of a GET, of which all but the path is the same for each page of a host."""

from __future__ import annotations

import functools

from poolwise.web.options import BREAKS
from poolwise.web.urls import Url

Lines = tuple[tuple[str, str], ...]


def request_bytes(url: Url, always: Lines, headers: Lines) -> bytes:
    """Write the request; of ``always`` and ``headers``, the latter have the last word. Raises ValueError.

    A URL has no space and no control character, and is ASCII (``urls.py``).
    """
    return f"GET {url.target} HTTP/1.1\r\n".encode("ascii") + _rest(url.origin, always, headers)


@functools.lru_cache(maxsize=256)
def _rest(origin: str, always: Lines, headers: Lines) -> bytes:
    """Write all but the first line; headers with conditions differ from page to page, and push others out."""
    lines = {"host": ("Host", origin.partition("://")[2])}
    for name, value in (*always, *headers):
        if any(each in name + value for each in BREAKS):
            raise ValueError(f"the header {name!r} cannot be sent: a line breaks in it")
        lines[name.lower()] = (name, value)
    return "".join([*(f"{name}: {value}\r\n" for name, value in lines.values()), "\r\n"]).encode()
