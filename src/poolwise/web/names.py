"""URL → the name of a file: readable, safe on every system, and never that of another URL. Pure.

Two kinds of names, and no third, so that "no two URLs have one name" can be seen and not only hoped for:

* A *plain* name is the URL's own host and path: lower-case ASCII that every system takes as it is. The URL can be read
  back from it. ``https://example.org/docs/page.html`` → ``example.org/docs/page.html``; a path that ends in a slash has
  ``index.html``, and one without an extension gets ``~`` and that of its type: ``/about`` → ``about~.html``.
* Where anything had to be changed, or would be lost on some disk (capital letters, a query, letters beyond ASCII, dots
  in a folder's name, names that are too long or reserved), the file's name says as much of it as can be said, and ends
  in ``~`` and a hash of the URL: ``/Wiki/Öl?page=2`` → ``Wiki/Öl,page=2~nte23l5pyzowu.html``.

``~`` comes from nowhere else. So a plain name is never a marked one, and marked ones differ by their hash, even where
a disk does not tell ``A`` from ``a``, or ``é`` from ``e`` and an accent. Files always have a dot in their name and
folders below the host's never, so that ``/a`` and ``/a/b`` do not meet, and no folder is called ``.git``.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re
import unicodedata
from typing import Final
from urllib.parse import unquote

from poolwise.web.urls import PORTS, Url, as_url

# In bytes of UTF-8. File systems take 255; room is left for what others append (.part, .gz), and eCryptfs takes 143.
LONGEST_NAME: Final = 140
# In bytes: macOS takes 1,024 with the directory's own path, Linux 4,096.
LONGEST_PATH: Final = 900
# Letters of base32: 65 bits. Of ten million URLs whose names look alike, two meet with a chance of one in 700,000.
HASH_LETTERS: Final = 13
# Of a type that is not known.
UNKNOWN: Final = "bin"
# The common types, so that a name does not depend on what a computer's own list says.
EXTENSIONS: Final = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/plain": "txt",
    "text/css": "css",
    "text/csv": "csv",
    "text/xml": "xml",
    "text/markdown": "md",
    "text/javascript": "js",
    "application/javascript": "js",
    "application/json": "json",
    "application/ld+json": "json",
    "application/x-ndjson": "jsonl",
    "application/xml": "xml",
    "application/rss+xml": "xml",
    "application/atom+xml": "xml",
    "application/pdf": "pdf",
    "application/epub+zip": "epub",
    "application/zip": "zip",
    "application/gzip": "gz",
    "application/wasm": "wasm",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/avif": "avif",
    "image/svg+xml": "svg",
    "image/x-icon": "ico",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "font/woff2": "woff2",
}
# What Windows takes for a device, whatever follows the first dot.
RESERVED: Final = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{kind}{n}" for kind in ("com", "lpt") for n in "0123456789¹²³"}
)

_PLAIN_FOLDER: Final = re.compile(r"[a-z0-9_][a-z0-9_+=@,-]*")
_PLAIN_FILE: Final = re.compile(r"[a-z0-9_][a-z0-9_+=@,.-]*\.(?=[0-9]*[a-z])[a-z0-9]{1,10}")
_EXTENSION: Final = re.compile(r"(.*)\.((?=[0-9]*[a-z])[a-z0-9]{1,10})", re.IGNORECASE | re.DOTALL)
_KEPT: Final = frozenset("_-.+=@,()")


def name_file(url: str | Url, content_type: str | None = None) -> str:
    """Give the name of the file for a URL: folders and file, with ``/`` between, below any directory.

    ``content_type`` gives the extension where the URL has none. The same arguments always give the same name, and no
    two URLs have one, also where case is ignored. Raises BadUrlError for what is no URL (``parse_url``).
    """
    parsed = as_url(url)
    host = _name_host(parsed.scheme, parsed.host, parsed.port)
    path, _, query = parsed.target.partition("?")
    above, _, last = path.rpartition("/")
    extension = _extension_of(content_type)
    plain = _plain_name(above, last, extension) if "?" not in parsed.target else None
    if plain is not None and len(f"{host}/{plain}") <= LONGEST_PATH:
        return f"{host}/{plain}"
    return _marked_name(host, above.split("/")[1:], _Last(last, query, extension), _hash(str(parsed)))


@functools.lru_cache(maxsize=256)
def _name_host(scheme: str, host: str, port: int) -> str:
    """Give the host's folder: its name; a comma, which no host has, and what is not as usual: http, the port."""
    if host.startswith("["):
        host = "ipv6," + host[1:-1].replace(":", "-")
    if scheme != "https":
        host += f",{scheme}"
    if port != PORTS[scheme]:
        host += f",{port}"
    if host.partition(".")[0].partition(",")[0] in RESERVED:
        host = f",{host}"
    if len(host) > LONGEST_NAME:
        host = f"{host[: LONGEST_NAME - HASH_LETTERS - 1].rstrip('.')}~{_hash(host)}"
    return host


def _extension_of(content_type: str | None) -> str:
    return EXTENSIONS.get((content_type or "").partition(";")[0].strip().lower(), UNKNOWN)


def _hash(text: str) -> str:
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode("ascii").lower()[:HASH_LETTERS]


# --- Names that say all ------------------------------------------------------------------------------------------


def _plain_name(above: str, last: str, extension: str) -> str | None:
    """Give the name that needs no hash, below the host's folder; None where there is none."""
    if not _are_plain(above):
        return None
    stem = last.partition(".")[0]
    if not last:
        file = f"index.{extension}"
    elif stem in RESERVED:
        return None
    elif _PLAIN_FOLDER.fullmatch(last):
        file = f"{last}~.{extension}"
    elif _PLAIN_FILE.fullmatch(last) and stem != "index":
        file = last
    else:
        return None
    return f"{above[1:]}/{file}".removeprefix("/") if len(file) <= LONGEST_NAME else None


@functools.lru_cache(maxsize=256)  # most pages stand beside others
def _are_plain(above: str) -> bool:
    """Tell whether all folders of a path say all as they are."""
    return all(
        _PLAIN_FOLDER.fullmatch(each) and each not in RESERVED and len(each) <= LONGEST_NAME
        for each in above.split("/")[1:]
    )


# --- Names that need a hash --------------------------------------------------------------------------------------


class _Last:
    """What the name of a file is made of, in readable letters."""

    def __init__(self, segment: str, query: str, extension: str) -> None:
        text = unquote(segment, errors="replace") or "index"
        found = _EXTENSION.fullmatch(text)
        self.stem, self.extension = (found[1], found[2].lower()) if found else (text, extension)
        self.query = unquote(query.replace("+", " ").replace("&", ","), errors="replace")

    def name(self, mark: str) -> str:
        """Give the name, with its hash."""
        stem = _clean(self.stem) + (f",{_clean(self.query)}" if self.query else "")
        end = f"~{mark}.{self.extension}"
        return _safe_begin(_shorten(stem, LONGEST_NAME - len(end) - 1).rstrip(".")) + end


def _marked_name(host: str, folders: list[str], last: _Last, mark: str) -> str:
    file = last.name(mark)
    left = LONGEST_PATH - len(host) - 1 - len(file.encode())
    kept = [host]
    for folder in folders:
        name = _safe_begin(_shorten(_clean(unquote(folder, errors="replace")).replace(".", "_"), LONGEST_NAME - 1))
        left -= len(name.encode()) + 1
        if left < 0:
            break
        kept.append(name)
    return "/".join([*kept, file])


def _clean(text: str) -> str:
    """Replace all but letters (of any script), digits and a few signs: what controls, turns, hides or separates."""
    text = unicodedata.normalize("NFC", text)
    return "".join(ch if ch in _KEPT or _is_letter(ch) else "_" for ch in text)


def _is_letter(ch: str) -> bool:
    return ch.isalnum() or unicodedata.category(ch) in {"Mn", "Mc"}


def _safe_begin(name: str) -> str:
    """Let no name be empty, hidden, an option of a command, or a device of Windows."""
    if not name or name[0] in ".-" or unicodedata.combining(name[0]) or name.partition(".")[0].lower() in RESERVED:
        return f"_{name}"
    return name


def _shorten(text: str, most: int) -> str:
    """Cut to so many bytes of UTF-8, between letters."""
    return text.encode()[:most].decode(errors="ignore")
