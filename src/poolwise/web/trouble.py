"""What can go wrong with a page, which of it is worth another try, and the error that says so."""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias, get_args

from poolwise.errors import PoolwiseError
from poolwise.model.units import Seconds
from poolwise.web.record import Page

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


class FetchError(PoolwiseError):
    """A page could not be fetched; ``page`` is its record, whose ``error`` says why."""

    def __init__(self, page: Page, *, worth_retrying: bool, retry_after_s: Seconds | None = None) -> None:
        super().__init__(f"{page.url}: {page.error}")
        self.page = page
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


def _fetch_error(page: Page, worth_retrying: bool, retry_after_s: Seconds | None) -> FetchError:  # noqa: FBT001 - pickle
    return FetchError(page, worth_retrying=worth_retrying, retry_after_s=retry_after_s)


def is_passing(kind: Kind, status: int | None) -> bool:
    """Tell whether another try may go well."""
    return status in PASSING_STATUSES if kind == "status" else kind in PASSING
