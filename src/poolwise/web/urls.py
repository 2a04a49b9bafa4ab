"""The one reading of a URL: what is asked for, who is asked, and what is refused. Pure; no library but ``idna``.

Everything else in this room takes a URL as it comes from here: ASCII, absolute, without a fragment, its host in lower
case. Reading it once means that limits, robots.txt, file names and the client cannot disagree about whose it is, which
is how tricks with URLs work. Where browsers guess (spaces, backslashes, ``http:/example.org``), it is refused and told.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from typing import Final

from poolwise.errors import MissingExtraError
from poolwise.model.classes import frozen

PORTS: Final = {"http": 80, "https": 443}
# RFC 9110 (4.1) asks everybody to take 8,000 bytes; what is twice as long is a file without line ends, not a URL.
LONGEST: Final = 16_000
MOST_PORT: Final = 65_535
LONGEST_HOST: Final = 253  # of a name in the DNS, RFC 1035

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SPACE: Final = re.compile(r"\s")
_PARTS: Final = re.compile(r"(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?://([^/?#]*))?([^?#]*)(\?[^#]*)?(?:#.*)?", re.DOTALL)
_PLACE: Final = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::([0-9]*))?")
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMERIC: Final = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")
# What may stand in a path or query as it is: RFC 3986, and the few more that every browser sends unchanged.
_TO_ENCODE: Final = re.compile(r"%(?![0-9a-fA-F]{2})|[^A-Za-z0-9\-._~!$&'()*+,;=:@/?%\[\]|]")
_DOT: Final = re.compile(r"%2e", re.IGNORECASE)


class BadUrlError(ValueError):
    """Text that is no URL which can be fetched; the words say why, and what to write instead."""


@frozen
class Url:
    """A URL that can be asked for."""

    scheme: str
    host: str  # ASCII, lower case; an IPv6 address stands in brackets
    port: int
    target: str  # path and query, as they are asked for

    @property
    def key(self) -> str:
        """Whom it asks, for limits and rates: scheme, host and port, written out."""
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def origin(self) -> str:
        """Whom it asks, as it stands in a URL: the usual port is left out."""
        return _origin(self.scheme, self.host, self.port)

    def __str__(self) -> str:
        """Write it as it is asked for."""
        return self.origin + self.target


@functools.lru_cache(maxsize=1024)
def _origin(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://{host}" + ("" if port == PORTS[scheme] else f":{port}")


def as_url(given: str | Url) -> Url:
    """Read what is text, and take what has been read already."""
    return given if isinstance(given, Url) else parse_url(given)


def parse_url(text: str) -> Url:
    """Read a URL, or say what is wrong with it.

    Valid percent-encoding stays as it is given, for a signature may cover it; what may not stand in a URL is encoded
    as UTF-8; ``.`` and ``..`` are resolved; the fragment is dropped, for it never leaves a browser either. Raises
    BadUrlError; MissingExtraError for an internationalised name where ``idna``, which the extra ``fetch`` brings, is
    not installed.
    """
    _refuse_characters(text)
    parts = _PARTS.fullmatch(text)
    if parts is None:  # cannot be: the path takes what nothing else has taken
        raise BadUrlError("this is no URL")
    scheme, place, path, query = parts.groups()
    scheme = _check_scheme(scheme, place, text)
    host, port = _split_place(place or "", scheme)
    # Browsers escape the apostrophe in a query, and only there.
    target = _encode(_without_dots(path)) + _encode(query or "").replace("'", "%27")
    if len(target) > LONGEST:
        raise BadUrlError(f"longer than {LONGEST:,} bytes once it is encoded")
    return Url(scheme, host, port, target)


def _refuse_characters(text: str) -> None:
    if len(text) > LONGEST:
        raise BadUrlError(f"longer than {LONGEST:,} characters: does the file have line ends?")
    if not text:
        raise BadUrlError("empty")
    found = _CONTROL.search(text)
    if found is not None:
        hint = ": is the file UTF-16? Save it as UTF-8" if found[0] == "\x00" else ""
        raise BadUrlError(f"a control character (U+{ord(found[0]):04X}) at place {found.start() + 1}{hint}")
    if _SPACE.search(text):
        raise BadUrlError("a space within: write one URL in each line, and a space in it as %20")
    if not text.isascii() and any("\ud800" <= ch <= "\udfff" for ch in text):
        raise BadUrlError("half of a surrogate pair, which no encoding carries")


# --- Whom it asks ------------------------------------------------------------------------------------------------


def _check_scheme(scheme: str | None, place: str | None, text: str) -> str:
    if scheme is None or (place is None and re.match(r"[^:/]*:[0-9]+(?:[/?#]|$)", text)):
        raise BadUrlError(f"it has no scheme: write https://{text.removeprefix('//')[:60]}")
    scheme = scheme.lower()
    if scheme not in PORTS:
        raise BadUrlError(f"only http and https are fetched, not {scheme[:20]}")
    if place is None:
        raise BadUrlError(f"two slashes have to follow {scheme}:")
    return scheme


@functools.lru_cache(maxsize=1024)  # most URLs of a list share their host, and reading it takes longest
def _split_place(place: str, scheme: str) -> tuple[str, int]:
    if "@" in place:
        raise BadUrlError(
            "a user name or password within, which would end up in records, journals and file names: leave it out, "
            "and give an Authorization header instead"
        )
    parts = _PLACE.fullmatch(place)
    if parts is None:
        raise BadUrlError(f"its host cannot be read: {place[:60]!r}")
    host, port = parts.groups()
    return _read_host(host), _read_port(port, scheme)


def _read_port(text: str | None, scheme: str) -> int:
    if not text:
        return PORTS[scheme]
    number = int(text[:10])
    if not 0 < number <= MOST_PORT:
        raise BadUrlError(f"port {text[:10]}: ports go from 1 to {MOST_PORT:,}")
    return number


def _read_host(text: str) -> str:
    if text.startswith("["):
        return _read_ipv6(text)
    # The dot that ends a full name in the DNS has no place in TLS (RFC 6066, 3), and would be a second name for limits.
    name = _to_ascii(text).removesuffix(".")
    if not name:
        raise BadUrlError("it names no host")
    labels = name.split(".")
    if len(name) > LONGEST_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadUrlError(f"{text[:60]!r} is no name of a host")
    # As browsers have it: what ends in a number is an address. The system would also take 127.1 and 0x7f000001.
    if _NUMERIC.fullmatch(labels[-1]):
        try:
            return str(ipaddress.IPv4Address(name))
        except ValueError:
            raise BadUrlError(f"{text[:60]!r} is no IPv4 address: four numbers from 0 to 255") from None
    return name


def _read_ipv6(text: str) -> str:
    inside = text[1:-1]
    if "%" in inside:
        raise BadUrlError("an IPv6 address with a zone, which means something on one computer only")
    try:
        return f"[{ipaddress.IPv6Address(inside).compressed}]"
    except ValueError:
        raise BadUrlError(f"{text[:60]!r} is no IPv6 address") from None


def _to_ascii(host: str) -> str:
    """Give a name as the DNS has it; names in other scripts by the rules that browsers follow (UTS 46)."""
    lower = host.lower()
    if lower.isascii() and "xn--" not in lower:
        return lower
    if len(host) > LONGEST_HOST:  # it would only grow, and telling so would take long
        raise BadUrlError(f"{host[:60]!r} … is too long for the name of a host")
    try:
        import idna  # noqa: PLC0415 - an extra, and most hosts do without
    except ImportError as error:
        raise MissingExtraError(
            f"the internationalised name {host!r} needs idna: pip install 'poolwise[fetch]' brings it"
        ) from error
    try:
        return idna.encode(host, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError) as error:
        raise BadUrlError(f"{host[:60]!r} is no valid internationalised name: {error}") from None


# --- What it asks for --------------------------------------------------------------------------------------------


def _encode(text: str) -> str:
    return _TO_ENCODE.sub(_percent, text)


def _percent(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode())


def _without_dots(path: str) -> str:
    """Resolve ``.`` and ``..`` (RFC 3986, 5.2.4), escaped or not, as browsers do; all other escapes stay."""
    kept: list[str] = []
    dots = ""
    for segment in path.split("/")[1:]:
        dots = _DOT.sub(".", segment)
        if dots == "..":
            del kept[-1:]
        elif dots != ".":
            kept.append(segment)
    if dots in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)
