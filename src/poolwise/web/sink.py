"""Where the body of an answer goes, piece by piece: what the client asks of a file, of memory, or of anything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias


class Head(Protocol):
    """What is known of an answer before its body comes."""

    @property
    def status(self) -> int:
        """The status code."""
        ...

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The headers, in the answer's order; a name may come more than once, in any case."""
        ...

    @property
    def final_url(self) -> str:
        """Where it came from, after redirects."""
        ...


class Sink(Protocol):
    """Takes one body: ``write`` as often as pieces come, then either ``close`` or ``discard``, once.

    None of them waits long: they are called in the event loop. What ``write`` or ``close`` raises ends the request, and
    nothing is left behind then, whether or not ``discard`` is called.
    """

    def write(self, data: bytes, /) -> object:
        """Take the next piece of the body, after its content encoding has been undone."""

    def close(self) -> str | None:
        """Take the end: the body is whole. Give the file that the record tells, if there is one."""

    def discard(self) -> None:
        """Leave nothing behind: the body is not whole, or nobody wants it any more."""


MakeSink: TypeAlias = Callable[[Head], Sink]
"""Chooses where a body goes once the head of the answer is there; called once for each answer that is kept."""


def first_header(headers: tuple[tuple[str, str], ...], name: str) -> str | None:
    """Give the first header of that name, in whatever case."""
    wanted = name.lower()
    return next((value for each, value in headers if each.lower() == wanted), None)
