"""What the demo computes and fetches, as a reader of an article would write it.

The functions stand in a module of their own, so that worker processes can import them however they were started.
"""

from __future__ import annotations

import urllib.request
import zlib

from poolwise.model.classes import frozen

# The pages lie on this machine. A proxy that the environment names (http_proxy) knows another 127.0.0.1 than we do and
# would answer with an error page, so that no proxy is used; otherwise this is what urlopen does.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
# The server answers within 0.12 s; a machine that is a hundred times slower than that is stuck.
PATIENCE_S = 15.0
# Pages of 6 to 22 KB, as web pages without their pictures are.
LINES = 150
MORE_LINES = 400


@frozen
class Page:
    """What is kept of a page that was fetched: enough to tell whether it is the right one."""

    length: int
    checksum: int


def fetch_page(url: str) -> Page:
    """Fetch a page; nearly all of its time is spent waiting for the server."""
    with OPENER.open(url, timeout=PATIENCE_S) as response:
        return describe(response.read())


def describe(body: bytes) -> Page:
    """Give the length and the checksum of a page."""
    return Page(len(body), zlib.crc32(body))


def page_body(number: int) -> bytes:
    """Write the page ``number``: the same text whenever and wherever it is asked for."""
    lines = LINES + 37 * number % MORE_LINES
    text = "".join(f"<p>Page {number}, paragraph {line}: {line * number}</p>\n" for line in range(lines))
    return f"<!doctype html><title>Page {number}</title>\n{text}".encode()


def is_prime(number: int) -> bool:
    """Tell whether ``number`` is prime: trial division by odd numbers up to the root; nothing but computing."""
    if number < 2 or number % 2 == 0:  # noqa: PLR2004 - the even prime
        return number == 2  # noqa: PLR2004 - the even prime
    divisor = 3
    while divisor * divisor <= number:
        if number % divisor == 0:
            return False
        divisor += 2
    return True
