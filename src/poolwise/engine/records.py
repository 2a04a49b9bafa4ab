"""A worker's log records and warnings, on their way to the parent: caught, and made fit to travel."""

from __future__ import annotations

import functools
import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, TextIO, TypeAlias

from poolwise.work.packing import dumps

Say: TypeAlias = Callable[[str, Any], None]
"""Takes what kind of thing is said, and the thing."""

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


def warning_teller(say: Say) -> Callable[..., None]:
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
