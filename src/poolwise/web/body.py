"""Taking in a body: read, decoded, counted and handed on piece by piece, so that its length costs no memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from poolwise.model.units import Bytes
from poolwise.web.decode import decoders
from poolwise.web.patience import Patience
from poolwise.web.pieces import Decoder
from poolwise.web.transport import Answer
from poolwise.web.trouble import TroubleError

# Others have their turn after so much: decoding a megabyte takes a millisecond or two.
TURN: Final = 1024 * 1024
# What an encoding may add to a body that it cannot shrink, and to an empty one.
OVERHEAD: Final = 64 * 1024


class Body:
    """The body of one answer, on its way into ``write``."""

    __slots__ = ("_answer", "_limit", "_patience", "_turn", "_write", "received", "size")

    def __init__(self, answer: Answer, write: Callable[[bytes], object], limit: float, patience: Patience) -> None:
        self._answer = answer
        self._write = write
        self._limit = limit
        self._patience = patience
        self._turn = 0
        self.received: Bytes = 0
        self.size: Bytes = 0

    async def take(self) -> None:
        """Take it to its end; raises TroubleError where it cannot be had whole."""
        encoding = self._answer.all_of("Content-Encoding")
        layers = decoders(encoding) if encoding else []
        if not layers:
            self._refuse_announced()
        answer = self._answer
        while data := answer.rest() if answer.is_here else await self._wait():
            self.received += len(data)
            if self.received > self._limit + OVERHEAD:
                raise self._too_large()
            await self._decode(data, layers)
        for layer in layers:
            layer.finish()

    async def _wait(self) -> bytes:
        self._patience.reading()
        return await self._answer.read()

    def _refuse_announced(self) -> None:
        announced = self._answer.header("Content-Length")
        if announced and announced.isdecimal() and float(announced) > self._limit:
            raise self._too_large()

    async def _decode(self, data: bytes, layers: list[Decoder]) -> None:
        if not layers:
            self._put(data)
            return
        inner = layers[1:]
        for piece in layers[0].feed(data):
            self._turn += len(piece)
            if self._turn > TURN:
                self._turn = 0
                await asyncio.sleep(0)
            await self._decode(piece, inner)

    def _put(self, data: bytes) -> None:
        self.size += len(data)
        if self.size > self._limit:
            raise self._too_large()
        self._write(data)

    def _too_large(self) -> TroubleError:
        return TroubleError("too_large", f"the body has more than {self._limit:,.0f} bytes, which are taken at most")
