"""Asking whether a page has changed since it was fetched: which headers ask so, and what the answer means.

A page is asked for with a condition where an earlier record tells of a whole file that is still there. Both conditions
are sent, as RFC 9110 (13.1) has it: who knows ``If-None-Match`` ignores ``If-Modified-Since``. They are the server's
own words, given back as they are; a weak ``ETag`` is good enough, for a whole page is asked for and not a part of one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from poolwise.model.classes import replace
from poolwise.model.units import Bytes

OK: Final = 200
NOT_MODIFIED: Final = 304
_ETAG: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')  # RFC 9110, 8.8.3
_DATE: Final = re.compile(r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT")  # 5.6.7
# What a 304 says of these is of its own message, which has no body, and not of the page (RFC 9111, 3.2).
OF_THE_MESSAGE: Final = frozenset(
    {
        *("connection", "content-encoding", "content-length", "content-range", "content-type", "keep-alive"),
        *("proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"),
    }
)


class Record(Protocol):
    """What is known of a page that was fetched."""

    @property
    def status(self) -> int | None:
        """The status of the last answer."""
        ...

    @property
    def final_url(self) -> str | None:
        """Where it came from, after redirects."""
        ...

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The headers, in the answer's order."""
        ...

    @property
    def bytes(self) -> Bytes:
        """The bytes of its body."""
        ...

    @property
    def path(self) -> str | None:
        """The file that holds it."""
        ...

    @property
    def ok(self) -> bool:
        """Whether it is there, whole."""
        ...


RecordT = TypeVar("RecordT", bound=Record)


def conditions(earlier: Record, holds: Callable[[str, Bytes], bool]) -> dict[str, str]:
    """Give the headers that ask for a page only if it has changed; none where it has to be fetched anyway.

    ``holds`` tells whether a file is still there, with so many bytes (``Folder.holds``).
    """
    if not earlier.ok or earlier.status not in {OK, NOT_MODIFIED} or earlier.path is None:
        return {}
    etag, modified = _first(earlier, "etag"), _first(earlier, "last-modified")
    asked = {}
    if etag is not None and _ETAG.fullmatch(etag):
        asked["If-None-Match"] = etag
    if modified is not None and _DATE.fullmatch(modified):
        asked["If-Modified-Since"] = modified
    return asked if asked and holds(earlier.path, earlier.bytes) else {}


def take_over(earlier: RecordT, answer: RecordT) -> RecordT | None:
    """Give the record of a page that has not changed (``answer``, a 304); None: ask again, without conditions.

    It is the answer's, with the file and its bytes of the earlier one, and with that one's headers brought up to date,
    so that it can be asked about in the same way the next time. A 304 from another URL than the file came from (a
    redirect leads elsewhere now) says nothing of the file: there, the conditions were compared with another page.
    """
    if answer.status != NOT_MODIFIED or answer.final_url != earlier.final_url:
        return None
    return replace(
        answer, headers=_brought_up_to_date(earlier.headers, answer.headers), bytes=earlier.bytes, path=earlier.path
    )


def _first(record: Record, name: str) -> str | None:
    return next((value for each, value in record.headers if each.lower() == name), None)


def _brought_up_to_date(
    old: tuple[tuple[str, str], ...], new: tuple[tuple[str, str], ...]
) -> tuple[tuple[str, str], ...]:
    fresh = tuple((name, value) for name, value in new if name.lower() not in OF_THE_MESSAGE)
    told = {name.lower() for name, _ in fresh}
    return tuple((name, value) for name, value in old if name.lower() not in told) + fresh
