"""Errors that company causes: what fails among many, and would not have failed alone.

A function that works in a loop may fail beside others of its kind: a server refuses (429, 503), files run out, a
database is locked, an object belongs to the thread that made it. The caller of ``map`` has not asked for company, so
such an item is no failure yet: it is tried again with less of it, down to none.
"""

from __future__ import annotations

import errno
from typing import Literal, TypeAlias

from poolwise.errors import InteractionError
from poolwise.work.trouble import causes, status_of

Crowding: TypeAlias = Literal["refused", "thread"]
"""The far side, or this machine, could not serve so many at once; or only the calling thread may do it."""

# Too Many Requests (RFC 6585, section 4) and Service Unavailable (RFC 9110, section 15.6.4): both mean "not now".
REFUSALS = frozenset({429, 503})
# Out of open files, of processes or threads, of buffers, of local ports; nobody took the connection, or it was dropped.
SCARCE = frozenset(
    {
        errno.EMFILE,
        errno.ENFILE,
        errno.EAGAIN,
        errno.ENOBUFS,
        errno.EADDRNOTAVAIL,
        errno.ECONNREFUSED,
        errno.ECONNRESET,
    }
)
# What libraries say of objects that belong to one thread: sqlite3, signal, asyncio, threading.local, GUI toolkits.
THREAD_WORDS = ("created in a thread can only be used in that same thread", "main thread", "event loop in thread")
LOCAL_WORDS = "'_thread._local' object has no attribute"
LOCKED_WORDS = ("database is locked", "database table is locked", "can't start new thread")


def crowding(error: BaseException) -> Crowding | None:
    """Say in which way company may have caused an error; None: in none that is known."""
    if isinstance(error, InteractionError):
        # The keyboard is such an object, too.
        return "thread"
    text = _text(error)
    if any(words in text for words in THREAD_WORDS) or (isinstance(error, AttributeError) and LOCAL_WORDS in text):
        return "thread"
    if status_of(error) in REFUSALS or _is_scarce(error) or any(words in text for words in LOCKED_WORDS):
        return "refused"
    return None


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - a user's __str__ may raise anything; then it has said nothing
        return ""


def _is_scarce(error: BaseException) -> bool:
    """Tell whether the system could not give enough; libraries wrap that in errors of their own."""
    return any(isinstance(each, OSError) and each.errno in SCARCE for each in causes(error))
