"""When a server wants to be asked again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.web.retry_after import MOST_S, retry_after

NOW = datetime(2026, 11, 30, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        ("120", 120.0),
        (" 120 ", 120.0),
        ("0000000000120", 120.0),
        ("9" * 5000, MOST_S),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("soon", None),
        ("Mon, 30 Nov 2026 12:01:30 GMT", 90.0),
        ("Mon, 30 Nov 2026 13:01:30 +0100", 90.0),
        ("Monday, 30-Nov-26 12:01:30 GMT", 90.0),
        ("Mon Nov 30 12:01:30 2026", 90.0),
        ("Mon, 30 Nov 2026 11:00:00 GMT", 0.0),
        ("Mon, 30 Nov 9999 11:00:00 GMT", MOST_S),
        ("Mon, 99 Nov 2026 11:00:00 GMT", None),
    ],
)
def test_it_is_read(value, seconds):
    """Seconds and the three forms of dates are read, and kept within bounds; all else says nothing."""
    assert retry_after(value, NOW) == seconds


@given(st.text())
def test_nothing_breaks_it(value):
    """Whatever stands there, it is seconds within bounds or nothing."""
    seconds = retry_after(value, NOW)
    assert seconds is None or 0 <= seconds <= MOST_S
