"""Figures as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.report.figures import counted, duration, number, share, size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (-1.0, "0 s"),
        (0.0000000005, "0.50 ns"),
        (0.000000042, "42.0 ns"),
        (0.0000042, "4.20 µs"),
        (0.031, "31.0 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.00 s"),
        (1.25, "1.25 s"),
        (12.34, "12.3 s"),
        (119.4, "119 s"),
        (120, "2 min 0 s"),
        (3725.4, "62 min 5 s"),
        (7200, "2 h 0 min"),
        (86_400 + 120, "24 h 2 min"),
    ],
)
def test_a_duration_has_a_unit_that_fits(seconds, text):
    """Three digits or so, in the unit in which a person would say it."""
    assert duration(seconds) == text


@given(st.floats(1e-9, 119))
def test_a_duration_says_what_it_was_given(seconds):
    """Read back, a duration is off by its last digit at most."""
    value, unit = duration(seconds).split()
    assert float(value) * {"s": 1, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}[unit] == pytest.approx(seconds, rel=0.006)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (512, "512 bytes"),
        (1023, "1023 bytes"),
        (1024, "1.00 KiB"),
        (1_500_000, "1.43 MiB"),
        (8 << 20, "8.00 MiB"),
        (123 << 30, "123 GiB"),
    ],
)
def test_a_size_has_a_unit_that_fits(count, text):
    """Bytes up to a kibibyte, then the next unit."""
    assert size(count) == text


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (0.0, "0 %"),
        (0.0001, "below 1 %"),
        (0.01, "1 %"),
        (0.5, "50 %"),
        (0.99, "99 %"),
        (0.9999, "over 99 %"),
        (1.0, "100 %"),
        (1.2, "120 %"),
    ],
)
def test_a_share_is_not_all_or_nothing_unless_it_is(part, text):
    """What is not quite all is not rounded to 100 %, nor what is not quite nothing to 0 %."""
    assert share(part) == text


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [
        (0, "item", "0 items"),
        (1, "item", "1 item"),
        (2, "process", "2 processes"),
        (1, "process", "1 process"),
        (1234567, "item", "1,234,567 items"),
    ],
)
def test_counted_things_agree_with_their_number(count, noun, text):
    """One item, two items, two processes."""
    assert counted(count, noun) == text


def test_thousands_stand_apart():
    """Large numbers can be read at a glance."""
    assert number(10_000_000) == "10,000,000"
