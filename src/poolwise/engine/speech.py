"""What a worker says besides results: prints, log records and warnings go to the parent, over the same channel.

The parent says them again (``hearing.py``) where its own would go: to its ``sys.stdout``, its log handlers, its
warning filters. So they arrive once, whole, and before the results of the chunk that they belong to; and what the
parent has redirected (pytest, a notebook, ``contextlib.redirect_stdout``) is redirected for workers too.

What is written to a descriptor (C code, ``os.write(1, ...)``, a child process) goes where it always went.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable
from typing import Any, TextIO

from poolwise.engine.channel import Buffer, Message, WorkerEnd
from poolwise.engine.records import Say, redirect_logging, warning_teller

# What has no end of line yet is sent when it grows as long as a block that a buffered file would write.
LONG_LINE = 8192


def begin(channel: WorkerEnd) -> Voice:
    """From now on all that this process says goes through ``channel``; give what everybody must send by."""
    voice = Voice(channel)
    for kind in ("stdout", "stderr"):
        original = getattr(sys, kind)
        stream = Spoken(kind, original, voice.say)
        voice.streams.append(stream)
        voice.undo.append(functools.partial(setattr, sys, kind, original))
        setattr(sys, kind, stream)
    voice.undo.append(functools.partial(setattr, warnings, "showwarning", warnings.showwarning))
    warnings.showwarning = warning_teller(voice.say)
    voice.undo += redirect_logging(voice.say)
    # A child that the user's function forks must not write to a channel that is ours.
    os.register_at_fork(after_in_child=voice.fall_silent)
    return voice


class Voice:
    """The worker's end of its channel, for all of its threads: messages go out whole, in the order in which they came.

    A thread that finds another one sending leaves its message to that one. Nobody waits for a lock here, so that a
    signal handler or a finalizer that prints in the middle of a send does not wait for itself.
    """

    def __init__(self, channel: WorkerEnd) -> None:
        """Send over ``channel``."""
        self.receive = channel.receive
        self.streams: list[Spoken] = []
        self.undo: list[Callable[[], object]] = []
        """What makes a forked child speak as its grandparent did."""
        self._channel = channel
        self._waiting: deque[tuple[Message, Buffer]] = deque()
        self._turn = threading.Lock()
        self._home = os.getpid()

    def send(self, message: Message, body: Buffer = b"") -> None:
        """Send a message, after everything that was printed before it."""
        for stream in self.streams:
            stream.say_begun()
        self._send(message, body)

    def say(self, kind: str, what: Any) -> None:  # noqa: ANN401 - text, bytes
        """Send what is said; when the parent is gone there is nobody to hear it."""
        with contextlib.suppress(OSError):
            self._send(("said", kind, what))

    def fall_silent(self) -> None:
        """Be a forked child of the worker: what it says goes where it always went."""
        for undo in self.undo:
            undo()
        self.undo.clear()

    def _send(self, message: Message, body: Buffer = b"") -> None:
        if os.getpid() != self._home:
            return
        self._waiting.append((message, body))
        # Looked at again after each turn: what another thread has left in its last moment is not forgotten.
        while self._waiting and self._turn.acquire(blocking=False):
            try:
                while self._waiting:
                    self._channel.send(*self._waiting.popleft())
            finally:
                self._turn.release()


# --- Prints --------------------------------------------------------------------------------------------------------


class Spoken(io.TextIOBase):
    """Stands for ``sys.stdout`` or ``sys.stderr``: sends whole lines, each thread's own kept together."""

    def __init__(self, kind: str, original: TextIO | None, say: Say) -> None:
        """Stand in for ``original``, which still answers what the stream is like."""
        self.kind = kind
        self.original = original
        self.buffer = _SpokenBytes(self)
        self._say = say
        self._begun: dict[int, str] = {}

    def write(self, text: str) -> int:
        """Send the lines that are whole now, and keep the rest."""
        if not isinstance(text, str):
            msg = f"write() argument must be str, not {type(text).__name__}"
            raise TypeError(msg)
        thread = threading.get_ident()
        lines, newline, rest = (self._begun.pop(thread, "") + text).rpartition("\n")
        if len(rest) > LONG_LINE:
            lines, newline, rest = lines + newline + rest, "", ""
        if lines or newline:
            self._say(self.kind, lines + newline)
        if rest:
            self._begun[thread] = rest
        return len(text)

    def flush(self) -> None:
        """Send this thread's line as far as it has come."""
        if rest := self._begun.pop(threading.get_ident(), ""):
            self._say(self.kind, rest)
        # Somebody may have kept the stream that was here before.
        with contextlib.suppress(Exception):
            self.original.flush()  # type: ignore[union-attr]

    def say_begun(self) -> None:
        """Send every thread's line as far as it has come."""
        while self._begun:
            with contextlib.suppress(KeyError):
                _, rest = self._begun.popitem()
                self._say(self.kind, rest)

    def write_bytes(self, data: bytes) -> None:
        """Send bytes, which the parent writes to its stream's buffer where it has one."""
        self.flush()
        self._say(self.kind, data)

    def writable(self) -> bool:
        """Say yes."""
        return True

    def fileno(self) -> int:
        """Give the descriptor of the stream that was here, for programs that are started with it."""
        if self.original is None:
            raise io.UnsupportedOperation("fileno")
        return self.original.fileno()

    def isatty(self) -> bool:
        """Answer for the stream that was here."""
        return self.original is not None and self.original.isatty()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream that was here; any text can be sent."""
        return getattr(self.original, "encoding", None) or "utf-8"

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        """What the stream that was here does with what it cannot encode."""
        return getattr(self.original, "errors", None)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the original has
        return getattr(self.original, name)


class _SpokenBytes(io.RawIOBase):
    """The ``buffer`` of a spoken stream."""

    def __init__(self, text: Spoken) -> None:
        self._text = text

    def write(self, data: Any) -> int:  # noqa: ANN401 - anything that holds bytes
        packed = bytes(data)
        self._text.write_bytes(packed)
        return len(packed)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._text.fileno()

    def isatty(self) -> bool:
        return self._text.isatty()
