"""One request and its answer, over aiohttp's connections and by its parser."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from poolwise.errors import MissingExtraError
from poolwise.web.decode import offered
from poolwise.web.explain import explain
from poolwise.web.idle import Idle
from poolwise.web.options import ClientOptions
from poolwise.web.patience import Patience
from poolwise.web.proxies import Proxies
from poolwise.web.request import Lines, request_bytes
from poolwise.web.session import MOST_INTERIM, refuse_interim, response_class, tracing
from poolwise.web.urls import Url

if TYPE_CHECKING:
    from collections.abc import Callable

    import aiohttp
    from aiohttp.connector import Connection

# What arrives is handed over in pieces of this size, and at most a few of them wait: the memory of a long body.
BUFFER: Final = 64 * 1024
# A name's address is asked for again after this time, as browsers do.
DNS_S: Final = 60
SWITCHES: Final = 101


class Answer:
    """What came of a request: status and headers at once, the body when it is read."""

    __slots__ = ("_closed", "_content", "_give_back", "headers", "mapping", "reason", "status", "url", "version")

    def __init__(
        self,
        url: Url,
        head: aiohttp.http.RawResponseMessage | aiohttp.ClientResponse,
        content: aiohttp.StreamReader,
        connection: Connection | None,
        give_back: Callable[[], object],
    ) -> None:
        """Take what the parser has found; ``give_back`` is called once nobody reads on."""
        self._content = content
        self._give_back: Callable[[], object] | None = give_back
        protocol = connection.protocol if connection is not None and not content.is_eof() else None
        self._closed = protocol.closed if protocol is not None else None
        if self._closed is not None:
            self._closed.remove_done_callback(_heard)  # of an earlier answer over this connection
            self._closed.add_done_callback(_heard)
            self._closed.add_done_callback(self._on_close)
        self.url = url
        self.status: int = getattr(head, "code", None) or getattr(head, "status")  # noqa: B009
        self.reason = head.reason or ""
        """The server's words for its status."""
        version = head.version
        self.version = f"{version.major}.{version.minor}" if version else None
        self.mapping = head.headers
        """Headers to look up, in whatever case."""
        self.headers = tuple(head.headers.items())
        if not "".join([value for _, value in self.headers]).isascii():
            self.headers = tuple((_readable(name), _readable(value)) for name, value in self.headers)

    def header(self, name: str) -> str | None:
        """Give the first header of that name; two of them are no list here."""
        return self.mapping.get(name)

    def all_of(self, name: str) -> str:
        """Give a header that may come in several lines, as one list."""
        return ",".join(self.mapping.getall(name, ()))

    @property
    def is_here(self) -> bool:
        """Whether the rest of the body has arrived, so that reading waits for nothing."""
        return self._content.is_eof()

    def rest(self) -> bytes:
        """Give the rest of a body that is here."""
        return self._content.read_nowait()

    async def read(self) -> bytes:
        """Give what has arrived of the body, waiting for something; nothing at its end."""
        try:
            return await self._content.readany()
        except Exception as error:
            trouble = explain(error, self.url)
            if trouble is None:
                raise
            raise trouble from error

    def end(self) -> None:
        """Give the connection back where the body was read to its end, else close it; once only."""
        give_back, self._give_back = self._give_back, None
        if give_back is None:
            return
        if self._closed is not None:
            self._closed.remove_done_callback(self._on_close)
        give_back()

    def _on_close(self, _closed: asyncio.Future[None]) -> None:
        """End the wait for more: over a garbled chunk aiohttp closes the connection, and tells no reader so."""
        import aiohttp  # noqa: PLC0415 - an extra

        if not self._content.is_eof() and self._content.exception() is None:
            self._content.set_exception(aiohttp.ClientPayloadError("the connection was closed over what it brought"))


def _heard(closed: asyncio.Future[None]) -> None:
    """Take note of how a connection ended, lest asyncio complains that nobody does."""
    closed.exception()


def _readable(text: str) -> str:
    """Read a header that is no UTF-8 as Latin-1, which HTTP once was (RFC 9110, section 5.5)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape").decode("latin-1")
    return text


class Transport:
    """Sends requests over connections that are kept; in one event loop, between ``open`` and ``close``."""

    def __init__(self, options: ClientOptions) -> None:
        self._options = options
        self._proxies = Proxies.from_environment()
        self._always: Lines = (
            ("User-Agent", options.user_agent),
            ("Accept", "*/*"),
            ("Accept-Encoding", offered()),
        )
        limits = options.limits
        self._limits: dict[str, Any] = {
            "read_bufsize": BUFFER,
            "max_line_size": limits.max_header_line,
            "max_field_size": limits.max_header_line,
            "max_headers": limits.max_headers,
        }
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the connector, in the event loop that runs."""
        try:
            import aiohttp  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise MissingExtraError("fetching needs aiohttp: pip install 'poolwise[fetch]' brings it") from error
        from yarl import URL  # noqa: PLC0415 - it comes with aiohttp

        self._as_yarl, self._as_request = URL, aiohttp.ClientRequest
        self._no_limit = aiohttp.ClientTimeout(total=None)  # ours is one alarm, see patience.py
        self._loop = asyncio.get_running_loop()
        self._idle = Idle(self._loop)
        # Who calls decides how much is under way at a time.
        self._connector = aiohttp.TCPConnector(limit=0, ttl_dns_cache=DNS_S, ssl=self._options.verify)
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=self._no_limit,
            trace_configs=[tracing()],
            headers=dict(self._always),
            auto_decompress=False,
            response_class=response_class(),
            **self._limits,
        )
        # aiohttp would send a request again by itself, also where a new connection broke; the client counts tries.
        self._session._retry_connection = False  # noqa: SLF001 - there is no public switch; unknown, it does nothing

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            self._idle.close()
            await self._session.close()

    async def get(self, url: Url, headers: Mapping[str, str], patience: Patience) -> Answer:
        """Ask for a URL; raises TroubleError, and TimeoutError where the alarm of ``patience`` rang."""
        proxy: dict[str, Any] = self._proxies.arguments(url) if self._proxies else {}
        try:
            answer = await (
                self._by_proxy(url, headers, patience, proxy) if proxy else self._go(url, headers, patience)
            )
        except Exception as error:
            trouble = explain(error, url)
            if trouble is None:
                raise
            raise trouble from error
        patience.answered()
        return answer

    async def _go(self, url: Url, headers: Mapping[str, str], patience: Patience) -> Answer:
        """Ask the host itself."""
        request = request_bytes(url, self._always, tuple(headers.items()))
        origin = url.origin
        connection = self._idle.take(origin)
        if connection is None:
            connection = await self._connect(origin, patience)
        else:
            patience.connected(anew=False)
        try:
            head, content = await self._exchange(connection, request)
        except BaseException:
            connection.close()
            raise
        return Answer(url, head, content, connection, lambda: self._idle.keep(origin, connection))

    async def _connect(self, origin: str, patience: Patience) -> Connection:
        patience.connecting()
        wanted = self._as_request("GET", self._as_yarl(origin, encoded=True), loop=self._loop, session=self._session)
        connection = await self._connector.connect(wanted, [], self._no_limit)
        patience.connected(anew=True)
        return connection

    async def _exchange(
        self, connection: Connection, request: bytes
    ) -> tuple[aiohttp.http.RawResponseMessage, aiohttp.StreamReader]:
        """Send, and give the final answer's head and the body behind it."""
        protocol = connection.protocol
        if protocol is None or protocol.transport is None:
            raise ConnectionResetError("closed before anything was sent")
        protocol.set_response_params(read_until_eof=True, auto_decompress=False, **self._limits)
        protocol.transport.write(request)
        for _ in range(MOST_INTERIM):
            head, content = await protocol.read()
            if head.code >= 200 or head.code == SWITCHES:  # noqa: PLR2004 - the classes of HTTP
                return head, content
        raise refuse_interim()

    async def _by_proxy(
        self, url: Url, headers: Mapping[str, str], patience: Patience, proxy: dict[str, Any]
    ) -> Answer:
        assert self._session is not None  # noqa: S101 - the client opens it
        response = await self._session.get(
            self._as_yarl(str(url), encoded=True),
            headers=headers,
            allow_redirects=False,
            trace_request_ctx=patience,
            **proxy,
        )
        return Answer(url, response, response.content, response.connection, response.release)
