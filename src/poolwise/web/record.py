"""What is told of one page: a record that names what came, how long that took, and what went wrong."""

from __future__ import annotations

import builtins
import json
from collections.abc import Mapping
from operator import attrgetter
from typing import Any

from poolwise.errors import InputError
from poolwise.model.classes import field, field_names, frozen
from poolwise.model.units import Bytes, Seconds


@frozen
class PageError:
    """What kept a page from being fetched."""

    type: str
    """One word, such as ``"dns"`` or ``"read_timeout"``; ``docs/fetch.md`` lists them."""
    message: str
    """What happened, where, and what may help."""

    def __str__(self) -> str:
        """Say it as a person would."""
        return self.message


@frozen(kw_only=True)
class Page:
    """One page of ``poolwise.fetch``: what was asked, what came, and how long it took."""

    url: str
    """The URL as it is asked for, in ASCII; what is no URL, as it was given, without a password."""
    number: int = 0
    """The number of its line, or its place among the URLs, from 1; 0 where it stands in no list."""
    status: int | None = None
    """The status of the last answer; None where there was none."""
    final_url: str | None = None
    """Where the last answer came from, after redirects; without a password."""
    headers: tuple[tuple[str, str], ...] = ()
    """The last answer's headers, in its order; a name may come more than once."""
    redirects: tuple[str, ...] = ()
    """The URLs that sent on to another one, in order."""
    bytes: Bytes = 0
    """Bytes of the body, after decoding."""
    received: Bytes = 0
    """Bytes of the body as they were sent."""
    connect_s: Seconds | None = None
    """Seconds from the beginning until the connection stood; None where an open one was used again."""
    first_byte_s: Seconds | None = None
    """Seconds from the beginning until the last answer's headers were there."""
    total_s: Seconds = 0.0
    """Seconds from the beginning to the end."""
    http_version: str | None = None
    """``"1.1"`` or ``"1.0"``."""
    path: str | None = None
    """The file that holds the body."""
    body: builtins.bytes | None = field(default=None, repr=False)
    """The body, where it was not written anywhere else."""
    error: PageError | None = None
    """What went wrong; None: nothing."""
    attempts: int = 1
    """How often it was tried."""
    fetched_at: str = ""
    """When the (last) attempt began, in UTC (ISO 8601)."""
    from_journal: bool = False
    """Whether an earlier run fetched it."""

    @property
    def ok(self) -> bool:
        """Whether the page is there, whole."""
        return self.error is None

    def header(self, name: str, default: str | None = None) -> str | None:
        """Give the first header of that name, in whatever case."""
        wanted = name.lower()
        return next((value for each, value in self.headers if each.lower() == wanted), default)

    def to_dict(self, *, headers: bool = True) -> dict[str, Any]:
        """Give it as plain data that JSON can carry, without the body; ``headers``: with those of the answer."""
        plain = dict(zip(_PLAIN if headers else _SHORT, (_read_plain if headers else _read_short)(self), strict=True))
        if headers:
            plain["headers"] = [list(pair) for pair in self.headers]
        plain["redirects"] = list(self.redirects)
        plain["error"] = self.error and {"type": self.error.type, "message": self.error.message}
        return plain

    def to_json(self) -> str:
        """Give it as one line of JSON, without the body."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Page:
        """Read what ``to_dict`` wrote; raises InputError where it is something else."""
        known = {name: value for name, value in data.items() if name in _NAMES}
        try:
            known["headers"] = tuple((str(name), str(value)) for name, value in data.get("headers", ()))
            known["redirects"] = tuple(data.get("redirects", ()))
            error = data.get("error")
            known["error"] = PageError(error["type"], error["message"]) if error else None
            return cls(**known)
        except (TypeError, ValueError, KeyError) as wrong:
            raise InputError(f"this is no record of a page: {wrong}") from wrong


_PLAIN = [name for name in field_names(Page) if name != "body"]
_SHORT = [name for name in _PLAIN if name != "headers"]
_NAMES = frozenset(_PLAIN)
_read_plain, _read_short = attrgetter(*_PLAIN), attrgetter(*_SHORT)
