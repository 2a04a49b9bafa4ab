"""How long one request may take, step by step; which limit has passed is known afterwards."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final, Self

from poolwise.model.units import Seconds
from poolwise.web.options import Limits
from poolwise.web.trouble import Kind, TroubleError

WORDS: Final[dict[Kind, str]] = {
    "connect_timeout": "no connection within {:g} s: the host may be down, or drop what is sent to it",
    "answer_timeout": "no answer within {:g} s of asking: the server may be slow or overloaded",
    "read_timeout": "nothing more of the body came for {:g} s: the server or the network has stalled",
    "whole_timeout": "not done within {:g} s, which is all the time that a page may take",
}


class Alarm:
    """A time limit that is moved for every step of a request: ``async with alarm``, as ``asyncio.timeout_at``.

    A step that ends later than the one before, as nearly all do, moves a number only: the timer that was set looks at
    it when it rings, and goes on. So a page costs one timer, and not one for each step.
    """

    __slots__ = ("_at", "_cancelling", "_loop", "_rings", "_task", "_timer", "expired")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._task: asyncio.Task[object] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._at: float | None = None
        self._rings = 0.0
        self._cancelling = 0
        self.expired = False

    def set(self, at: float | None) -> None:
        """Ring at this time of the loop's clock; None: not at all."""
        self._at = at
        if at is None or (self._timer is not None and self._rings <= at) or self.expired:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._rings = at
        self._timer = self._loop.call_at(at, self._ring)

    async def __aenter__(self) -> Self:
        """Begin: the task that runs is the one that will be interrupted."""
        self._task = asyncio.current_task()
        self._cancelling = self._task.cancelling() if self._task is not None else 0
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """End; raises TimeoutError where it has rung, and nobody else has cancelled the task."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        task, self._task = self._task, None
        # As in asyncio.Timeout: whoever else wants the task cancelled has the first word.
        if self.expired and task is not None and task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _ring(self) -> None:
        self._timer = None
        if self._at is None or self._task is None:
            return
        if self._at > self._loop.time():
            self.set(self._at)
            return
        self.expired = True
        self._task.cancel()


class Patience:
    """One alarm for a request, which is set anew for each step: ``async with patience.alarm``."""

    __slots__ = ("_end", "_kind", "_limits", "_loop", "alarm", "begin", "connect_s", "first_byte_s", "reused")

    def __init__(self, loop: asyncio.AbstractEventLoop, limits: Limits) -> None:
        self._loop = loop
        self._limits = limits
        self.begin = loop.time()
        self._end = self.begin + limits.whole_s
        self._kind: Kind = "connect_timeout"
        # Set when the connection is looked for, which is at once.
        self.alarm = Alarm(loop)
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
        self.alarm.set(None)
        return asyncio.timeout_at(min(self._loop.time() + seconds, self._end))

    def _allow(self, kind: Kind, seconds: Seconds) -> None:
        at = self._loop.time() + seconds
        self._kind, at = (kind, at) if at < self._end else ("whole_timeout", self._end)
        self.alarm.set(at)

    def trouble(self) -> TroubleError:
        """Say which limit has passed."""
        kind = self._kind if self._loop.time() < self._end else "whole_timeout"
        names = {"connect_timeout": "connect_s", "answer_timeout": "answer_s", "read_timeout": "read_s"}
        return TroubleError(kind, WORDS[kind].format(getattr(self._limits, names.get(kind, "whole_s"))))
