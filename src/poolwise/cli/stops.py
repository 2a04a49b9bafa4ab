"""Ctrl-C and SIGTERM: heard once, raised once, so that cleaning up is not interrupted in its turn."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any, Self

from poolwise.cli import exits
from poolwise.model.units import Seconds

SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Wrappers (timeout, uv run) tell the process and then its whole group: signals so close together are one.
SAME_WITHIN_S: Seconds = 1.0


class Stopped(KeyboardInterrupt):
    """A signal asks us to end; a KeyboardInterrupt, since that is what goes through every part of a run unharmed."""

    def __init__(self, number: int) -> None:
        """Keep the signal's number."""
        super().__init__(number)
        self.number = number

    @property
    def code(self) -> int:
        """The exit code."""
        return exits.TERMINATED if self.number == signal.SIGTERM else exits.INTERRUPTED

    @property
    def word(self) -> str:
        """What happened to us, in a word."""
        return "terminated" if self.number == signal.SIGTERM else "interrupted"


class Stops:
    """While this is entered, the first signal raises ``Stopped`` in the main thread.

    A second one, from somebody who has waited, ends the process at once: the workers' lifeline ends them too.
    """

    def __init__(self) -> None:
        """Listen to nothing yet."""
        self._received: Stopped | None = None
        self._received_at: Seconds = 0.0
        self._holding = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        """Listen, except to what our caller told us to ignore (``nohup``, a shell's background job)."""
        if threading.current_thread() is threading.main_thread():
            for each in SIGNALS:
                if signal.getsignal(each) is not signal.SIG_IGN:
                    self._before[each] = signal.signal(each, self._hear)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Listen no more; after a signal go on ignoring it, for the little that is left to do."""
        if self._received is None:
            for each, handler in self._before.items():
                signal.signal(each, handler)

    def check(self) -> None:
        """Raise again what was received where it was swallowed: by a function's bare ``except``, by a ``__del__``."""
        if self._received is not None:
            raise self._received

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Let something short (drawing a line on a terminal) come to its end before a signal is raised."""
        before, self._holding = self._received, True
        try:
            yield
        finally:
            self._holding = False
        if before is None:
            self.check()

    def _hear(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._received is None:
            self._received, self._received_at = Stopped(number), now
            if self._holding:
                return
            raise self._received
        if now - self._received_at > SAME_WITHIN_S:
            os._exit(self._received.code)
