"""One request and its answer by aiohttp; the only place that imports it, and that knows its errors."""

from __future__ import annotations

import asyncio
import errno
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from poolwise.errors import MissingExtraError
from poolwise.web.decode import offered
from poolwise.web.options import ClientOptions
from poolwise.web.patience import Patience
from poolwise.web.proxies import Proxies
from poolwise.web.trouble import Kind, TroubleError
from poolwise.web.urls import Url

if TYPE_CHECKING:
    import aiohttp

# What arrives is handed over in pieces of this size, and at most a few of them wait: the memory of a long body.
BUFFER: Final = 64 * 1024
# A name's address is asked for again after this time, as browsers do.
DNS_S: Final = 60
# Honest servers send one or two (RFC 8297).
MOST_INTERIM: Final = 20
FOUND_NOBODY: Final = {
    errno.ECONNREFUSED: ("refused", "{} refused the connection: nothing listens there"),
    errno.ETIMEDOUT: ("connect_timeout", "{} did not take the connection: the host may be down"),
    errno.ENETUNREACH: ("unreachable", "{} cannot be reached from here: is there a network?"),
    errno.EHOSTUNREACH: ("unreachable", "{} cannot be reached from here: the host may be down"),
}


class Answer:
    """What came of a request: status and headers at once, the body when it is read."""

    __slots__ = ("_closed", "_content", "_response", "headers", "status", "url", "version")

    def __init__(self, response: aiohttp.ClientResponse, url: Url) -> None:
        self._response = response
        self._content = response.content
        self._closed = None if self._content.is_eof() else _closing(response)
        if self._closed is not None:
            self._closed.remove_done_callback(_heard)  # of an earlier answer over this connection
            self._closed.add_done_callback(_heard)
            self._closed.add_done_callback(self._on_close)
        self.url = url
        self.status = response.status
        version = response.version
        self.version = f"{version.major}.{version.minor}" if version else None
        self.headers = tuple(response.headers.items())
        if not all(value.isascii() for _, value in self.headers):
            self.headers = tuple((_readable(name), _readable(value)) for name, value in self.headers)

    @property
    def reason(self) -> str:
        """The server's words for its status."""
        return self._response.reason or ""

    @property
    def mapping(self) -> Mapping[str, str]:
        """Headers to look up, in whatever case."""
        return self._response.headers

    def header(self, name: str) -> str | None:
        """Give the first header of that name; two of them are no list here."""
        return self._response.headers.get(name)

    def all_of(self, name: str) -> str:
        """Give a header that may come in several lines, as one list."""
        return ",".join(self._response.headers.getall(name, ()))

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
        """Give the connection back where the body was read to its end, else close it."""
        if self._closed is not None:
            self._closed.remove_done_callback(self._on_close)
        self._response.release()

    def _on_close(self, _closed: asyncio.Future[None]) -> None:
        """End the wait for more: over a garbled chunk aiohttp closes the connection, and tells no reader so."""
        import aiohttp  # noqa: PLC0415 - an extra

        if not self._content.is_eof() and self._content.exception() is None:
            self._content.set_exception(aiohttp.ClientPayloadError("the connection was closed over what it brought"))


def _closing(response: aiohttp.ClientResponse) -> asyncio.Future[None] | None:
    connection = response.connection
    return None if connection is None or connection.protocol is None else connection.protocol.closed


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
    """Sends requests over connections that are kept; an async context manager."""

    def __init__(self, options: ClientOptions) -> None:
        self._options = options
        self._proxies = Proxies.from_environment()
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the session, in the event loop that runs."""
        try:
            import aiohttp  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise MissingExtraError("fetching needs aiohttp: pip install 'poolwise[fetch]' brings it") from error
        from yarl import URL  # noqa: PLC0415 - it comes with aiohttp

        self._as_yarl = URL
        limits = self._options.limits
        self._session = aiohttp.ClientSession(
            # Who calls decides how much is under way at a time.
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=DNS_S, ssl=self._options.verify),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),  # ours is one alarm, see patience.py
            trace_configs=[_tracing()],
            headers={"User-Agent": self._options.user_agent, "Accept-Encoding": offered()},
            auto_decompress=False,
            response_class=_response_class(),
            read_bufsize=BUFFER,
            max_line_size=limits.max_header_line,
            max_field_size=limits.max_header_line,
            max_headers=limits.max_headers,
        )
        # aiohttp would send a request again by itself, also where a new connection broke; the client counts tries.
        self._session._retry_connection = False  # noqa: SLF001 - there is no public switch; unknown, it does nothing

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def get(self, url: Url, headers: Mapping[str, str], patience: Patience) -> Answer:
        """Ask for a URL; raises TroubleError, and TimeoutError where the alarm of ``patience`` rang."""
        assert self._session is not None  # noqa: S101 - the client opens it
        proxy: dict[str, Any] = self._proxies.arguments(url) if self._proxies else {}
        try:
            response = await self._session.get(
                self._as_yarl(str(url), encoded=True),
                headers=headers,
                allow_redirects=False,
                trace_request_ctx=patience,
                **proxy,
            )
        except Exception as error:
            trouble = explain(error, url)
            if trouble is None:
                raise
            raise trouble from error
        patience.answered()
        return Answer(response, url)


def _response_class() -> type[aiohttp.ClientResponse]:
    """Give a response that takes few interim answers; aiohttp's takes as many as come, and each costs others time."""
    import aiohttp  # noqa: PLC0415 - an extra

    class Response(aiohttp.ClientResponse):
        async def start(self, connection: Any) -> aiohttp.ClientResponse:  # noqa: ANN401 - aiohttp's own
            protocol, count = connection.protocol, 0
            read = protocol.read

            async def read_counted() -> Any:  # noqa: ANN401 - aiohttp's own
                nonlocal count
                count += 1
                if count > MOST_INTERIM:
                    raise TroubleError("headers", "the server sends interim answers (1xx) and no final one")
                return await read()

            protocol.read = read_counted
            try:
                return await super().start(connection)
            finally:
                del protocol.read

    return Response


def _tracing() -> aiohttp.TraceConfig:
    """Tell each request's Patience of its connection."""
    import aiohttp  # noqa: PLC0415 - an extra

    async def connecting(_session: object, patience: Patience, _what: object) -> None:
        patience.connecting()

    async def connected(_session: object, patience: Patience, _what: object) -> None:
        patience.connected(anew=True)

    async def reused(_session: object, patience: Patience, _what: object) -> None:
        patience.connected(anew=False)

    # The context is the Patience itself: an object less for each request.
    tracing: Any = aiohttp.TraceConfig(trace_config_ctx_factory=_context)  # type: ignore[arg-type]
    tracing.on_connection_create_start.append(connecting)
    tracing.on_connection_create_end.append(connected)
    tracing.on_connection_reuseconn.append(reused)
    return tracing  # type: ignore[no-any-return]


def _context(trace_request_ctx: Patience) -> Patience:
    return trace_request_ctx


# --- aiohttp's errors, in our words ----------------------------------------------------------------------------------


def explain(error: Exception, url: Url) -> TroubleError | None:
    """Say what an error of aiohttp's means for a page; None: it is none of the network's, or the alarm rang."""
    import aiohttp  # noqa: PLC0415 - an extra

    where = url.origin.partition("://")[2]
    if isinstance(error, aiohttp.ClientPayloadError):
        return _of_body(error)
    if isinstance(error, (aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError)):
        return TroubleError("proxy", f"the proxy from the environment gives no way to {where}: {_said(error)}")
    if isinstance(error, aiohttp.ClientResponseError):
        return _of_headers(error, where)
    if isinstance(error, (aiohttp.ClientConnectionError, OSError)):
        ours = type(error) is TimeoutError and error.errno is None
        return None if ours else _of_connection(error, where)
    return TroubleError("address", f"{where} cannot be asked: {error}") if isinstance(error, ValueError) else None


def _of_connection(error: aiohttp.ClientConnectionError | OSError, where: str) -> TroubleError:
    import aiohttp  # noqa: PLC0415 - an extra

    if isinstance(error, aiohttp.ClientConnectorDNSError):
        said = f"the host {where} was not found: {_said(error)}; is the name right, and is there a network?"
        return TroubleError("dns", said)
    if isinstance(error, (aiohttp.ClientConnectorError, ssl.SSLError)):
        return _of_connecting(error, where)
    said = "hung up" if isinstance(error, aiohttp.ServerDisconnectedError) else f"broke the connection ({error})"
    return TroubleError("dropped", f"{where} {said} before its answer was there")


def _of_connecting(error: OSError, where: str) -> TroubleError:
    import aiohttp  # noqa: PLC0415 - an extra

    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return TroubleError("certificate", f"{where} does not prove who it is: {error.certificate_error}")
    if isinstance(error, ssl.SSLError):
        return TroubleError("tls", f"{where} does not agree on TLS: {_said(error)}; does it speak https?")
    kind, words = FOUND_NOBODY.get(error.errno or 0, ("dropped", "{} cannot be connected to: " + _said(error)))
    return TroubleError(kind, words.format(where))  # type: ignore[arg-type]


def _of_headers(error: aiohttp.ClientResponseError, where: str) -> TroubleError:
    said = " ".join(str(error.message).split())[:MOST_SAID]
    # The parser's own words stand before a colon, behind it what the server has sent.
    what = said.partition(":")[0]
    if "chunk" in what.lower():
        return TroubleError("broken", f"the body's chunks are garbled: {said}")
    kind: Kind = "headers" if "Got more than" in what or "Too many headers" in what else "not_http"
    words = "sends more headers than are taken" if kind == "headers" else "does not answer with HTTP"
    return TroubleError(kind, f"{where} {words}: {said}")


def _of_body(error: aiohttp.ClientPayloadError) -> TroubleError:
    said = str(error.__cause__ or error)
    if isinstance(error.__cause__, OSError) or "Not enough data" in said:
        return TroubleError("incomplete", f"the body ended early: {' '.join(said.split())[:MOST_SAID]}")
    return TroubleError("broken", f"the body's chunks are garbled: {' '.join(said.split())[:MOST_SAID]}")


def _said(error: BaseException) -> str:
    cause = getattr(error, "os_error", None) or error
    return str(getattr(cause, "strerror", None) or cause)


# A parser quotes what it did not like, which may be long.
MOST_SAID: Final = 200
