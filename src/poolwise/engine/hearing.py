"""What the parent does with what its workers say (``speech.py``): it says it again, in the caller's thread.

So whatever the caller has set up for its own prints, log records and warnings (a redirected ``sys.stdout``, handlers
and levels, ``warnings.catch_warnings``, ``-W error``) holds for those of its workers. What that raises (a closed
pipe, a warning that is an error here) ends the run, as it would end the caller's own print.
"""

from __future__ import annotations

import logging
import pickle
import sys
import warnings
from typing import Any

from poolwise.work.call import show_error

logger = logging.getLogger("poolwise")

# For warnings of code that has no module here: each is shown as often as the filters say, over all runs.
_homeless: dict[Any, Any] = {}


def say_again(kind: str, what: Any, *, worker: int, pid: int, filtered: bool) -> None:  # noqa: ANN401 - text, bytes
    """Say what a worker has said.

    ``filtered``: the worker is a copy of this process and has asked the logger's filters already, where the function's
    own context was; each filter runs once.
    """
    match kind:
        case "log":
            _log(what, worker, pid, filtered=filtered)
        case "warning":
            _warn(what)
        case _:
            _print(getattr(sys, kind), what)


def _print(stream: Any, what: str | bytes) -> None:  # noqa: ANN401 - whatever stands for sys.stdout
    if stream is None:
        return
    if isinstance(what, bytes):
        buffer = getattr(stream, "buffer", None)
        if buffer is not None:
            # What was written as text comes first.
            stream.flush()
            buffer.write(what)
            buffer.flush()
            return
        what = what.decode(getattr(stream, "encoding", None) or "utf-8", "replace")
    try:
        stream.write(what)
    except UnicodeEncodeError:
        encoding = getattr(stream, "encoding", None) or "ascii"
        stream.write(what.encode(encoding, "backslashreplace").decode(encoding))


def _log(packed: bytes, worker: int, pid: int, *, filtered: bool) -> None:
    fields = _unpack(packed)
    if fields is None:
        return
    record = logging.makeLogRecord(fields)
    if record.process in (pid, None):
        # Another number is that of a worker of the worker, which has its name already.
        record.processName = f"poolwise-{worker}"
    target = logging.getLogger(record.name)
    if not target.isEnabledFor(record.levelno) or target.disabled:
        return
    if filtered:
        target.callHandlers(record)
    else:
        target.handle(record)


def _warn(packed: bytes) -> None:
    told = _unpack(packed)
    if told is None:
        return
    message, category, filename, lineno, module = told
    home = sys.modules.get(module) if module is not None else None
    registry = vars(home).setdefault("__warningregistry__", {}) if home is not None else _homeless
    warnings.warn_explicit(message, category, filename, lineno, module, registry)


def _unpack(packed: bytes) -> Any:  # noqa: ANN401 - what the worker has packed
    try:
        return pickle.loads(packed)
    except Exception as error:  # noqa: BLE001 - a __setstate__ may raise anything, and classes may be missing here
        logger.warning("something that a worker logged or warned of cannot be unpickled here: %s", show_error(error))
        return None
