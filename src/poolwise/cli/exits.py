"""How the command ends: every exit code, in one table, and the errors that lead there."""

from __future__ import annotations

import os
import signal
import threading

from poolwise.errors import CallerError, InputError, JournalError, PoolwiseError, StorageError, TargetError
from poolwise.model.units import Seconds

DONE = 0
FAILED = 1
USAGE = 2
INPUT = 3
TARGET = 4
OUTPUT = 5
JOURNAL = 6
INTERNAL = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED = 128 + signal.SIGINT  # 130; a shell adds 128 to the number of the signal that ended a program
CLOSED = 128 + 13  # 141, SIGPIPE, which Windows does not name
TERMINATED = 128 + signal.SIGTERM  # 143

MEANINGS: dict[int, str] = {
    DONE: "all done",
    FAILED: "an item failed, a replay decided otherwise, ways of a race differ, or a kept result cannot be read",
    USAGE: "wrong usage or option",
    INPUT: "input that cannot be read or is malformed",
    TARGET: "the target cannot be loaded",
    OUTPUT: "the output cannot be written",
    JOURNAL: "the journal cannot be used",
    INTERNAL: "an internal error; please report it",
    INTERRUPTED: "interrupted by Ctrl-C",
    CLOSED: "the output was closed by its reader",
    TERMINATED: "terminated",
}

# A thread that was left behind in the middle of an item may hold the interpreter's end back so long, and no longer.
LEAVE_WITHIN_S: Seconds = 0.5


class UsageError(CallerError):
    """The command line contradicts itself or lacks something."""


class OutputError(PoolwiseError):
    """Results cannot be written; the text says where and why."""


class OutputClosedError(OutputError):
    """The reader of our output has seen enough (``| head``): no error, nothing to tell."""


# The first type that fits, from the special to the general.
CODES: tuple[tuple[type[PoolwiseError], int], ...] = (
    (InputError, INPUT),
    (TargetError, TARGET),
    (OutputClosedError, CLOSED),
    (OutputError, OUTPUT),
    (JournalError, JOURNAL),
    (StorageError, OUTPUT),
    (CallerError, USAGE),
)


def code_of(error: PoolwiseError) -> int | None:
    """Give the exit code for an error whose text is all that the caller needs; None for any other."""
    return next((code for kind, code in CODES if isinstance(error, kind)), None)


def table() -> str:
    """Say in a few lines what each exit code means."""
    return "exit codes:\n" + "\n".join(f"  {code:>3}  {meaning}" for code, meaning in sorted(MEANINGS.items()))


def leave_soon(code: int) -> None:
    """End this process within ``LEAVE_WITHIN_S``, even where the interpreter waits for threads of the user's code."""
    timer = threading.Timer(LEAVE_WITHIN_S, os._exit, (code,))
    timer.daemon = True
    timer.start()
