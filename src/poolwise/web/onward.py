"""Where a redirect leads: its Location, read as leniently as browsers read it, then as strictly as any other URL."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, urljoin

from poolwise.web.urls import BadUrlError, Url, parse_url

# What servers leave in a Location and no URL may hold; all that is percent-encoded already stays, since a signature
# may cover it (https://url.spec.whatwg.org/, percent-encode sets).
_TO_ENCODE: Final = re.compile("[\x00-\x20\x7f-\U0010ffff]+")
_EDGES: Final = "".join(map(chr, range(0x21)))
_BREAKS: Final = str.maketrans("", "", "\t\r\n")
_USER: Final = re.compile(r"(//)[^/?#]*@")
_HOST: Final = re.compile(r"(?:[a-zA-Z][a-zA-Z0-9+.-]*:)?//[^/?#]*")
_ABSOLUTE: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
# Enough to know a URL again; a data: URL may hold megabytes.
MOST_SHOWN: Final = 120


def onward(location: str, here: Url) -> Url:
    """Give the URL that a Location names, seen from ``here``; names and passwords in it are not used.

    Raises BadUrlError where it is none that may be fetched.
    """
    text = location.strip(_EDGES).translate(_BREAKS)
    end = re.search(r"[?#]", text)
    cut = end.start() if end else len(text)
    text = text[:cut].replace("\\", "/") + text[cut:]
    try:
        joined = text if _ABSOLUTE.match(text) else urljoin(str(here), text)
    except ValueError as error:
        raise BadUrlError(str(error)) from error
    joined = _USER.sub(r"\1", joined, count=1)
    host = _HOST.match(joined)
    begin = host.end() if host else 0
    # The host's letters are no bytes to encode: they are a name in another script.
    return parse_url(joined[:begin] + _TO_ENCODE.sub(_percent, joined[begin:]))


def shown(url: str) -> str:
    """Give a URL as it may stand in a message: short, and without a password."""
    url = _USER.sub(r"\1…@", url)
    return repr(url if len(url) <= MOST_SHOWN else f"{url[:MOST_SHOWN]}…")


def _percent(found: re.Match[str]) -> str:
    # What came as bytes that are no UTF-8 is encoded as those bytes.
    return quote(found[0].encode("utf-8", "surrogateescape"), safe="")
