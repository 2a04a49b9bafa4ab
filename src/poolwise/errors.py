"""What can go wrong, and who can mend it.

::

    PoolwiseError
    ├── CallerError                 the call itself is wrong: mend the arguments
    │   ├── OptionError             (ValueError) an option has a value that cannot be used
    │   ├── UnknownOptionError      (TypeError)  there is no such option here
    │   ├── NotCallableError        (TypeError)  the function cannot be called
    │   ├── TargetError             (ImportError) MODULE:FUNCTION names nothing
    │   ├── MissingExtraError       (ImportError) a library is needed that an extra of Poolwise installs
    │   ├── InputError              (ValueError) an input file cannot be read, with its line
    │   ├── TimerError              (RuntimeError) a timer is asked for a timing too early, or started twice
    │   └── NestedStartError        (RuntimeError) a worker imports a module that starts a pool when imported
    ├── FunctionError               the function, on one item: mend the function or the item
    │   ├── TaskTimeoutError        (TimeoutError) the item took longer than ``timeout``
    │   ├── FunctionExitedError     the function called ``sys.exit``
    │   ├── InteractionError        (RuntimeError) it asked for somebody at the keyboard, in a worker
    │   ├── NotAwaitableError       (TypeError) an event loop was asked for, and the function gave no coroutine
    │   ├── InitializerError        the initializer raised
    │   ├── RecordedError           what it raised in an earlier run, told from a journal, since it cannot be read back
    │   ├── TooManyFailuresError    more items failed than ``max_failures`` allows; it holds what is done
    │   └── ShippingError           something cannot travel between processes
    │       ├── FunctionShippingError, ItemShippingError, ResultShippingError, ErrorShippingError
    ├── WorkerError                 a worker, with no word from the function: look at the machine
    │   ├── WorkerDiedError         it died in the middle of an item
    │   └── WorkerStartError        it never became ready
    ├── JournalError                the journal cannot be used: look at the file, or at what is to be done with it
    │   ├── JournalChangedError     the function has changed since results were recorded
    │   ├── JournalKeyError         (TypeError) an item cannot be told from others by its content
    │   ├── JournalUnsafeError      somebody else could have written it, and reading it may run code
    │   ├── JournalBusyError        another run, or another program, is using it
    │   ├── JournalDamagedError     it is no journal, or not whole, or of a newer Poolwise
    │   └── JournalWriteError       it cannot be written: the disk is full, the file read-only ...
    ├── FetchError                  a page could not be fetched; ``page`` is its record: look at its ``error``
    ├── StorageError                (OSError) the disk takes nothing more: it is full, read-only or not yours
    └── InternalError               us: an impossible state, with its story; please report it

What a user's function raises comes out as itself, never wrapped; a note says on which item it was raised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from poolwise.web.record import Page


class PoolwiseError(Exception):
    """Any error of Poolwise's own; catch this to catch them all."""


class CallerError(PoolwiseError):
    """The call itself is wrong; nothing has run."""


class OptionError(CallerError, ValueError):
    """An option has a value that cannot be used; the text says which values can."""


class UnknownOptionError(CallerError, TypeError):
    """There is no such option; the text names the nearest that exists."""


class NotCallableError(CallerError, TypeError):
    """The first argument cannot be called."""


class TargetError(CallerError, ImportError):
    """``MODULE:FUNCTION`` names nothing that can be called."""


class MissingExtraError(CallerError, ImportError):
    """What was asked for needs a library that is not installed; the text names the extra that brings it."""


class InputError(CallerError, ValueError):
    """An input file cannot be read or has a malformed line, which the text numbers."""


class TimerError(CallerError, RuntimeError):
    """A timer is asked for its timing before there is one, or is started while it runs."""


class NestedStartError(CallerError, RuntimeError):
    """A module starts a pool while a worker imports it, so that every worker would start workers of its own."""


class FunctionError(PoolwiseError):
    """The function could not be brought to a result on one item."""


class TaskTimeoutError(FunctionError, TimeoutError):
    """The item took longer than ``timeout`` seconds."""


class FunctionExitedError(FunctionError):
    """The function called ``sys.exit``, which ends a worker and not your program; told as this item's failure."""


class InteractionError(FunctionError, RuntimeError):
    """The function asked for somebody at the keyboard (``breakpoint()``, pdb, ``input()``) in a worker."""


class NotAwaitableError(FunctionError, TypeError):
    """An event loop was asked for, and what the function gave cannot be awaited."""


class InitializerError(FunctionError):
    """The initializer raised, so that no worker could become ready; its own error is the cause."""


class RecordedError(FunctionError):
    """An item failed in an earlier run; what was raised then cannot be read back, and this tells of it."""


class TooManyFailuresError(FunctionError):
    """More items failed than ``max_failures`` allows, and the run was ended; what is done is kept in here."""

    def __init__(self, text: str, failures: Sequence[Any] = (), done: Mapping[int, Any] | None = None) -> None:
        """Keep the ``failures`` and what is ``done``."""
        super().__init__(text)
        self.failures = tuple(failures)
        """The ``Failure`` of each item that failed, in the order of the items."""
        self.done: dict[int, Any] = dict(done or {})
        """Results by the index of their item: all that were done; of ``imap``, those that had not been taken."""


class ShippingError(FunctionError):
    """Something cannot be pickled, and so cannot travel between processes."""


class FunctionShippingError(ShippingError):
    """The function cannot travel to another process."""


class ItemShippingError(ShippingError):
    """The item cannot travel to another process."""


class ResultShippingError(ShippingError):
    """The function's result cannot travel back from the worker."""


class ErrorShippingError(ShippingError):
    """The function raised something that cannot travel back; the text holds its type, words and traceback."""

    kinds: tuple[str, ...] = ()
    """The qualified names of its type and of those that this one is derived from: ``builtins.OSError``."""


class WorkerError(PoolwiseError):
    """A worker failed without a word from the function."""


class WorkerDiedError(WorkerError):
    """A worker process died in the middle of an item."""


class WorkerStartError(WorkerError):
    """Workers die before they are ready to work."""


class JournalError(PoolwiseError):
    """The journal cannot be used; the text says why and what to do. What it held before is as it was."""

    def __init__(self, text: str, unsaved: dict[int, object] | None = None) -> None:
        """Tell ``text``, and keep the results that could not be written: the item's index, and its result."""
        super().__init__(text)
        self.unsaved = unsaved or {}


class JournalChangedError(JournalError):
    """The function has changed since results were recorded; the text says how many, and the ways to go on."""


class JournalKeyError(JournalError, TypeError):
    """An item's content cannot tell it from other items, and ``Journal(path, key=...)`` has to."""


class JournalUnsafeError(JournalError):
    """Somebody else could have written the journal, and reading pickled results is running code."""


class JournalBusyError(JournalError):
    """Another run or another program is using the journal; the text says which, where that is known."""


class JournalDamagedError(JournalError):
    """The file is no journal, or not whole, or of a newer Poolwise."""


class JournalWriteError(JournalError):
    """The journal cannot be written: a full disk, a read-only file; what it held before is as it was."""


class FetchError(PoolwiseError):
    """A page could not be fetched; ``page`` is its record, whose ``error`` says why."""

    def __init__(self, page: Page, *, worth_retrying: bool, retry_after_s: float | None = None) -> None:
        """Keep the record of the page, and what is known of another try."""
        super().__init__(f"{page.url}: {page.error}")
        self.page = page
        """The ``poolwise.Page``."""
        self.worth_retrying = worth_retrying
        """Whether it may go well another time."""
        self.retry_after_s = retry_after_s
        """Seconds after which the server wants to be asked again (its ``Retry-After``); None: it has not said."""

    @property
    def status(self) -> int | None:
        """The status of the answer; None: there was none."""
        return self.page.status

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel as what it was made of."""
        return _fetch_error, (self.page, self.worth_retrying, self.retry_after_s)


def _fetch_error(page: Page, worth_retrying: bool, retry_after_s: float | None) -> FetchError:  # noqa: FBT001 - pickle
    return FetchError(page, worth_retrying=worth_retrying, retry_after_s=retry_after_s)


class StorageError(PoolwiseError, OSError):
    """Files cannot be written, and the next one would fare no better; the text says where, why and what helps."""


class InternalError(PoolwiseError):
    """An impossible state of our own; the text tells its story. Please report it."""


class RemoteTraceback(Exception):  # noqa: N818 - it is no error of its own: it carries a worker's traceback as the cause
    """The traceback of an exception as it stood in the worker; set as the exception's ``__cause__``."""

    def __init__(self, text: str) -> None:
        """Keep the formatted traceback ``text``."""
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        """Show the worker's traceback between quotes, as the standard library does."""
        return f'\n"""\n{self.text}"""'
