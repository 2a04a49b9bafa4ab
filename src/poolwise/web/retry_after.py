"""When a server wants to be asked again: its ``Retry-After`` (RFC 9110, section 10.2.3)."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from poolwise.model.units import Seconds

# A server that asks for more is not waited for by any run; it stays a number that arithmetic can take.
MOST_S: Final[Seconds] = 24 * 60 * 60.0


def retry_after(value: str | None, now: datetime) -> Seconds | None:
    """Read the header; seconds from ``now`` on, 0 to ``MOST_S``; None: absent or not understood."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdecimal():
        # More digits than that are more than a day, and would take long to read.
        return MOST_S if len(value.lstrip("0")) > len("86400") else min(float(value), MOST_S)
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max((at - now).total_seconds(), 0.0), MOST_S)
