"""robots.txt of real servers, on this machine."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from poolwise.web.robots import LEAST_REDIRECTS, MOST_BYTES, Robots, Ruling

aiohttp = pytest.importorskip("aiohttp")
pytest.importorskip("protego")


class Site(ThreadingHTTPServer):
    """Answers each path with what it was given: a status, headers and a body; counts who asks."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.pages: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[str] = []


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        status, headers, body = self.server.pages.get(self.path, (404, {}, b""))
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[Site]:
    """A server that runs for one test."""
    with Site() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def rule(site: Site, *paths: str) -> list[Ruling]:
    """Ask for all pages at a time, with a client that does what GetRobots says."""

    async def ask() -> list[Ruling]:
        async with aiohttp.ClientSession() as session:

            async def get(url: str) -> tuple[int, bytes]:
                try:
                    async with session.get(url, max_redirects=LEAST_REDIRECTS + 1) as answer:
                        return answer.status, await answer.content.read(MOST_BYTES)
                except aiohttp.TooManyRedirects as error:
                    return error.history[-1].status, b""

            robots = Robots(get)
            return await asyncio.gather(*(robots.ask(site.url + path) for path in paths))

    return asyncio.run(ask())


def test_a_host_is_asked_once_for_many_pages(site: Site) -> None:
    """All that come at a time wait for the one answer."""
    site.pages["/robots.txt"] = (200, {}, b"User-agent: *\nDisallow: /private/\nCrawl-delay: 1\n")
    found = rule(site, *[f"/{number}" for number in range(50)], "/private/x")
    assert found[:50] == [Ruling(allowed=True, delay_s=1.0)] * 50
    assert not found[50].allowed
    assert site.asked == ["/robots.txt"]


def test_redirects_are_followed_up_to_five(site: Site) -> None:
    """A file behind five redirects counts; behind more there is none, and all is allowed (RFC 9309, 2.3.1.2)."""
    site.pages["/robots.txt"] = (301, {"Location": "/1"}, b"")
    for number in range(1, 10):
        site.pages[f"/{number}"] = (302, {"Location": f"/{number + 1}"}, b"")
    site.pages[f"/{LEAST_REDIRECTS}"] = (200, {}, b"User-agent: *\nDisallow: /\n")
    assert [ruling.allowed for ruling in rule(site, "/x")] == [False]
    site.pages[f"/{LEAST_REDIRECTS}"] = (302, {"Location": "/6"}, b"")
    assert [ruling.allowed for ruling in rule(site, "/x")] == [True]


@pytest.mark.parametrize(("status", "allowed"), [(404, True), (403, True), (429, False), (500, False)])
def test_what_a_status_means(site: Site, status, allowed) -> None:
    """None is all allowed, not now is nothing."""
    site.pages["/robots.txt"] = (status, {}, b"User-agent: *\nDisallow: /\n")
    assert [ruling.allowed for ruling in rule(site, "/x")] == [allowed]


def test_a_server_that_is_not_there_allows_nothing(site: Site) -> None:
    """Its record says why."""
    site.server_close()
    (ruling,) = rule(site, "/x")
    assert not ruling.allowed
    assert "cannot be read" in (ruling.reason or "")
