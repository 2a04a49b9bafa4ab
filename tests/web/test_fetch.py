"""``poolwise.fetch``, the verb: records of pages from a real server on this machine, and all that the engine adds."""

from __future__ import annotations

import contextlib
import threading
import time
import tracemalloc
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("aiohttp")
pytest.importorskip("protego")

import poolwise
from poolwise.errors import FetchError, OptionError, TooManyFailuresError, UnknownOptionError

pytestmark = pytest.mark.timeout(60)


class Site(ThreadingHTTPServer):
    """A host: each path answers itself, but for those below ``/status/N``, ``/busy`` (once) and what is forbidden."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, rules=None, *, remembers=True):
        super().__init__(("127.0.0.1", 0), Asked)
        self.rules, self.remembers = rules, remembers
        self.asked = Counter()
        self.heads = {}
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()
        self.times = {}

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Asked(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        site = self.server
        with site.lock:
            site.at_once += 1
            site.most_at_once = max(site.most_at_once, site.at_once)
            count = site.asked[self.path] + 1
            if site.remembers:
                site.asked[self.path] = count
                site.heads[self.path] = dict(self.headers)
                site.times.setdefault(self.path, []).append(time.monotonic())
        try:
            self.answer(count)
        finally:
            with site.lock:
                site.at_once -= 1

    def answer(self, count):
        if self.path == "/robots.txt":
            rules = self.server.rules
            self.say(404 if rules is None else 200, (rules or "").encode())
        elif self.path.startswith("/status/"):
            self.say(int(self.path.rpartition("/")[2]), b"sorry")
        elif self.path.startswith("/busy") and count == 1:
            self.say(503, b"", **{"Retry-After": "1"})
        elif self.path == "/large":
            self.say(200, b"x" * 100_000)
        elif self.headers.get("If-None-Match") == '"v1"' and self.path != "/changed":
            self.say(304, b"", ETag='"v1"')
        else:
            self.say(200, self.path.encode(), ETag='"v1"')

    def say(self, status, body, **headers):
        self.send_response(status)
        for name, value in {"Content-Type": "text/plain", "Content-Length": len(body), **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


@contextlib.contextmanager
def serving(**options):
    """Serve, while the block runs."""
    with Site(**options) as site:
        thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield site
        finally:
            site.shutdown()
            thread.join()


@pytest.fixture
def site():
    """A host without rules."""
    with serving() as made:
        yield made


def fetch(urls, **options):
    """Fetch all, in order unless it is said otherwise, and without waiting where that is not the matter."""
    return list(poolwise.fetch(urls, **{"ordered": True, "retries": 0, "progress": False, **options}))


# --- Records -----------------------------------------------------------------------------------------------------


def test_each_url_ends_in_one_record(site) -> None:
    """Pages that are there, that are not, that are too large, lines that are no URL, hosts that nobody is at."""
    urls = [f"{site.url}/a", "# a comment", "", f"{site.url}/status/404", f"{site.url}/large", "nonsense"]
    pages = fetch([*urls, "http://127.0.0.1:1/", f"{site.url}/b"], max_bytes=1000, max_workers=4)
    assert [page.number for page in pages] == [1, 4, 5, 6, 7, 8]
    kinds = [None if page.error is None else page.error.type for page in pages]
    # Nobody is at that port, so that nobody knows its rules either.
    assert kinds == [None, "status", "too_large", "address", "robots", None]
    assert [page.body for page in pages if page.ok] == [b"/a", b"/b"]
    assert [(page.status, page.final_url) for page in pages[:2]] == [(200, urls[0]), (404, urls[3])]
    assert pages[0].header("content-type") == "text/plain"
    assert all(page.attempts == 1 and not page.from_journal and page.fetched_at for page in pages)


def test_one_url_may_stand_alone(site) -> None:
    """A text is one URL, and no sequence of letters."""
    (page,) = fetch(f"{site.url}/a")
    assert (page.ok, page.body) == (True, b"/a")


def test_pages_become_files(site, tmp_path) -> None:
    """Below the directory, named after their URLs; nothing else is left there."""
    pages = fetch([f"{site.url}/{n}.txt" for n in range(20)], directory=tmp_path / "pages")
    assert [Path(page.path).read_bytes() for page in pages] == [f"/{n}.txt".encode() for n in range(20)]
    assert {page.body for page in pages} == {None}
    files = [path for path in (tmp_path / "pages").rglob("*") if path.is_file()]
    assert sorted(map(str, files)) == sorted(page.path for page in pages)
    assert [path.name for path in (tmp_path / "pages").iterdir()] == [f"127.0.0.1,http,{site.server_port}"]


def test_who_asks_is_told(site) -> None:
    """The User-Agent names Poolwise and the contact; more headers go with every page."""
    fetch(f"{site.url}/a", contact="me@example.org", headers={"Accept-Language": "en"})
    head = site.heads["/a"]
    assert head["User-Agent"].startswith("poolwise/")
    assert "me@example.org" in head["User-Agent"]
    assert head["Accept-Language"] == "en"
    fetch(f"{site.url}/a", user_agent="other/1")
    assert site.heads["/a"]["User-Agent"] == "other/1"


# --- Errors ------------------------------------------------------------------------------------------------------


def test_the_first_failure_may_end_the_run(site) -> None:
    """With its FetchError, which holds the record; pages before it have come."""
    pages = poolwise.fetch(
        [f"{site.url}/a", f"{site.url}/status/404"], errors="raise", ordered=True, retries=0, progress=False
    )
    assert next(pages).body == b"/a"
    with pytest.raises(FetchError, match="HTTP 404") as caught:
        next(pages)
    assert (caught.value.status, caught.value.page.number) == (404, 2)


def test_failures_may_be_left_out(site) -> None:
    """Then only pages that are there come."""
    pages = fetch([f"{site.url}/a", f"{site.url}/status/404", "nonsense", f"{site.url}/b"], errors="skip")
    assert [page.body for page in pages] == [b"/a", b"/b"]


def test_a_hopeless_run_ends_early(site) -> None:
    """When more pages have failed than may."""
    with pytest.raises(TooManyFailuresError):
        fetch([f"{site.url}/status/404?{n}" for n in range(500)], max_failures=3, max_workers=2)
    assert sum(site.asked.values()) < 500


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"rate": "often"}, OptionError),
        ({"refresh": True}, OptionError),
        ({"max_bytes": 0}, OptionError),
        ({"timeout": -1}, OptionError),
        ({"directory": 7}, OptionError),
        ({"headers": {"X": "a\r\nB: c"}}, OptionError),
        ({"workers": 3}, UnknownOptionError),
    ],
)
def test_what_cannot_be_meant_is_told_at_once(options, kind) -> None:
    """Before anything is read or asked for."""

    def urls():
        raise AssertionError("was read")
        yield

    with pytest.raises(kind):
        poolwise.fetch(urls(), **options)


# --- Manners -----------------------------------------------------------------------------------------------------


def test_robots_are_kept_to() -> None:
    """It is asked for once; what it forbids is not asked for, unless the caller knows better."""
    with serving(rules="User-agent: *\nDisallow: /private\n") as site:
        pages = fetch([f"{site.url}/private/{n}" for n in range(3)] + [f"{site.url}/public"])
        assert [page.error and page.error.type for page in pages] == ["robots", "robots", "robots", None]
        assert site.asked == {"/robots.txt": 1, "/public": 1}
        (page,) = fetch(f"{site.url}/private/0", robots=False)
        assert page.ok


def test_a_host_has_few_requests_at_a_time() -> None:
    """``limit`` holds for each host by itself."""
    with serving() as one, serving() as other:
        urls = [f"{site.url}/{n}" for n in range(60) for site in (one, other)]
        assert all(page.ok for page in fetch(urls, limit=2, robots=False))
        assert (one.most_at_once, other.most_at_once) <= (2, 2)
        assert sum(one.asked.values()) == sum(other.asked.values()) == 60


def test_a_server_that_asks_to_wait_is_waited_for(site) -> None:
    """A page that was refused is asked for again when ``Retry-After`` says, and its record counts that."""
    (page,) = fetch(f"{site.url}/busy", retries=2)
    assert (page.ok, page.attempts) == (True, 2)
    first, second = site.times["/busy"]
    assert second - first >= 1


# --- Journals ----------------------------------------------------------------------------------------------------


def test_a_run_goes_on_where_it_has_ended(site, tmp_path) -> None:
    """Pages that are there are not asked for again, those whose file is gone are, and what may go well this time."""
    urls = [f"{site.url}/{name}.txt" for name in "abc"] + [f"{site.url}/status/404", f"{site.url}/status/500"]
    given = {"directory": tmp_path / "pages", "journal": tmp_path / "run.db", "robots": False}
    first = fetch(urls, **given)
    Path(first[1].path).unlink()
    site.asked.clear()
    again = fetch(urls, **given)
    assert site.asked == {"/b.txt": 1, "/status/500": 1}
    assert [page.from_journal for page in again] == [True, False, True, True, False]
    assert [page.path for page in again] == [page.path for page in first]
    assert [page.error for page in again] == [page.error for page in first]


def test_a_refresh_fetches_what_has_changed(site, tmp_path) -> None:
    """Each page is asked for with its ETag; one that has not changed keeps its file."""
    urls = [f"{site.url}/same", f"{site.url}/changed"]
    given = {"directory": tmp_path / "pages", "journal": tmp_path / "run.db", "robots": False}
    first = fetch(urls, **given)
    again = fetch(urls, **given, refresh=True)
    assert [page.status for page in again] == [304, 200]
    assert [page.path for page in again] == [page.path for page in first]
    assert {site.heads[path]["If-None-Match"] for path in ("/same", "/changed")} == {'"v1"'}
    assert [page.bytes for page in again] == [len("/same"), len("/changed")]


# --- Its end -----------------------------------------------------------------------------------------------------


def test_who_leaves_early_leaves_nothing_behind(site, tmp_path) -> None:
    """The list may have no end; no thread is left, no half file, and nobody is asked any more."""
    before = set(threading.enumerate())

    def endless():
        number = 0
        while True:
            number += 1
            yield f"{site.url}/{number}"

    with poolwise.fetch(endless(), directory=tmp_path / "pages", progress=False) as pages:
        assert next(pages).ok
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("poolwise")]
    assert not [path for path in (tmp_path / "pages").iterdir() if path.name.startswith(".part-")]
    asked = sum(site.asked.values())
    assert fetch(f"{site.url}/last")[0].ok
    assert sum(site.asked.values()) <= asked + 2 + site.most_at_once


def test_what_the_list_raises_comes_out(site) -> None:
    """After the pages before it."""

    def broken():
        yield f"{site.url}/a"
        raise RuntimeError("the list is broken")

    pages = poolwise.fetch(broken(), progress=False)
    with pytest.raises(RuntimeError, match="the list is broken"):
        list(pages)


@pytest.mark.slow
def test_a_long_list_takes_no_memory(tmp_path) -> None:
    """What stays in memory after a page does not grow with their number."""
    with contextlib.ExitStack() as stack:
        site = stack.enter_context(serving(remembers=False))
        urls = (f"{site.url}/{number}" for number in range(3000))
        tracemalloc.start()
        stack.callback(tracemalloc.stop)
        held = []
        for count, page in enumerate(poolwise.fetch(urls, directory=tmp_path / "pages", robots=False, progress=False)):
            assert page.ok
            if count in {1000, 2900}:
                held.append(tracemalloc.get_traced_memory()[0])
    # 1,900 records of a page would be about 3 MB.
    assert held[1] - held[0] < 1_000_000
