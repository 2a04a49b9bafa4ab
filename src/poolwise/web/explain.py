"""aiohttp's errors, in our words."""

from __future__ import annotations

import errno
import ssl
from typing import TYPE_CHECKING, Final

from poolwise.web.trouble import Kind, TroubleError
from poolwise.web.urls import Url

if TYPE_CHECKING:
    import aiohttp

FOUND_NOBODY: Final = {
    errno.ECONNREFUSED: ("refused", "{} refused the connection: nothing listens there"),
    errno.ETIMEDOUT: ("connect_timeout", "{} did not take the connection: the host may be down"),
    errno.ENETUNREACH: ("unreachable", "{} cannot be reached from here: is there a network?"),
    errno.EHOSTUNREACH: ("unreachable", "{} cannot be reached from here: the host may be down"),
}


def explain(error: Exception, url: Url) -> TroubleError | None:
    """Say what an error of aiohttp's means for a page; None: it is none of the network's, or the alarm rang."""
    import aiohttp  # noqa: PLC0415 - an extra

    where = url.origin.partition("://")[2]
    if isinstance(error, aiohttp.ClientPayloadError):
        return _of_body(error)
    if isinstance(error, (aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError)):
        return TroubleError("proxy", f"the proxy from the environment gives no way to {where}: {_said(error)}")
    if isinstance(error, (aiohttp.ClientResponseError, aiohttp.http.HttpProcessingError)):
        return _of_headers(str(error.message), where)
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


def _of_headers(said: str, where: str) -> TroubleError:
    said = " ".join(said.split())[:MOST_SAID]
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
