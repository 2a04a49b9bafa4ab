"""Records as lines of JSON, and back."""

from __future__ import annotations

import json

import pytest

from poolwise.errors import InputError
from poolwise.model.classes import replace
from poolwise.web.record import Page, PageError

PAGE = Page(
    url="http://example.org/a#b",
    number=3,
    status=200,
    final_url="http://example.org/c",
    headers=(("Content-Type", "text/html"), ("X", "ü"), ("X", "y")),
    redirects=("http://example.org/a",),
    bytes=5,
    received=4,
    connect_s=0.1,
    first_byte_s=0.2,
    total_s=0.3,
    http_version="1.1",
    path="example.org/c",
    attempts=2,
    fetched_at="2026-11-30T12:00:00+00:00",
)
FAILED = replace(PAGE, error=PageError("status", "HTTP 404"), status=404, headers=(), connect_s=None)


@pytest.mark.parametrize("page", [PAGE, FAILED, Page(url="x")])
def test_a_record_goes_and_comes_back(page):
    """What was written as JSON is read as the same record, in one line."""
    line = page.to_json()
    assert Page.from_dict(json.loads(line)) == page
    assert "\n" not in line


def test_a_body_stays_here():
    """A body in memory is not written."""
    assert Page.from_dict(replace(PAGE, body=b"hello").to_dict()) == PAGE


@pytest.mark.parametrize("data", [{}, {"url": "x", "headers": 3}, {"url": "x", "error": {"type": "y"}}])
def test_what_is_no_record_is_refused(data):
    """Other data are refused with a clear word."""
    with pytest.raises(InputError, match="no record"):
        Page.from_dict(data)
