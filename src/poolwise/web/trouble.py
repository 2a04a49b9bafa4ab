"""What can go wrong with a page, and which of it is worth another try."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

Kind: TypeAlias = Literal[
    "address",
    "dns",
    "refused",
    "unreachable",
    "dropped",
    "proxy",
    "tls",
    "certificate",
    "connect_timeout",
    "answer_timeout",
    "read_timeout",
    "whole_timeout",
    "status",
    "redirect",
    "redirect_loop",
    "redirects",
    "not_http",
    "headers",
    "incomplete",
    "broken",
    "encoding",
    "too_large",
    "robots",
    "file",
    "unexpected",
]
KINDS: Final[tuple[str, ...]] = get_args(Kind)
# The network, or a server that is not up to it right now: it may go well the next time. All else stays as it is.
PASSING: Final = frozenset(
    {
        "dns",
        "refused",
        "unreachable",
        "dropped",
        "proxy",
        "connect_timeout",
        "answer_timeout",
        "read_timeout",
        "whole_timeout",
        "incomplete",
        "broken",
    }
)
# RFC 9110, section 15: Request Timeout, Too Many Requests, and what gateways say; Too Early is RFC 8470's.
PASSING_STATUSES: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


class TroubleError(Exception):
    """Something went wrong on the way; the client turns it into a FetchError with the whole record."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind: Kind = kind
        self.message = message


def is_passing(kind: Kind, status: int | None) -> bool:
    """Tell whether another try may go well."""
    return status in PASSING_STATUSES if kind == "status" else kind in PASSING
