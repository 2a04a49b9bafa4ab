"""Where the body of an answer goes, piece by piece: what the client asks of a file, of memory, or of anything else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Sink(Protocol):
    """Takes one body. The client calls ``write`` as often as pieces come, and then ``finish`` or ``abandon``, once.

    None of them waits long: they are called in the event loop. What ``write`` and ``finish`` raise ends the request;
    ``abandon`` is called after that, too, and raises nothing.
    """

    def write(self, data: bytes, /) -> None:
        """Take the next piece of the body, after its content encoding has been undone."""

    def finish(self) -> str | None:
        """Take the end: the body is whole. Give the name that the record tells as its file, if it has one."""

    def abandon(self) -> None:
        """Leave nothing behind: the body is not whole, or nobody wants it any more."""


class SinkFactory(Protocol):
    """Chooses where a body goes once the head of the answer is there; called once for each answer that is kept."""

    def __call__(self, status: int, headers: Mapping[str, str], final_url: str, /) -> Sink:
        """Make a sink; ``headers`` are looked up without regard to case, ``final_url`` is that after redirects."""
        ...


class Nowhere:
    """Takes a body that nobody wants to keep: the record tells how long it was."""

    def write(self, data: bytes, /) -> None:
        """Let it go."""

    def finish(self) -> None:
        """There is no file."""

    def abandon(self) -> None:
        """There is nothing to remove."""


def nowhere(_status: int, _headers: Mapping[str, str], _final_url: str, /) -> Nowhere:
    """Keep no body (a SinkFactory)."""
    return Nowhere()
