"""How long one request may take, step by step; which limit has passed is known afterwards."""

from __future__ import annotations

import asyncio
from typing import Final

from poolwise.model.units import Seconds
from poolwise.web.options import Limits
from poolwise.web.trouble import Kind, TroubleError

WORDS: Final[dict[Kind, str]] = {
    "connect_timeout": "no connection within {:g} s: the host may be down, or drop what is sent to it",
    "answer_timeout": "no answer within {:g} s of asking: the server may be slow or overloaded",
    "read_timeout": "nothing more of the body came for {:g} s: the server or the network has stalled",
    "whole_timeout": "not done within {:g} s, which is all the time that a page may take",
}


class Patience:
    """One alarm clock for a request, which is set anew for each step: ``async with patience.alarm``."""

    __slots__ = ("_end", "_kind", "_limits", "_loop", "alarm", "begin", "connect_s", "first_byte_s", "reused")

    def __init__(self, loop: asyncio.AbstractEventLoop, limits: Limits) -> None:
        self._loop = loop
        self._limits = limits
        self.begin = loop.time()
        self._end = self.begin + limits.whole_s
        self._kind: Kind = "connect_timeout"
        # Set when the connection is looked for, which is at once: a timer less for each request.
        self.alarm = asyncio.timeout_at(None)
        self.connect_s: Seconds | None = None
        self.first_byte_s: Seconds | None = None
        self.reused = False

    @property
    def elapsed_s(self) -> Seconds:
        """Seconds since the beginning."""
        return self._loop.time() - self.begin

    def connecting(self) -> None:
        """A connection is made."""
        self.reused = False
        self._allow("connect_timeout", self._limits.connect_s)

    def connected(self, *, anew: bool) -> None:
        """There is one; the request leaves, and the answer is waited for."""
        self.reused = not anew
        self.connect_s = self.elapsed_s if anew else None
        self._allow("answer_timeout", self._limits.answer_s)

    def answered(self) -> None:
        """The answer's headers are there."""
        self.first_byte_s = self.elapsed_s

    def reading(self) -> None:
        """A piece of the body is waited for."""
        self._allow("read_timeout", self._limits.read_s)

    def aside(self, seconds: Seconds) -> asyncio.Timeout:
        """Stop the alarm, and give one for something whose end is no matter."""
        self.alarm.reschedule(None)
        return asyncio.timeout_at(min(self._loop.time() + seconds, self._end))

    def _allow(self, kind: Kind, seconds: Seconds) -> None:
        at = self._loop.time() + seconds
        self._kind, at = (kind, at) if at < self._end else ("whole_timeout", self._end)
        self.alarm.reschedule(at)

    def trouble(self) -> TroubleError:
        """Say which limit has passed."""
        kind = self._kind if self._loop.time() < self._end else "whole_timeout"
        names = {"connect_timeout": "connect_s", "answer_timeout": "answer_s", "read_timeout": "read_s"}
        return TroubleError(kind, WORDS[kind].format(getattr(self._limits, names.get(kind, "whole_s"))))
