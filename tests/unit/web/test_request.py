"""The bytes of a request."""

from __future__ import annotations

import pytest

from poolwise.web.request import request_bytes
from poolwise.web.urls import parse_url

ALWAYS = (("User-Agent", "me/1"), ("Accept", "*/*"))


@pytest.mark.parametrize(
    ("url", "first", "host"),
    [
        ("https://example.org", b"GET / HTTP/1.1", b"Host: example.org"),
        ("http://example.org:8080/a%2fb?c=%C3%BC", b"GET /a%2fb?c=%C3%BC HTTP/1.1", b"Host: example.org:8080"),
        ("http://[::1]:8080/", b"GET / HTTP/1.1", b"Host: [::1]:8080"),
    ],
)
def test_what_is_asked_and_of_whom(url, first, host) -> None:
    """The path as it was written, and the host with a port that is not the usual one."""
    lines = request_bytes(parse_url(url), ALWAYS, ()).split(b"\r\n")
    assert lines == [first, host, b"User-Agent: me/1", b"Accept: */*", b"", b""]


def test_the_callers_headers_have_the_last_word() -> None:
    """In whatever case; those of one page are not those of the next."""
    url = parse_url("http://example.org/")
    lines = request_bytes(url, ALWAYS, (("accept", "text/html"), ("X", "ü"), ("HOST", "other"))).split(b"\r\n")
    assert lines[1:-2] == [b"HOST: other", b"User-Agent: me/1", b"accept: text/html", "X: ü".encode()]
    assert b"X" not in request_bytes(url, ALWAYS, ())


@pytest.mark.parametrize("header", [("X", "a\r\nB: c"), ("X\nY", "a"), ("X", "a\0")])
def test_no_header_ends_early(header) -> None:
    """What would begin another header, or another request, is not sent."""
    with pytest.raises(ValueError, match="cannot be sent"):
        request_bytes(parse_url("http://example.org/"), ALWAYS, (header,))
