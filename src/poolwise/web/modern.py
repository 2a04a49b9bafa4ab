"""Encodings that need a library: Zstandard (RFC 8878) and Brotli (RFC 7932); the only place that imports these.

Each is offered to servers only where its library is there and can stop after a piece, which Brotli's can since 1.2.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from poolwise.web.pieces import PIECE, Decoder, truncated
from poolwise.web.trouble import TroubleError

# RFC 9659: what is sent as zstd has a window of at most 8 MiB, so that nobody's memory is taken by asking for more.
WINDOW_LOG: Final = 23


def makers() -> Mapping[str, Callable[[], Decoder]]:
    """Name those that can be decoded here."""
    found: dict[str, Callable[[], Decoder]] = {}
    zstd = _import("compression.zstd") or _import("backports.zstd")
    if zstd is not None:
        found["zstd"] = lambda: Zstd(zstd)
    brotli = _import("brotli")
    if brotli is not None and hasattr(brotli.Decompressor, "can_accept_more_data"):
        found["br"] = lambda: Brotli(brotli)
    return found


def _import(name: str) -> Any | None:  # noqa: ANN401 - a module without annotations
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


class Zstd:
    """zstd: frames one after another."""

    def __init__(self, library: Any) -> None:  # noqa: ANN401 - a module
        self._library = library
        self._frame: Any = None

    def feed(self, data: bytes, /) -> Iterator[bytes]:
        """See ``Decoder``."""
        while data:
            if self._frame is None:
                options = {self._library.DecompressionParameter.window_log_max: WINDOW_LOG}
                self._frame = self._library.ZstdDecompressor(options=options)
            yield from self._pieces(data)
            data = b""
            if self._frame.eof:
                data, self._frame = self._frame.unused_data, None

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        while True:
            try:
                piece = self._frame.decompress(data, PIECE)
            except self._library.ZstdError as error:
                raise TroubleError("encoding", f"the body is not the zstd that it is said to be: {error}") from error
            data = b""
            if piece:
                yield piece
            if self._frame.eof or self._frame.needs_input:
                return

    def finish(self) -> None:
        """See ``Decoder``."""
        if self._frame is not None:
            raise truncated("zstd")


class Brotli:
    """br: one stream."""

    def __init__(self, library: Any) -> None:  # noqa: ANN401 - a module
        self._library = library
        self._stream: Any = None

    def feed(self, data: bytes, /) -> Iterator[bytes]:
        """See ``Decoder``."""
        if not data:
            return
        if self._stream is None:
            self._stream = self._library.Decompressor()
        while True:
            try:
                piece = self._stream.process(data, output_buffer_limit=PIECE)
            except self._library.error as error:
                raise TroubleError("encoding", f"the body is not the br that it is said to be: {error}") from error
            data = b""
            if piece:
                yield piece
            # It may accept more, and have more to give.
            elif self._stream.is_finished() or self._stream.can_accept_more_data():
                return

    def finish(self) -> None:
        """See ``Decoder``."""
        if self._stream is not None and not self._stream.is_finished():
            raise truncated("br")
