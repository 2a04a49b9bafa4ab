"""Lines → what is to be fetched, one by one; a line that is wrong is told with its number, and costs nothing else."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from poolwise.model.classes import field, frozen
from poolwise.web.urls import LONGEST, BadUrlError, Url, parse_url

# Of a bad line, so much is shown.
SHOWN: Final = 100
# In bytes: a character may have four; what is longer is no URL, and is not kept in memory to say so.
LONGEST_LINE: Final = 4 * LONGEST
UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# A name and password before the host, also where the scheme is missing or lacks a slash.
_SECRET: Final = re.compile(r"(^(?:[a-zA-Z]+:/?(?!/))?|//)[^/?#\s]*@")


@frozen
class Target:
    """A URL to fetch."""

    url: str  # as it is asked for: ASCII, without a fragment
    key: str  # whom it asks, for limits and rates: scheme://host:port
    number: int  # of its line, from 1
    line: str  # as it was written
    parsed: Url | None = field(default=None, compare=False, repr=False)  # the URL, where it was read here

    @property
    def asked(self) -> Url:
        """The URL, read."""
        return self.parsed or parse_url(self.url)


@frozen
class BadTarget:
    """A line that is no URL."""

    number: int  # of the line, from 1
    line: str  # what stands there, shortened; control characters escaped, a password left out
    reason: str  # what is wrong with it, and what to write instead

    def __str__(self) -> str:
        """Say it in a line."""
        return f"line {self.number}: {self.line}: {self.reason}"


def read_targets(lines: Iterable[str | bytes]) -> Iterator[Target | BadTarget]:
    """Give a target for each line, in order, as they are asked for; empty lines and those that begin with # are none.

    ``lines`` may be an open file, of text or of bytes (then UTF-8, with or without a byte order mark), or any texts.
    Nothing is kept of a line that has been given. Raises what ``lines`` raises, and MissingExtraError (``parse_url``).
    """
    for number, line in enumerate(lines, 1):
        target = read_target(line, number)
        if target is not None:
            yield target


def read_target(line: str | bytes, number: int = 1) -> Target | BadTarget | None:
    """Read one line; None where there is nothing to read: an empty line, a comment."""
    try:
        text = _decode(line, number)
    except BadUrlError as error:
        return BadTarget(number, _show(repr(line)), str(error))
    text = text.strip()
    if not text or text.startswith("#"):
        return None
    try:
        url = parse_url(text)
    except BadUrlError as error:
        return BadTarget(number, _show(text), _SECRET.sub(r"\1…@", str(error)))
    return Target(str(url), url.key, number, text, url)


def _decode(line: str | bytes, number: int) -> str:
    if isinstance(line, str):
        text = line
    elif isinstance(line, bytes):
        if number == 1 and line.startswith(UTF16):
            raise BadUrlError("the file is UTF-16, and has to be UTF-8")
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            raise BadUrlError(f"no UTF-8 at byte {error.start + 1}: write it in UTF-8, or percent-encoded") from None
    else:
        raise BadUrlError(f"a URL is text, and this is of type {type(line).__name__}")
    return text.removeprefix("\ufeff") if number == 1 else text


def _show(text: str) -> str:
    """Give the beginning of a line, so that it does nothing to a terminal and tells no password."""
    text = _SECRET.sub(r"\1…@", text[: 2 * SHOWN])
    text = text if len(text) <= SHOWN else text[:SHOWN] + "…"
    return "".join(ch if ch.isprintable() else ascii(ch)[1:-1] for ch in text)


def lines_of(stream: BinaryIO) -> Iterator[bytes]:
    """Give the lines of a file; of one that is too long to be a URL only the beginning, whatever its length."""
    while line := stream.readline(LONGEST_LINE):
        rest = line
        while not rest.endswith(b"\n") and rest:
            rest = stream.readline(LONGEST_LINE)
        yield line
