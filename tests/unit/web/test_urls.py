"""A URL is read once, and what is doubtful is refused with words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.web.urls import LONGEST, BadUrlError, parse_url

READ = {
    "http://example.org": "http://example.org/",
    "HTTPS://Example.ORG:443/A?b#c": "https://example.org/A?b",
    "http://example.org:8080?q=1": "http://example.org:8080/?q=1",
    "http://example.org:/x": "http://example.org/x",
    "http://example.org./x": "http://example.org/x",
    "http://example.org/a/./b/../c/..": "http://example.org/a/",
    "http://example.org/../../etc": "http://example.org/etc",
    "http://example.org/a/%2e%2E/%C3%b6/%2e": "http://example.org/%C3%b6/",
    "http://example.org/it's?it's": "http://example.org/it's?it%27s",
    "http://example.org/100%?%zz": "http://example.org/100%25?%25zz",
    "http://example.org/ö\\<>?q=ü{": "http://example.org/%C3%B6%5C%3C%3E?q=%C3%BC%7B",
    "http://example.org/a//b/": "http://example.org/a//b/",
    "http://[2001:DB8:0:0::1]:81/": "http://[2001:db8::1]:81/",
    "http://127.0.0.1/": "http://127.0.0.1/",
    "http://a_b.example/": "http://a_b.example/",
    "http://example.org?": "http://example.org/?",
}
REFUSED = {
    "": "empty",
    "example.org/x": "write https://example.org/x",
    "localhost:8000/x": "write https://localhost:8000/x",
    "//example.org": "write https://example.org",
    "ftp://example.org": "only http and https are fetched, not ftp",
    "file:///etc/passwd": "only http and https are fetched, not file",
    "javascript:alert(1)": "not javascript",
    "http:/example.org": "two slashes",
    "http://": "names no host",
    "http:///x": "names no host",
    "http://user:secret@example.org/": "Authorization header",
    "http://example.org:0/": "ports go from 1",
    "http://example.org:65536/": "ports go from 1",
    "http://example.org:8x/": "cannot be read",
    "http://a b/": "space",
    "http://example.org/\x00": "UTF-16",
    "http://example.org/\x1b[2J": r"U\+001B",
    "http://[::1%25eth0]/": "zone",
    "http://[::g]/": "no IPv6 address",
    "http://1.2.3/": "no IPv4 address",
    "http://256.1.1.1/": "no IPv4 address",
    "http://2130706433/": "no IPv4 address",
    "http://0x7f.1/": "no IPv4 address",
    "http://ex%61mple.org/": "no name of a host",
    "http://a..b/": "no name of a host",
    f"http://{'a' * 64}.org/": "no name of a host",
    "http://-a.org/": "no name of a host",
    "http://a\\b/": "no name of a host",
    "http://example.org/\ud800": "surrogate",
    "http://example.org/" + "a" * LONGEST: "line ends",
    "http://example.org/" + "ö" * (LONGEST // 2): "once it is encoded",
}


@pytest.mark.parametrize("text", READ)
def test_a_url_is_written_as_it_is_asked_for(text: str) -> None:
    """The host is normalised, valid percent-encoding stays, the rest is encoded, the fragment goes."""
    assert str(parse_url(text)) == READ[text]


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: ascii(text)[1:40])
def test_what_cannot_be_fetched_is_refused_with_words(text: str) -> None:
    """The error says what is wrong."""
    with pytest.raises(BadUrlError, match=REFUSED[text]):
        parse_url(text)


def test_hosts_have_one_key_however_they_are_written() -> None:
    """Limits for each host cannot be got around by writing it differently."""
    keys = {parse_url(text).key for text in ("http://EXAMPLE.org", "http://example.org:80/x", "http://example.org.?y")}
    assert keys == {"http://example.org:80"}
    assert parse_url("https://example.org").key == "https://example.org:443"


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("http://münchen.example/", "xn--mnchen-3ya.example"),
        ("http://MÜNCHEN.example/", "xn--mnchen-3ya.example"),
        ("http://xn--mnchen-3ya.example/", "xn--mnchen-3ya.example"),
        ("http://faß.example/", "xn--fa-hia.example"),
        ("http://例え。テスト/", "xn--r8jz45g.xn--zckzah"),
    ],
)
def test_internationalised_names_are_those_of_the_dns(text: str, host: str) -> None:
    """Names in other scripts become what browsers make of them."""
    pytest.importorskip("idna")
    assert parse_url(text).host == host


@pytest.mark.parametrize("host", ["☃.example", "xn--a.example", "a\u202eb.example", "ö" * 300])
def test_invalid_internationalised_names_are_told(host: str) -> None:
    """What the rules forbid is no name, and neither is what no name may be as long as."""
    pytest.importorskip("idna")
    with pytest.raises(BadUrlError, match=r"internationalised name|too long"):
        parse_url(f"http://{host}/")


@given(st.text(max_size=60), st.text(max_size=60))
def test_whatever_is_read_is_ascii_and_reads_the_same_again(host: str, rest: str) -> None:
    """Reading what was read changes nothing, whatever it came from."""
    pytest.importorskip("idna")
    for text in (f"http://{host}/{rest}", f"https://example.org/{rest}", rest):
        try:
            url = parse_url(text)
        except BadUrlError:
            continue
        assert str(url).isascii()
        assert str(url).isprintable()
        assert parse_url(str(url)) == url
