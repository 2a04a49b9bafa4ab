"""Content decoding, piece by piece: however much a body grows, no more than a piece of it is in memory.

A decoder is fed what arrived and gives pieces of at most ``PIECE`` bytes; who takes them counts, and may stop at any
one. That is the whole guard against bombs: nothing is decoded before it has been counted.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from poolwise.web import modern
from poolwise.web.pieces import PIECE, Decoder, truncated
from poolwise.web.trouble import TroubleError

# RFC 9110 lets a body be encoded several times over, and nobody does it honestly more than twice.
MOST_LAYERS: Final = 3
GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS


def decoders(header: str) -> list[Decoder]:
    """Give the decoders for a Content-Encoding, the outermost first; raises TroubleError on what cannot be decoded."""
    names = [name for each in header.split(",") if (name := each.strip().lower()) not in {"", "identity"}]
    known = makers()
    unknown = [name for name in names if name not in known]
    if unknown:
        raise TroubleError("encoding", f"the body is encoded as {unknown[0][:40]!r}, which was not asked for")
    if len(names) > MOST_LAYERS:
        raise TroubleError("encoding", f"the body is encoded {len(names)} times over, as no honest one is")
    return [known[name]() for name in reversed(names)]


@functools.cache
def makers() -> Mapping[str, Callable[[], Decoder]]:
    """Name what can be decoded here; x-gzip is RFC 9110's other name, section 8.4.1.3."""
    return {"gzip": Gzip, "x-gzip": Gzip, "deflate": Deflate, **modern.makers()}


def offered() -> str:
    """Give the Accept-Encoding of what can be decoded here."""
    return ", ".join(name for name in makers() if name != "x-gzip")


class Gzip:
    """gzip (RFC 1952): members one after another, and zeros that pad the end."""

    def __init__(self) -> None:
        self._member: zlib._Decompress | None = None
        self._members = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """See ``Decoder``."""
        while data:
            if self._member is None:
                data = data.lstrip(b"\0") if self._members else data
                if not data:
                    return
                self._member = zlib.decompressobj(GZIP_WINDOW)
                self._members += 1
            yield from _inflate(self._member, data, self._name)
            data = self._member.unused_data
            if self._member.eof:
                self._member = None

    @property
    def _name(self) -> str:
        return "gzip" if self._members == 1 else "gzip, and something else follows the end of it"

    def finish(self) -> None:
        """See ``Decoder``."""
        if self._member is not None:
            raise truncated("gzip")


class Deflate:
    """deflate: what RFC 9110 calls so is zlib's format (RFC 1950); some servers send it bare (RFC 1951)."""

    def __init__(self) -> None:
        self._stream: zlib._Decompress | None = None
        self._begin = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """See ``Decoder``."""
        if self._stream is None:
            self._begin += data
            if len(self._begin) < ZLIB_HEADER:
                return
            data = self._begin
            self._stream = zlib.decompressobj(zlib.MAX_WBITS if _is_zlib(data) else -zlib.MAX_WBITS)
        elif data and self._stream.eof:
            raise TroubleError("encoding", "something follows the end of the body's deflate")
        yield from _inflate(self._stream, data, "deflate")
        if self._stream.unused_data:
            raise TroubleError("encoding", "something follows the end of the body's deflate")

    def finish(self) -> None:
        """See ``Decoder``."""
        if self._begin and (self._stream is None or not self._stream.eof):
            raise truncated("deflate")


ZLIB_HEADER: Final = 2


def _is_zlib(data: bytes) -> bool:
    """RFC 1950, section 2.2: the method is 8, and the first two bytes are a multiple of 31."""
    return data[0] & 0x0F == zlib.DEFLATED and int.from_bytes(data[:2], "big") % 31 == 0


def _inflate(stream: zlib._Decompress, data: bytes, name: str) -> Iterator[bytes]:
    piece = b""
    # A full piece may have left more behind inside of zlib, even where all input is taken.
    while (data or len(piece) == PIECE) and not stream.eof:
        try:
            piece = stream.decompress(data, PIECE)
        except zlib.error as error:
            raise TroubleError("encoding", f"the body is not the {name} that it is said to be: {error}") from error
        data = stream.unconsumed_tail
        if piece:
            yield piece
