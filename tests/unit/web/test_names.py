"""Names of files are readable, safe everywhere, and each URL's own."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PureWindowsPath
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from poolwise.web.names import LONGEST_NAME, LONGEST_PATH, RESERVED, UNKNOWN, name_file
from poolwise.web.urls import parse_url

HTML = "text/html; charset=utf-8"
PLAIN = {
    "https://example.org/docs/page.html": "example.org/docs/page.html",
    "https://example.org/data/a.tar.gz": "example.org/data/a.tar.gz",
    "https://example.org": "example.org/index.html",
    "https://example.org/a/": "example.org/a/index.html",
    "https://example.org/about": "example.org/about~.html",
    "https://example.org/about/index": "example.org/about/index~.html",
    "http://example.org/a.html": "example.org,http/a.html",
    "http://example.org:8080/a.html": "example.org,http,8080/a.html",
    "https://example.org:8443/a.html": "example.org,8443/a.html",
    "https://[2001:db8::1]/a.html": "ipv6,2001-db8--1/a.html",
    "https://aux.example.org/a.html": ",aux.example.org/a.html",
}
# The names without their hashes.
MARKED = {
    "https://e.org/a/index.html": "e.org/a/index~.html",
    "https://e.org/README.md": "e.org/README~.md",
    "https://e.org/A/b.html": "e.org/A/b~.html",
    "https://e.org/search?q=%C3%BC&page=2": "e.org/search,q=ü,page=2~.html",
    "https://e.org/?": "e.org/index~.html",
    "https://e.org/..%2f..%2fetc/passwd": "e.org/______etc/passwd~.html",
    "https://e.org/%252e%252e/x": "e.org/_2e_2e/x~.html",
    "https://e.org/.../x": "e.org/___/x~.html",
    "https://e.org/%5c%5cserver%5cshare.txt": "e.org/__server_share~.txt",
    "https://e.org/C%3a%5cx.txt": "e.org/C__x~.txt",
    "https://e.org/a%00.txt": "e.org/a_~.txt",
    "https://e.org/.git/config": "e.org/_git/config~.html",
    "https://e.org/.htaccess": "e.org/_~.htaccess",
    "https://e.org/-rf": "e.org/_-rf~.html",
    "https://e.org/con/nul.txt": "e.org/_con/_nul~.txt",
    "https://e.org/AUX.tar.gz": "e.org/_AUX.tar~.gz",
    "https://e.org/com%C2%B9.txt": "e.org/_com¹~.txt",
    "https://e.org/x.txt:stream": "e.org/x.txt_stream~.html",
    "https://e.org/a.%20": "e.org/a._~.html",
    "https://e.org/~me/": "e.org/_me/index~.html",
    "https://e.org/v1.2/a.txt": "e.org/v1_2/a~.txt",
    "https://e.org/a//b.txt": "e.org/a/_/b~.txt",
    "https://e.org/%E2%80%AEgpj.exe": "e.org/_gpj~.exe",
    "https://e.org/%FF.txt": "e.org/_~.txt",
    "https://e.org/a%CC%88.txt": "e.org/ä~.txt",
}
PIECES = st.one_of(
    st.sampled_from([
        *("a", "A", "b", "a.html", "A.HTML", "index", "index.html", "con", "Nul.txt", "..", ".", "", "~", "a~", "_"),
        *("%2e%2e", "..%2f", "%2F", "%5c", "\\", "%00", "%0a", "é", "e\u0301", "ß", "ss", "\u017f", "\u202e", "%ff"),
        *("a.b", "x" * 139, "x" * 140, "x" * 300, "ö" * 200, "a,q=1", "a.html~", "aux."),
        *("a%20", " ", "-", ".git", "com1"),
    ]),
    st.text(max_size=8).map(lambda text: quote(text, errors="replace")),
)  # fmt: skip
HOSTS = st.sampled_from([
    *("a.org", "b.org", "con", "aux.org", "a.org:8080", "a.org:443", "[::1]", "[1::]", "127.0.0.1", "a_.org"),
    *(".".join(["a" * 60] * 4), ".".join(["a" * 60] * 3 + ["b" * 60])),
])  # fmt: skip
PATHS = st.lists(PIECES, max_size=6).map("/".join)
QUERIES = st.one_of(st.just(""), st.just("?"), PIECES.map(lambda text: f"?{text.replace('#', '')}"))
URLS = st.builds(
    lambda scheme, host, path, query: str(parse_url(f"{scheme}://{host}/{path}{query}".replace(" ", "%20"))),
    st.sampled_from(["http", "https"]),
    HOSTS,
    PATHS.map(lambda path: path.replace("\\", "%5C")),
    QUERIES,
)
TYPES = st.sampled_from([None, HTML, "image/png", "nonsense", "text/html/../../x"])


@pytest.mark.parametrize("url", PLAIN)
def test_a_harmless_url_is_its_own_name(url: str) -> None:
    """Host and path are folders and file; what is missing (an extension, an index) is added."""
    assert name_file(url, HTML) == PLAIN[url]


@pytest.mark.parametrize("url", MARKED)
def test_what_had_to_be_changed_is_readable_and_has_a_hash(url: str) -> None:
    """Nothing escapes, nothing is reserved, and the name still says what it is."""
    name = name_file(url, HTML)
    assert re.sub(r"~[a-z2-7]{13}\.", "~.", name) == MARKED[url]
    assert name != MARKED[url]


@pytest.mark.parametrize(
    ("content_type", "extension"),
    [("image/PNG", "png"), ("application/pdf;x", "pdf"), (None, UNKNOWN), ("x/y", UNKNOWN)],
)
def test_the_type_gives_an_extension_where_the_url_has_none(content_type: str | None, extension: str) -> None:
    """An extension of the URL's own stays."""
    assert name_file("https://e.org/a", content_type) == f"e.org/a~.{extension}"
    assert name_file("https://e.org/a.php", content_type) == "e.org/a.php"


def test_long_names_and_paths_are_shortened() -> None:
    """Names are cut between letters, deep paths lose folders, and both keep their extension."""
    wide = name_file("https://e.org/" + "ö" * 1000 + ".html")
    assert len(wide.encode()) <= len("e.org/") + LONGEST_NAME
    assert wide.endswith(".html")
    deep = name_file("https://e.org/" + "folder/" * 1000 + "a.html")
    assert len(deep) <= LONGEST_PATH
    assert deep.startswith("e.org/folder/folder/")
    assert deep.endswith(".html")


@given(URLS, TYPES)
@example("https://e.org/" + "ö/" * 2000, None)
@example("https://e.org/?" + "%00" * 2000, None)
def test_every_name_is_valid_everywhere_and_below_the_directory(url: str, content_type: str | None) -> None:
    """Whatever the URL: relative, no part of it special to Linux, macOS or Windows, none too long or unprintable."""
    name = name_file(url, content_type)
    parts = name.split("/")
    assert len(parts) >= 2
    assert len(name.encode()) <= LONGEST_PATH
    assert list(PureWindowsPath(name).parts) == parts
    for part in parts:
        assert part not in {"", ".", ".."}
        assert not re.search(r'[<>:"/\\|?*\x00-\x1f\x7f ]', part)
        assert part.isprintable()
        assert part[0] not in "-."
        assert part[-1] != "."
        assert part.partition(".")[0].lower() not in RESERVED
        assert len(part.encode()) <= LONGEST_NAME
    assert "." in parts[-1]
    assert not any("." in part for part in parts[1:-1])


@given(st.lists(st.tuples(URLS, TYPES), max_size=20))
@example([("https://e.org/a", HTML), ("https://e.org/a.html", None), ("https://e.org/a~.html", None)])
@example([("https://e.org/a/", HTML), ("https://e.org/a/index.html", None), ("https://e.org/a/index", HTML)])
@example(
    [("https://e.org/a", HTML), ("https://e.org/A", HTML), ("https://e.org/%61", HTML), ("https://e.org/a?", HTML)]
)
@example([("https://e.org/%C3%A9.txt", None), ("https://e.org/e%CC%81.txt", None), ("https://e.org/%C3%89.txt", None)])
def test_no_two_urls_have_one_name(pages: list[tuple[str, str | None]]) -> None:
    """Also where a disk ignores case and how accents are written; and no file is where another needs a folder."""
    names: dict[str, str] = {}
    for url, content_type in pages:
        key = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name_file(url, content_type)).casefold())
        assert names.setdefault(key, url) == url
    folders = {"/".join(key.split("/")[:depth]) for key in names for depth in range(1, key.count("/") + 1)}
    assert not folders & names.keys()


@given(URLS, TYPES)
def test_a_name_is_the_same_each_time(url: str, content_type: str | None) -> None:
    """A run that is taken up again finds its files; a fragment changes nothing."""
    assert name_file(url, content_type) == name_file(f"{url}#fragment", content_type)
