"""What aiohttp's own client has to be told: the way of requests that go through a proxy.

Its session does much for each request that a plain GET does not need (cookies, redirects, bodies, tracing), and takes
some 100 µs for it, as long as all the rest of a page. So requests that go to their host directly are sent by
``transport.py`` itself, over the same connections and by the same parser.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from poolwise.web.patience import Patience
from poolwise.web.trouble import TroubleError

if TYPE_CHECKING:
    import aiohttp

# Honest servers send one or two (RFC 8297).
MOST_INTERIM: Final = 20


def refuse_interim() -> TroubleError:
    """Say that no answer comes of so many interim ones; each costs others time."""
    return TroubleError("headers", "the server sends interim answers (1xx) and no final one")


def response_class() -> type[aiohttp.ClientResponse]:
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
                    raise refuse_interim()
                return await read()

            protocol.read = read_counted
            try:
                return await super().start(connection)
            finally:
                del protocol.read

    return Response


def tracing() -> aiohttp.TraceConfig:
    """Tell each request's Patience of its connection."""
    import aiohttp  # noqa: PLC0415 - an extra

    async def connecting(_session: object, patience: Patience, _what: object) -> None:
        patience.connecting()

    async def connected(_session: object, patience: Patience, _what: object) -> None:
        patience.connected(anew=True)

    async def reused(_session: object, patience: Patience, _what: object) -> None:
        patience.connected(anew=False)

    # The context is the Patience itself: an object less for each request.
    told: Any = aiohttp.TraceConfig(trace_config_ctx_factory=_context)  # type: ignore[arg-type]
    told.on_connection_create_start.append(connecting)
    told.on_connection_create_end.append(connected)
    told.on_connection_reuseconn.append(reused)
    return told  # type: ignore[no-any-return]


def _context(trace_request_ctx: Patience) -> Patience:
    return trace_request_ctx
