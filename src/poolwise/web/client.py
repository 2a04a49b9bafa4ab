"""The client: one request gives one record, and every limit is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Protocol, Self

from poolwise.errors import FetchError
from poolwise.web.body import Body
from poolwise.web.onward import onward, shown
from poolwise.web.options import ClientOptions, Limits
from poolwise.web.patience import Patience
from poolwise.web.record import Page, PageError
from poolwise.web.retry_after import retry_after
from poolwise.web.sink import SinkFactory
from poolwise.web.transport import Answer, Transport
from poolwise.web.trouble import Kind, TroubleError, is_passing
from poolwise.web.urls import BadUrlError, Url, parse_url

# 300 and 305 have no place to go to that could be trusted, 304 means something else (RFC 9110, section 15.4).
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
NOT_MODIFIED: Final = 304
# Headers of the caller's that say nothing of who calls: they may go to an origin that the caller has not named.
HARMLESS: Final = frozenset({"accept", "accept-language"})
# A short page with an error's words is read, so that its connection can be used again; not for long.
DRAIN_BYTES: Final = 64 * 1024
DRAIN_S: Final = 1.0
# Connections that were left open may all have been closed at the far end meanwhile (RFC 9112, section 9.3.1).
MOST_STALE: Final = 3


class Target(Protocol):
    """A line of a list of URLs."""

    @property
    def url(self) -> str:
        """The URL as it was given."""
        ...

    @property
    def asked(self) -> Url:
        """The same, read."""
        ...

    @property
    def number(self) -> int:
        """The number of its line, from 1."""
        ...


class Client:
    """Fetches pages over connections that it keeps: ``async with Client(options) as client``, in one event loop."""

    def __init__(self, options: ClientOptions | None = None) -> None:
        self._options = options or ClientOptions()
        self._transport = Transport(self._options)
        self._own = dict(self._options.headers)
        self._harmless = {name: value for name, value in self._own.items() if name.lower() in HARMLESS}

    async def __aenter__(self) -> Self:
        await self._transport.open()
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        await self._transport.close()

    async def fetch(
        self,
        url: str | Target,
        *,
        sink: SinkFactory | None = None,
        conditions: Mapping[str, str] | None = None,
        limits: Limits | None = None,
    ) -> Page:
        """Fetch one page.

        ``sink`` is called when the answer's headers are there and gives the place for its body; without it the body is
        in the record. ``conditions`` are headers such as ``If-None-Match``; then a 304 is a good answer, without body.
        ``limits`` takes the place of the client's own for this page, but for those of headers.
        Raises FetchError, with the record, where the page cannot be had; what a sink raises comes out as itself.
        """
        return await _Trip(limits or self._options.limits, self._transport, url, sink).run(
            {**self._own, **conditions} if conditions else self._own,
            {**self._harmless, **conditions} if conditions else self._harmless,
            conditional=bool(conditions),
        )


class _Trip:
    """One page's way from the URL to the record."""

    __slots__ = (
        "_body",
        "_head",
        "_limits",
        "_patience",
        "_redirects",
        "_sink",
        "_transport",
        "_url",
        "at",
        "number",
        "url",
    )

    def __init__(self, limits: Limits, transport: Transport, url: str | Target, sink: SinkFactory | None) -> None:
        self._transport = transport
        self._limits = limits
        self._sink = sink
        self._url: Url | None = None
        if isinstance(url, str):
            self.url, self.number = url, 0
        else:
            self.url, self.number, self._url = url.url, url.number, url.asked
        self.at = datetime.now(UTC)
        self._patience = Patience(asyncio.get_running_loop(), limits)
        self._redirects: list[str] = []
        self._head: Answer | None = None
        self._body: Body | None = None

    async def run(self, own: Mapping[str, str], harmless: Mapping[str, str], *, conditional: bool) -> Page:
        """Go, and give the record."""
        try:
            async with self._patience.alarm:
                answer = await self._follow(own, harmless)
                try:
                    return await self._take(answer, conditional=conditional)
                finally:
                    answer.end()
        except TroubleError as trouble:
            raise self._failed(trouble) from trouble.__cause__ or trouble
        except TimeoutError as error:
            if not self._patience.alarm.expired:
                raise  # a sink's own
            raise self._failed(self._patience.trouble()) from error

    # --- Asking ------------------------------------------------------------------------------------------------------

    async def _follow(self, own: Mapping[str, str], harmless: Mapping[str, str]) -> Answer:
        """Ask, and follow redirects to an answer that is none."""
        try:
            url = self._url or parse_url(self.url)
        except BadUrlError as error:
            self.url = shown(self.url)[1:-1]
            raise TroubleError("address", str(error)) from error
        answer = self._head = await self._ask(url, own)
        if answer.status not in REDIRECTS:
            return answer
        home, seen = url.origin, {url}
        while answer.status in REDIRECTS:
            await self._drain(answer)
            url = self._next(answer, seen)
            seen.add(url)
            self._redirects.append(str(answer.url))
            answer = self._head = await self._ask(url, own if url.origin == home else harmless)
        return answer

    async def _ask(self, url: Url, headers: Mapping[str, str]) -> Answer:
        for _ in range(MOST_STALE):
            try:
                return await self._transport.get(url, headers, self._patience)
            except TroubleError as trouble:
                if trouble.kind != "dropped" or not self._patience.reused:
                    raise
        return await self._transport.get(url, headers, self._patience)

    def _next(self, answer: Answer, seen: set[Url]) -> Url:
        """Say where a redirect leads; raises TroubleError where it may not be followed."""
        location, most = answer.header("Location"), self._limits.max_redirects
        if location is None:
            raise TroubleError("redirect", f"{answer.url} redirects ({answer.status}), and does not say where to")
        try:
            url = onward(location, answer.url)
        except BadUrlError as error:
            words = f"{answer.url} redirects to {shown(location)}, which is not followed: {error}"
            raise TroubleError("redirect", words) from error
        if url in seen:
            words = f"{answer.url} redirects to {url}, which was asked already; it may want cookies, which are not kept"
            raise TroubleError("redirect_loop", words)
        if len(self._redirects) >= most:
            words = f"{answer.url} redirects to {url} after {most} redirects, the most that are followed"
            raise TroubleError("redirects", words)
        return url

    async def _drain(self, answer: Answer) -> None:
        """Read the little that is left, so that the connection can be used again; else it is closed."""
        if answer.is_here:
            answer.end()
            return
        try:
            async with self._patience.aside(DRAIN_S):
                size = 0
                while size < DRAIN_BYTES and (data := await answer.read()):
                    size += len(data)
        except (TroubleError, TimeoutError):
            pass  # what is known of the page is known already
        finally:
            answer.end()

    # --- Taking ------------------------------------------------------------------------------------------------------

    async def _take(self, answer: Answer, *, conditional: bool) -> Page:
        """Take the body in, and give the record."""
        self._check(answer)
        if answer.status >= BAD:
            await self._drain(answer)
            raise TroubleError("status", f"HTTP {answer.status} {answer.reason}".rstrip())
        if answer.status == NOT_MODIFIED:
            if not conditional:
                raise TroubleError("status", f"HTTP {answer.status}, though no condition was sent")
            return self._page()
        if self._sink is None:
            parts: list[bytes] = []
            await self._take_into(answer, parts.append)
            return self._page(body=b"".join(parts))
        return await self._take_to(answer, self._sink)

    def _check(self, answer: Answer) -> None:
        if answer.status < GOOD:
            raise TroubleError("not_http", f"the server switches to another protocol ({answer.status}) unasked")
        limit = self._limits.max_header_bytes
        if len("".join([name + value for name, value in answer.headers])) > limit:
            raise TroubleError("headers", f"the headers have more than {limit:,} bytes, which are taken at most")

    async def _take_to(self, answer: Answer, make: SinkFactory) -> Page:
        sink = make(answer.status, answer.mapping, str(answer.url))
        try:
            await self._take_into(answer, sink.write)
            path = sink.finish()
        except BaseException:
            sink.abandon()
            raise
        return self._page(path=path)

    async def _take_into(self, answer: Answer, write: Callable[[bytes], object]) -> None:
        self._body = Body(answer, write, self._limits.max_bytes, self._patience)
        await self._body.take()

    # --- Telling -----------------------------------------------------------------------------------------------------

    def _page(self, *, body: bytes | None = None, path: str | None = None, error: PageError | None = None) -> Page:
        head, taken, patience = self._head, self._body, self._patience
        return Page(
            url=self.url,
            number=self.number,
            status=head.status if head else None,
            # Of a page that has not moved, the same text.
            final_url=None if head is None else self.url if head.url is self._url else str(head.url),
            headers=head.headers if head else (),
            redirects=tuple(self._redirects),
            bytes=taken.size if taken else 0,
            received=taken.received if taken else 0,
            connect_s=patience.connect_s,
            first_byte_s=patience.first_byte_s,
            total_s=patience.elapsed_s,
            http_version=head.version if head else None,
            path=path,
            body=body,
            error=error,
            fetched_at=self.at.isoformat(),
        )

    def _failed(self, trouble: TroubleError) -> FetchError:
        kind: Kind = trouble.kind
        status = self._head.status if self._head is not None else None
        wanted = self._head.header("Retry-After") if self._head is not None and kind == "status" else None
        return FetchError(
            self._page(error=PageError(kind, trouble.message)),
            worth_retrying=is_passing(kind, status),
            retry_after_s=retry_after(wanted, datetime.now(UTC)),
        )


BAD: Final = 400
GOOD: Final = 200
