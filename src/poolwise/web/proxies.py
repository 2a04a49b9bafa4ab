"""Proxies that the environment names (``http_proxy``, ``https_proxy``, ``no_proxy``), looked up once.

aiohttp would do so for each request in a thread, and read the passwords of ``~/.netrc`` besides, which nobody expects
of a program that fetches pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.request import getproxies, proxy_bypass

from poolwise.web.urls import Url


class Proxies:
    """Which proxy, if any, a URL is asked for through."""

    def __init__(self, proxies: Mapping[str, str]) -> None:
        self._arguments = {scheme: _arguments(proxies[scheme]) for scheme in ("http", "https") if scheme in proxies}

    @classmethod
    def from_environment(cls) -> Proxies:
        """Look them up: variables of the environment, or the system's settings."""
        return cls(getproxies())

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._arguments)

    def arguments(self, url: Url) -> dict[str, Any]:
        """Give what aiohttp has to be told for a URL; nothing where it is asked directly."""
        found = self._arguments.get(url.scheme)
        return {} if found is None or proxy_bypass(f"{url.host}:{url.port}") else found


def _arguments(proxy: str) -> dict[str, Any]:
    return {"proxy": proxy if "://" in proxy else f"http://{proxy}"}
