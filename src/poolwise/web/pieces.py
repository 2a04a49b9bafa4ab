"""What all decoders have in common: they give pieces, none of them large."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

from poolwise.web.trouble import TroubleError

PIECE: Final = 64 * 1024


class Decoder(Protocol):
    """One layer of encoding."""

    def feed(self, data: bytes, /) -> Iterator[bytes]:
        """Take what arrived, give what it holds in pieces of at most ``PIECE`` bytes."""
        ...

    def finish(self) -> None:
        """Nothing more comes; raises TroubleError where something is missing."""


def truncated(name: str) -> TroubleError:
    """Say that a body ends too early."""
    return TroubleError("incomplete", f"the body ends in the middle of its {name}")
