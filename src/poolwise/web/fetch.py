"""``poolwise.fetch``: web pages, many at a time and few from each server, as records that come one by one.

Pages are fetched by a coroutine function (``fetcher.py``) that the engine runs as it runs any other: it says how many
at a time, what is tried again and when, and a journal knows what is done already.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Generator, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Unpack

from poolwise.api.execution import Execution
from poolwise.api.imap import ResultIterator
from poolwise.api.map import make_execution
from poolwise.backends.coroutines import LoopThread
from poolwise.errors import FetchError, StorageError
from poolwise.model.classes import replace
from poolwise.model.events import Batch
from poolwise.model.failure import Failure
from poolwise.model.journal import Journal, as_journal
from poolwise.model.options import Options
from poolwise.model.report import Report
from poolwise.model.units import Seconds
from poolwise.web.fetcher import Fetcher, failed
from poolwise.web.files import Folder
from poolwise.web.record import Page
from poolwise.web.settings import FetchKeywords, FetchOptions
from poolwise.web.targets import BadTarget, Target, read_targets

# More pages than this are not held for those that come with them.
TOGETHER: Final = 256
# Connections that do not close within this time are left to the system.
END_PATIENCE_S: Final[Seconds] = 5.0


def fetch(urls: str | bytes | Iterable[str | bytes], /, **options: Unpack[FetchKeywords]) -> ResultIterator[Page]:
    """Fetch web pages, many at a time, as a careful person would; give a record of each as soon as it is there.

    >>> import poolwise
    >>> for page in poolwise.fetch(["http://127.0.0.1:1/nobody-listens"], robots=False, retries=0):
    ...     print(page.ok, page.error.type)
    False refused

    **Arguments**

    ``urls``: one URL, or an iterable of them: a list, an open file with one in each line, a generator without end. It
        is read as it is needed. Empty lines and lines that begin with ``#`` are skipped. What is no http or https URL
        is a page with an error, and costs nothing else.

    **Options**, all by keyword

    ``directory``: a folder below which bodies are streamed into files that are named after their URLs
        (``page.path``); it is made where there is none. None: each body is in memory (``page.body``).
    ``ordered``: False gives each page as soon as it is there; True in the order of ``urls``.
    ``errors``: ``"collect"``: a page that cannot be had is a record with an ``error``. ``"raise"``: the first ends the
        run with its ``FetchError``. ``"skip"``: it is left out.
    ``rate``: how often pages are asked of each host: a text such as ``"10/s"``. A ``poolwise.Rate`` holds as it says.
        What robots.txt asks for (``Crawl-delay``) is kept besides. None: no rate.
    ``limit``: how many requests each host has at a time. None: a few at first, and then as many as serve it best, fewer
        when it objects or slows down. A ``poolwise.Limit`` holds as it says.
    ``max_workers``: at most so many requests at a time, to all hosts together. None: as many as there may be files.
    ``retries``: try a page again up to so many times, 0 or more, where that may help: connections that fail, time-outs,
        HTTP 408, 425, 429, 500, 502, 503 and 504; after 0.5, 1, 2 … s, or when ``Retry-After`` says. Or a
        ``poolwise.Retry``.
    ``timeout``: seconds for one try, redirects and the whole body included; None: no limit but those of each step.
    ``max_bytes``: the largest body in bytes, after decoding; None: no limit.
    ``contact``: your address of mail or web, told to servers in the User-Agent. ``user_agent``: another one altogether.
    ``headers``: a dict of more headers to send. ``verify``: False does not check certificates.
    ``robots``: True asks each host for its robots.txt first, and keeps to it.
    ``journal``: a file that keeps what is done, so that the same call goes on where it has ended. A page is fetched
        again where its file is gone, or where it may go well this time. ``refresh``: True asks again for the pages that
        are in the journal, each only if it has changed (``ETag``, ``Last-Modified``).
    ``max_failures``, ``progress``, ``desc``, ``total``, ``timeline``: as in ``poolwise.map``.

    **Guarantees**

    Each page ends in one record, within its limits, whatever a server does. Files are whole or not there, below
    ``directory`` and nowhere else, and no two URLs share one. Only http and https are asked, redirects included; no
    cookies are kept. Memory stays flat. Leaving the ``with``, ``close()`` and dropping the iterator end all requests.

    **Raises**

    ``poolwise.errors.CallerError`` at once, where arguments cannot be used, ``MissingExtraError`` without the extra
    ``fetch`` (``pip install 'poolwise[fetch]'``). ``StorageError`` where files cannot be written, ``JournalError``,
    ``TooManyFailuresError``; what ``urls`` raises.
    """
    targets = read_targets([urls] if isinstance(urls, (str, bytes)) else urls)
    return ResultIterator(FetchRun(targets, FetchOptions.from_keywords("fetch", options)))


class FetchRun:
    """A run of the engine over pages, in an event loop of its own that holds the connections."""

    def __init__(self, targets: Iterable[Target | BadTarget], options: FetchOptions) -> None:
        """Check what is asked; nothing is fetched yet. Raises CallerError, StorageError."""
        self._targets, self._options = targets, options
        self._begun = datetime.now(UTC).isoformat()
        self._engine = {**options.for_engine(_worth_retrying), "journal": self._journal()}
        Options.from_keywords("fetch", self._engine)
        self._folder = Folder(options.directory) if options.directory is not None else None
        self._fetcher = Fetcher(options, self._folder)
        self._execution: Execution | None = None
        self._error: BaseException | None = None
        self._broken: BaseException | None = None
        """What the caller's iterator of URLs has raised: what it gave before that is fetched nevertheless."""
        self._cancelled = False

    # --- What an iterator of results asks ----------------------------------------------------------------------------

    @property
    def error(self) -> BaseException | None:
        """What ended the run early."""
        return self._error or (None if self._execution is None else self._execution.error)

    @property
    def advice(self) -> str | None:
        """Say what a journal has of a run that did not come to its end, and how to go on."""
        return None if self._execution is None else self._execution.advice

    def wanted(self, batch: Batch) -> Sequence[Page]:
        """Give the pages of a batch."""
        return batch.values

    def cancel(self) -> None:
        """End the run soon, from any thread."""
        self._cancelled = True
        if self._execution is not None:
            self._execution.cancel()

    def report(self) -> Report:
        """Tell what has happened so far."""
        return (self._execution or self._make(None)).report()

    def batches(self) -> Generator[Batch, None, None]:
        """Fetch, and give pages as they come; whatever happens, everything is closed."""
        thread = LoopThread()
        loop = thread.begin()
        try:
            asyncio.run_coroutine_threadsafe(self._fetcher.open(), loop).result()
            self._execution = self._make(loop)
            if not self._cancelled:
                yield from self._pages(self._execution)
        finally:
            self._close(thread, loop)

    # --- The parts ---------------------------------------------------------------------------------------------------

    def _make(self, loop: asyncio.AbstractEventLoop | None) -> Execution:
        return make_execution("fetch", self._fetcher, (self._targets,), self._engine, stream=True, event_loop=loop)

    def _pages(self, execution: Execution) -> Generator[Batch, None, None]:
        """Give pages as they come, and those that are there together at once: who writes them writes once."""
        pages: list[Page] = []
        with contextlib.closing(execution.batches()) as batches:
            for batch in batches:
                self._add(batch, pages)
                if self._error is None and execution.has_more and len(pages) < TOGETHER:
                    continue
                if pages:
                    yield Batch(batch.start, pages)
                    pages = []
                if self._error is not None:
                    return
        self._error = self._broken

    def _add(self, batch: Batch, pages: list[Page]) -> None:
        for place, value in enumerate(batch.values):
            failure = batch.failures.get(place)
            page = self._page(value) if failure is None else self._failed(failure)
            if page is not None:
                pages.append(page)
            if self._error is not None:
                return

    def _page(self, value: Any) -> Page:  # noqa: ANN401 - a Page, or what a journal has of it
        page = value if isinstance(value, Page) else Page.from_dict(value)
        return replace(page, from_journal=True) if page.fetched_at < self._begun else page

    def _failed(self, failure: Failure) -> Page | None:
        """Give the record of a page that failed, or none; note what is to end the run."""
        error = failure.error
        if failure.item is None:
            self._broken = error
            return None
        if isinstance(error, StorageError) or self._options.errors == "raise":
            self._error = error
            return None
        if self._options.errors == "skip":
            return None
        if not isinstance(error, FetchError):
            return failed(failure.item, "unexpected", f"{type(error).__name__}: {error}").page
        earlier = error.page.fetched_at < self._begun
        return replace(error.page, attempts=failure.attempts, from_journal=earlier)

    def _journal(self) -> Journal | None:
        journal = as_journal(self._options.journal)
        if journal is None:
            return None
        return replace(journal, key=journal.key or _name_of, stands=journal.stands or self._stands)

    def _stands(self, target: Target | BadTarget, result: Any) -> bool:  # noqa: ANN401 - as the journal has it
        """Tell whether what an earlier run has brought is still there, and is not to be asked for again."""
        if isinstance(result, BaseException):
            return not self._options.refresh and _is_final(result)
        page = result if isinstance(result, Page) else Page.from_dict(result)
        if self._folder is not None and not (page.path is not None and self._folder.holds(page.path, page.bytes)):
            return False
        if self._options.refresh and isinstance(target, Target):
            self._fetcher.earlier[target.url] = page
        return not self._options.refresh

    def _close(self, thread: LoopThread, loop: asyncio.AbstractEventLoop) -> None:
        try:
            with contextlib.suppress(TimeoutError):
                asyncio.run_coroutine_threadsafe(self._fetcher.close(), loop).result(END_PATIENCE_S)
        finally:
            thread.end(END_PATIENCE_S)
            if self._folder is not None:
                self._folder.close()


def _worth_retrying(error: BaseException) -> bool:
    """Tell what may go well another time."""
    return isinstance(error, FetchError) and error.worth_retrying


def _is_final(error: BaseException) -> bool:
    """Tell a failure that will be the same the next time; what robots.txt says may be another thing by then."""
    if not isinstance(error, FetchError) or error.worth_retrying or error.page.error is None:
        return False
    return error.page.error.type not in {"robots", "file"}


def _name_of(target: Target | BadTarget) -> str:
    """Name an item for a journal: a page is the same wherever it stands in a list."""
    return target.url if isinstance(target, Target) else target.line
