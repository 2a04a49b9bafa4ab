"""What an error says of a service that was asked, found where the error was raised.

HTTP errors often do not survive a pickle, and their headers never do; so this is looked at in the worker, and travels
as plain words (``model.events.Trouble``). Only what waiting may mend counts: that a page is not there (404), or that a
file is not, says nothing of a service.
"""

from __future__ import annotations

import contextlib
import errno
import math
import sys
import time
from collections.abc import Iterator
from typing import Any

from poolwise.model.events import Trouble
from poolwise.model.units import Seconds

# Request Timeout, Too Early, Too Many Requests, and whatever the server owns up to (RFC 9110, section 15; RFC 8470;
# RFC 6585).
TIMEOUT, TOO_EARLY, TOO_MANY, SERVER = 408, 425, 429, range(500, 600)
# What the server will not be able to do later either: Not Implemented, HTTP Version Not Supported.
NEVER = frozenset({501, 505})
# Types that mean "nobody answered", by the names that they have in the standard library, in urllib3 and requests, in
# httpx and in aiohttp: to look for them by name imports none of these.
SILENT = frozenset(
    {
        *("ConnectionError", "TimeoutError", "gaierror", "IncompleteRead"),
        *("Timeout", "ProtocolError", "TransportError", "ClientConnectionError", "ClientPayloadError"),
    }
)
UNREACHABLE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.ENOBUFS})
# urllib3 and requests wrap three deep; a chain that goes in circles must end.
MOST_CAUSES = 8


def trouble_of(error: BaseException) -> Trouble | None:
    """Say what an error tells of a service; None: nothing, or nothing that waiting could mend."""
    try:
        return _look(error)
    except Exception:  # noqa: BLE001 - a user's exception may raise whatever it likes when it is looked at
        return None


def status_of(error: BaseException) -> int | None:
    """Find the HTTP status where clients keep it: urllib, requests, httpx, aiohttp."""
    for holder in (error, getattr(error, "response", None)):
        for name in ("status_code", "status", "code"):
            status = getattr(holder, name, None)
            if isinstance(status, int):
                return status
    return None


def _look(error: BaseException) -> Trouble | None:
    status, asked_s = status_of(error), _asked_s(error)
    if asked_s is not None:
        # Some refuse with 403 and say when to come back.
        return Trouble(asked_s, f"HTTP {status}" if status else type(error).__name__)
    if status is not None and 100 <= status < 600:  # noqa: PLR2004 - the range of HTTP's numbers
        bad = status in {TIMEOUT, TOO_EARLY, TOO_MANY} or (status in SERVER and status not in NEVER)
        return Trouble(None, f"HTTP {status}") if bad else None
    chain = list(causes(error))
    if any(_is_unknown_host(each) for each in chain):
        return None
    return next((Trouble(None, type(each).__name__) for each in chain if _is_silence(each)), None)


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Give an error and what led to it; libraries wrap what the system said in errors of their own."""
    for _ in range(MOST_CAUSES):
        if error is None:
            return
        yield error
        reason = getattr(error, "reason", None)
        error = reason if isinstance(reason, BaseException) else error.__cause__ or error.__context__


def _is_unknown_host(error: BaseException) -> bool:
    """Tell whether the name of the host is known to nobody: a name server that does not answer says so otherwise."""
    if not isinstance(error, OSError) or type(error).__name__ != "gaierror":
        return False
    from socket import EAI_AGAIN  # noqa: PLC0415 - whoever raises this has imported it

    return error.errno != EAI_AGAIN


def _is_silence(error: BaseException) -> bool:
    named = any(kind.__name__ in SILENT for kind in type(error).__mro__)
    return named or (isinstance(error, OSError) and error.errno in UNREACHABLE)


# --- Retry-After ---------------------------------------------------------------------------------------------------


def _asked_s(error: BaseException) -> Seconds | None:
    """Say how long an answer wants to be waited for: by an attribute of the error, or by its headers."""
    for name in ("retry_after_s", "retry_after"):
        if (found := read_retry_after(getattr(error, name, None))) is not None:
            return found
    for holder in (error, getattr(error, "response", None)):
        get = getattr(getattr(holder, "headers", None), "get", None)
        if callable(get) and (value := _header(get, "Retry-After")) is not None:
            return read_retry_after(value, _header(get, "Date"))
    return None


def _header(get: Any, name: str) -> Any:  # noqa: ANN401 - whatever a client calls headers
    """Look a header up as it is written and in small letters: a plain dict knows one of them at most."""
    value = get(name)
    return get(name.lower()) if value is None else value


def read_retry_after(value: object, date: object = None) -> Seconds | None:
    """Read ``Retry-After``: seconds, or a time of day, which counts from the ``Date`` of the answer (RFC 9110, 10.2.3).

    By the server's own clock, where it tells it: ours may be wrong.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = _until(str(value), date)
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _until(moment: str, date: object) -> Seconds:
    then = _moment(moment)
    now = _moment(date) if isinstance(date, str) else math.nan
    return then - (time.time() if math.isnan(now) else now)


def _moment(text: str) -> float:
    """Read an HTTP date as seconds since 1970; NaN where it is none."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - few services give a date, and it takes 10 ms

    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return math.nan


def let_go(error: BaseException) -> None:
    """Close the answer that urllib's error of a server is, where nobody will see the error.

    Else its connection stays open until the garbage collector comes, of which Python 3.14 and newer warn.
    """
    kind = getattr(sys.modules.get("urllib.error"), "HTTPError", None)
    if kind is not None and isinstance(error, kind):
        answer: Any = error
        with contextlib.suppress(OSError, ValueError):
            answer.close()
