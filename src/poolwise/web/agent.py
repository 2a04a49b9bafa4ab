"""Who we say that we are."""

from __future__ import annotations

import re
from typing import Final

from poolwise.errors import OptionError

PRODUCT: Final = "poolwise"
_TOKEN: Final = re.compile(r"[A-Za-z_-]+")  # RFC 9309, 2.2.1


def user_agent(contact: str | None = None) -> str:
    """Give the User-Agent: this program, its version, and whom to write to where its user has said so.

    ``contact`` is an address of mail or of a page. A server that is asked too much can then ask back instead of
    shutting us out.
    """
    from poolwise import __version__  # noqa: PLC0415 - the package's __init__ is no part of the layers

    if contact is not None and not (contact.isascii() and contact.isprintable() and contact.strip()):
        raise OptionError(f"a contact is an address of mail or of a page, in ASCII, and not {contact!r}")
    told = f"+{contact.strip()}" if contact else "a Python library; no contact given"
    return f"{PRODUCT}/{__version__} ({told})"


def product_token(agent: str) -> str:
    """Give the name that robots.txt calls a client by: what its User-Agent begins with."""
    found = _TOKEN.match(agent)
    return found[0].lower() if found else PRODUCT
