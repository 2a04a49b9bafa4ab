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
import logging
import os
import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, TextIO

from poolwise.engine.channel import WorkerEnd
from poolwise.engine.messages import Message, dumps

Say = Callable[[str, Any], None]
"""Takes what kind of thing is said, and the thing."""

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
    warnings.showwarning = _teller(voice.say)
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
        self._waiting: deque[Message] = deque()
        self._turn = threading.Lock()
        self._home = os.getpid()

    def send(self, message: Message) -> None:
        """Send a message, after everything that was printed before it."""
        for stream in self.streams:
            stream.say_begun()
        self._send(message)

    def say(self, kind: str, what: Any) -> None:  # noqa: ANN401 - text, bytes
        """Send what is said; when the parent is gone there is nobody to hear it."""
        with contextlib.suppress(OSError):
            self._send(("said", kind, what))

    def fall_silent(self) -> None:
        """Be a forked child of the worker: what it says goes where it always went."""
        for undo in self.undo:
            undo()
        self.undo.clear()

    def _send(self, message: Message) -> None:
        if os.getpid() != self._home:
            return
        self._waiting.append(message)
        # Looked at again after each turn: what another thread has left in its last moment is not forgotten.
        while self._waiting and self._turn.acquire(blocking=False):
            try:
                while self._waiting:
                    self._channel.send(self._waiting.popleft())
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


# --- Log records ---------------------------------------------------------------------------------------------------


def redirect_logging(say: Say) -> Iterator[Callable[[], object]]:
    """Let every log record of this process be sent, and nothing else be done with it; give what undoes it.

    Handlers that were inherited would do what the parent's do a second time, into copies of their files and buffers.
    What the function adds here is its own.
    """
    root, sender = logging.getLogger(), Sender(say)
    for logger in [root, *root.manager.loggerDict.values()]:
        if isinstance(logger, logging.Logger):
            yield functools.partial(setattr, logger, "handlers", logger.handlers)
            yield functools.partial(setattr, logger, "propagate", logger.propagate)
            logger.handlers = []
            logger.propagate = True
    root.handlers.append(sender)


def drop_handlers() -> None:
    """Let go of the handlers that the user's modules have made as they were imported: their twins in the parent serve.

    In the nursery they would be inherited by every worker, and there, too, log a second time.
    """
    for logger in [*logging.root.manager.loggerDict.values(), logging.root]:
        if isinstance(logger, logging.Logger):
            logger.handlers = [each for each in logger.handlers if isinstance(each, Sender)]
            logger.propagate = True


class Sender(logging.Handler):
    """Sends log records to the parent, whose levels and handlers decide what becomes of them."""

    def __init__(self, say: Say) -> None:
        """Send by ``say``."""
        super().__init__()
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record."""
        try:
            self._say("log", pack_record(record))
        except Exception:  # noqa: BLE001 - what every handler of the standard library does
            self.handleError(record)


def pack_record(record: logging.LogRecord) -> bytes:
    """Pickle a record: its message made text, its traceback too, as the standard library's socket handler does."""
    if record.exc_info and not record.exc_text:
        record.exc_text = logging.Formatter().formatException(record.exc_info)
    fields = {**record.__dict__, "msg": record.getMessage(), "args": None, "exc_info": None}
    try:
        return dumps(fields, by_value=False)
    except Exception:  # noqa: BLE001 - an "extra" may be anything; only what cannot travel becomes its repr
        return dumps({name: _portable(value) for name, value in fields.items()}, by_value=False)


def _portable(value: Any) -> Any:  # noqa: ANN401 - any "extra"
    try:
        dumps(value, by_value=False)
    except Exception:  # noqa: BLE001 - a __reduce__ may raise anything
        return repr(value)
    return value


# --- Warnings ------------------------------------------------------------------------------------------------------


def _teller(say: Say) -> Callable[..., None]:
    """Make what stands for ``warnings.showwarning``: called with what this process's filters let through."""
    original = warnings._showwarning_orig  # type: ignore[attr-defined]  # noqa: SLF001 - the one that prints

    def showwarning(  # noqa: PLR0917 - the standard library calls it so
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if file is not None:
            original(message, category, filename, lineno, file, line)
            return
        say("warning", pack_warning(message, category, filename, lineno, sys._getframe()))  # noqa: SLF001

    return showwarning


def pack_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, frame: FrameType | None = None
) -> bytes:
    """Pickle a warning and the name of the module that it points to, by which filters judge it.

    One whose class cannot travel becomes a plain text of the nearest class that can.
    """
    module = _module_at(frame, filename, lineno)
    try:
        return dumps((message, category, filename, lineno, module), by_value=False)
    except Exception:  # noqa: BLE001 - a __reduce__ may raise anything
        near = next(each for each in category.__mro__ if each.__module__ == "builtins")
        return dumps((f"{category.__name__}: {message}", near, filename, lineno, module), by_value=False)


def _module_at(frame: FrameType | None, filename: str, lineno: int) -> str | None:
    while frame is not None:
        if frame.f_lineno == lineno and frame.f_code.co_filename == filename:
            name = frame.f_globals.get("__name__")
            return name if isinstance(name, str) else None
        frame = frame.f_back
    return None
