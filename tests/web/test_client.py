"""One request, one record: what it says, what it keeps, and what it does not give away."""

from __future__ import annotations

import asyncio
import gzip
import pickle
import shutil
import ssl
import subprocess
import sys
import tracemalloc

import pytest

from poolwise.errors import FetchError, MissingExtraError, OptionError
from poolwise.web.client import Client
from poolwise.web.options import ClientOptions, Limits
from tests.web.far_side import TIGHT, WATCHDOG_S, far_side, page, reset, told

MIB = 1024 * 1024


class Listener:
    """An honest server that remembers what it was asked; ``answers`` are bytes by path, by default a page."""

    def __init__(self, **answers):
        self.heads = []
        self.connections = set()
        self.answers = {f"/{name}": answer for name, answer in answers.items()}

    async def __call__(self, head, writer):
        self.heads.append(head.decode())
        self.connections.add(id(writer))
        writer.write(self.answers.get(head.split()[1].decode(), page(b"hello")))


def run(do, listener=None, **options):
    """Run ``do(client, url)`` against a server."""

    async def story():
        async with (
            asyncio.timeout(WATCHDOG_S),
            far_side(listener or Listener(), keep=True) as url,
            Client(ClientOptions(**{"limits": TIGHT, **options})) as client,
        ):
            return await do(client, url)

    return asyncio.run(story())


def fetch(path="/", listener=None, *, options=None, **keywords):
    """Fetch one page, and give its record."""
    return run(lambda client, url: told(client, url + path, **keywords), listener, **(options or {}))


# --- What a record says ----------------------------------------------------------------------------------------------


def test_a_record_of_a_good_page():
    """A record has status, headers, sizes on the wire and after decoding, and times in their order."""
    packed = gzip.compress(b"hello" * 1000)
    found = fetch("/a?b#c", Listener(**{"a?b": page(packed, "Content-Encoding: gzip", "X-Y: z")}))
    assert (found.status, found.ok, found.error, found.http_version) == (200, True, None, "1.1")
    assert (found.url[-6:], found.final_url[-4:], found.redirects) == ("/a?b#c", "/a?b", ())
    assert (found.bytes, found.received, found.body) == (5000, len(packed), b"hello" * 1000)
    assert found.headers[1:] == (("Content-Encoding", "gzip"), ("X-Y", "z"))
    assert (found.header("x-y"), found.header("nothing")) == ("z", None)
    assert 0 < found.connect_s <= found.first_byte_s <= found.total_s


def test_open_connections_are_used_again():
    """Pages, redirects and error pages leave their connection for the next; only the first page tells of connecting."""
    listener = Listener(to=page(b"", "Location: /", status="302 Found"), no=page(b"no", status="404 Not Found"))

    async def do(client, url):
        return [await told(client, url + path) for path in ("/", "/to", "/no", "/")]

    pages = run(do, listener)
    assert len(listener.connections) == 1
    assert [each.connect_s is None for each in pages] == [False, True, True, True]
    assert [each.status for each in pages] == [200, 200, 404, 200]


def test_a_connection_has_one_request_at_a_time():
    """Also behind an error page: those who ask next do not meet on its connection."""
    listener = Listener(no=page(b"", status="404 Not Found"))

    async def do(client, url):
        await told(client, f"{url}/no")
        pages = await asyncio.gather(*(told(client, f"{url}/{n}") for n in range(3)))
        return [each.body for each in pages]

    assert run(do, listener) == [b"hello"] * 3
    assert len(listener.connections) == 3


def test_what_comes_unasked_is_no_answer_to_the_next():
    """A second answer behind the first one is not taken for that of another page, which has another connection."""
    listener = Listener(one=page(b"one") + page(b"forged"), two=page(b"two"))

    async def do(client, url):
        return [(await told(client, url + path)).body for path in ("/one", "/two")]

    assert run(do, listener) == [b"one", b"two"]
    assert len(listener.connections) == 2


def test_a_connection_that_says_close_is_not_used_again():
    """Nor one of HTTP/1.0."""
    old = page(b"old").replace(b"HTTP/1.1", b"HTTP/1.0")
    listener = Listener(last=page(b"last", "Connection: close"), old=old)

    async def do(client, url):
        return [(await told(client, url + path)).connect_s is None for path in ("/", "/last", "/", "/old", "/")]

    assert run(do, listener) == [False, True, False, True, False]


def test_errors_travel():
    """A FetchError can be pickled, and says the same afterwards."""

    async def do(client, url):
        with pytest.raises(FetchError) as caught:
            await client.fetch(f"{url}/busy")
        return caught.value

    error = run(do, Listener(busy=page(b"", "Retry-After: 7", status="503 Busy")))
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert str(error).endswith("/busy: HTTP 503 Busy")
    assert (again.page, again.status, again.worth_retrying, again.retry_after_s) == (error.page, 503, True, 7.0)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 410, 425, 429, 451, 500, 501, 502, 503, 504, 599])
def test_which_statuses_are_worth_another_try(status):
    """What may pass by itself is worth another try, what stays as it is is not; the error page itself is not kept."""

    async def do(client, url):
        with pytest.raises(FetchError) as caught:
            await client.fetch(f"{url}/x")
        return caught.value

    error = run(do, Listener(x=page(b"sorry", status=f"{status} Well")))
    assert error.worth_retrying == (status in {408, 425, 429, 500, 502, 503, 504})
    assert (error.page.status, error.page.error.message, error.page.body) == (status, f"HTTP {status} Well", None)


# --- What is asked ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/a%7Eb%2fc?sig=a%2Bb%3D&x=%zz", "/a%7Eb%2fc?sig=a%2Bb%3D&x=%25zz"),
        ("/a+b?c+d", "/a+b?c+d"),
        ("/ü?ü", "/%C3%BC?%C3%BC"),
        ("/a/../b/./c", "/b/c"),
        ("?x", "/?x"),
    ],
)
def test_a_url_is_asked_for_as_it_was_written(path, asked):
    """No escape is undone or done twice: a signature over the URL stays valid."""
    listener = Listener()
    fetch(path, listener)
    assert listener.heads[0].split()[1] == asked


@pytest.mark.parametrize(
    ("location", "asked"),
    [
        ("/b%7e?s=%2B", "/b%7e?s=%2B"),
        ("c", "/a/c"),
        ("../c d", "/c%20d"),
        ("?q=a b", "/a/?q=a%20b"),
        ("\\b", "/b"),
        ("/ü", "/%C3%BC"),
        ("  /b\t", "/b"),
        ("/b#c", "/b"),
    ],
)
def test_a_redirect_leads_where_browsers_go(location, asked):
    """A Location is read as browsers read it."""
    listener = Listener(**{"a/": page(b"", f"Location: {location}", status="301 Moved")})
    found = fetch("/a/", listener)
    assert (found.ok, listener.heads[1].split()[1], len(found.redirects)) == (True, asked, 1)


def test_nothing_secret_goes_to_another_origin():
    """After a redirect to another origin, no header of the caller's is sent but what is harmless."""
    there = Listener()
    secrets = {"Authorization": "secret", "Cookie": "secret", "X-Api-Key": "secret", "Accept-Language": "de"}

    async def do(client, url):
        async with far_side(there, keep=True) as other:
            listener.answers["/out"] = page(b"", f"Location: {other}/", status="307 Out")
            return await told(client, f"{url}/out")

    listener = Listener(**{"in": page(b"", "Location: /out", status="302 In")})
    assert run(do, listener, headers=secrets, user_agent="me").ok
    assert [head.count("secret") for head in listener.heads] == [3]
    assert there.heads[0].count("secret") == 0
    assert "Accept-Language: de\r\n" in there.heads[0]
    assert "User-Agent: me\r\n" in there.heads[0]


def test_secrets_stay_within_their_origin():
    """A redirect within an origin keeps the caller's headers."""
    listener = Listener(a=page(b"", "Location: /b", status="302 Found"))
    fetch("/a", listener, options={"headers": {"Authorization": "secret"}})
    assert [head.count("secret") for head in listener.heads] == [1, 1]


def test_cookies_are_not_kept():
    """What a server sets is not sent back to it."""
    listener = Listener(a=page(b"", "Set-Cookie: a=b", "Location: /", status="302 Found"))
    fetch("/a", listener)
    assert all("ookie" not in head for head in listener.heads)


def test_a_redirect_with_a_password_uses_none():
    """A name and password in a Location are not sent, and stand in no record."""
    listener = Listener()

    async def do(client, url):
        listener.answers["/a"] = page(b"", f"Location: {url.replace('//', '//me:secret@')}/b", status="302 Found")
        return await told(client, f"{url}/a")

    found = run(do, listener)
    assert found.ok
    assert "Authorization" not in listener.heads[1]
    assert "secret" not in found.to_json().replace(found.header("Location", ""), "")


def test_a_password_in_a_url_is_told_and_not_kept():
    """A URL with a password is refused, and the record does not hold the password."""
    found = fetch(options={}) and run(lambda client, _: told(client, "http://me:secret@example.org/"))
    assert (found.error.type, "secret" in repr(found)) == ("address", False)


def test_conditions_may_be_met():
    """A 304 on a condition is good, has no body, and the condition was sent."""
    listener = Listener(a=b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n')
    found = fetch("/a", listener, conditions={"If-None-Match": '"x"'})
    assert (found.ok, found.status, found.body, found.header("etag")) == (True, 304, None, '"x"')
    assert 'If-None-Match: "x"\r\n' in listener.heads[0]


def test_a_proxy_of_the_environment_is_used(monkeypatch):
    """``http_proxy`` is asked, with its password in a header, except for what ``no_proxy`` names."""
    listener = Listener()

    async def story():
        async with asyncio.timeout(WATCHDOG_S), far_side(listener, keep=True) as proxy:
            monkeypatch.setenv("http_proxy", proxy.replace("//", "//me:secret@"))
            monkeypatch.setenv("no_proxy", "127.0.0.1")
            async with Client(ClientOptions(limits=TIGHT)) as client:
                return [await told(client, url) for url in ("http://example.org/x", proxy)]

    assert all(each.ok for each in asyncio.run(story()))
    asked = [head.split()[1] for head in listener.heads]
    assert asked == ["http://example.org/x", "/"]
    assert ["Proxy-Authorization: Basic bWU6c2VjcmV0\r\n" in head for head in listener.heads] == [True, False]


# --- Connections -----------------------------------------------------------------------------------------------------


def test_a_connection_that_the_server_gave_up_costs_nothing():
    """A kept connection that is dead when it is used again is replaced by a new one, without an error."""
    asked = []

    async def deed(_head, writer):
        asked.append(id(writer))
        if asked.count(id(writer)) > 1:
            reset(writer)
        else:
            writer.write(page(b"hello"))

    async def do(client, url):
        return [await told(client, url) for _ in range(3)]

    assert [each.body for each in run(do, deed)] == [b"hello"] * 3


def test_a_new_connection_that_breaks_is_not_asked_again():
    """The client tries once; whether again is for its caller to say."""
    asked = []

    async def deed(head, writer):
        asked.append(head)
        reset(writer)

    assert fetch("/", deed).error.type == "dropped"
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("url", "kind", "words"),
    [
        ("http://127.0.0.1:9/", "refused", "nothing listens"),
        ("http://poolwise.invalid/", "dns", "poolwise.invalid was not found"),
        ("ftp://example.org/", "address", "only http and https"),
    ],
)
def test_who_cannot_be_asked(url, kind, words):
    """What keeps a page from being asked for is told in words."""

    async def run_():
        async with Client(ClientOptions(limits=Limits(connect_s=10))) as client:
            return await told(client, url)

    found = asyncio.run(run_())
    assert found.error.type == kind
    assert words in found.error.message


def test_a_handshake_that_never_comes():
    """A server that takes the connection and does not speak TLS is given up after the time for connecting."""
    found = run(lambda client, url: told(client, url.replace("http:", "https:")))
    assert (found.error.type, found.connect_s) == ("connect_timeout", None)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="a certificate is made by openssl")
def test_a_certificate_that_nobody_knows(tmp_path):
    """A self-signed certificate is refused with clear words, and taken where certificates are not checked."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=127.0.0.1"]
    paths = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", "req", *made, *paths], check=True, capture_output=True, timeout=30)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(page(b"hello"))
        writer.close()

    async def story():
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        pages = []
        for verify in (True, False):
            async with asyncio.timeout(WATCHDOG_S), Client(ClientOptions(verify=verify)) as client:
                pages.append(await told(client, url))
        server.close()
        return pages

    refused, taken = asyncio.run(story())
    assert (refused.error.type, taken.body) == ("certificate", b"hello")
    assert "self-signed" in refused.error.message.replace("self signed", "self-signed")


# --- Where bodies go -------------------------------------------------------------------------------------------------


class Store:
    """A sink that notes what it is told."""

    def __init__(self, raises=None):
        self.told = []
        self.size = 0
        self._raises = raises

    def __call__(self, status, headers, final_url):
        self.told.append((status, headers["content-length"], final_url.rpartition("/")[2]))
        return self

    def write(self, data):
        if self._raises is not None:
            raise self._raises
        self.size += len(data)

    def finish(self):
        self.told.append("finish")
        return "name"

    def abandon(self):
        self.told.append("abandon")


def test_a_body_goes_into_its_sink():
    """A sink is told of the answer first, is given the body, and names the file; the record holds no body."""
    store = Store()
    found = fetch("/x", sink=store)
    assert (found.path, found.body, found.bytes, store.size) == ("name", None, 5, 5)
    assert store.told == [(200, "5", "x"), "finish"]


def test_a_body_that_is_not_whole_is_abandoned():
    """What ends early is told to the sink, too."""
    store = Store()
    found = fetch("/x", Listener(x=page(b"hello").replace(b": 5", b": 50")), sink=store)
    assert (found.error.type, found.path, store.told[1:]) == ("read_timeout", None, ["abandon"])


def test_an_error_page_goes_into_no_sink():
    """A sink is asked for only where there is a page to keep."""
    store = Store()
    fetch("/x", Listener(x=page(b"sorry", status="500 Oh")), sink=store)
    assert store.told == []


@pytest.mark.parametrize("error", [OSError(28, "disk full"), TimeoutError("a slow disk"), ValueError("mine")])
def test_what_a_sink_raises_comes_out(error):
    """An error of the sink's own is no error of the page's; the sink is told to leave nothing behind."""
    store = Store(error)

    async def do(client, url):
        with pytest.raises(type(error)) as caught:
            await client.fetch(url, sink=store)
        return caught.value

    assert run(do) is error
    assert store.told[1:] == ["abandon"]


def test_stopping_abandons_the_body():
    """Who cancels a request gets the cancellation, and the sink leaves nothing behind."""
    begun = asyncio.Event()

    class Slow(Store):
        def write(self, data):
            super().write(data)
            begun.set()

    async def deed(_head, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello")
        await writer.drain()
        await asyncio.sleep(5)

    async def do(client, url):
        task = asyncio.create_task(client.fetch(url, sink=store))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    store = Slow()
    run(do, deed, limits=Limits())
    assert store.told[1:] == ["abandon"]


@pytest.mark.parametrize("packed", [False, True])
def test_a_long_body_costs_no_memory(packed):
    """A body of 200 MiB that goes into a sink costs the memory of a few pieces, encoded or not."""
    size, store = 200 * MIB, Store()
    zeros = gzip.compress(bytes(MIB))

    async def deed(_head, writer):
        length, pieces, piece = (len(zeros) * 200, 200, zeros) if packed else (size, 200 * 16, bytes(MIB // 16))
        encoding = "Content-Encoding: gzip\r\n" if packed else ""
        writer.write(f"HTTP/1.1 200 OK\r\n{encoding}Content-Length: {length}\r\n\r\n".encode())
        for _ in range(pieces):
            writer.write(piece)
            await writer.drain()

    async def do(client, url):
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        found = await told(client, url, sink=store)
        peak = tracemalloc.get_traced_memory()[1] - before
        tracemalloc.stop()
        return found, peak

    found, peak = run(do, deed, limits=Limits(max_bytes=size))
    assert (found.error, found.bytes, store.size) == (None, size, size)
    assert peak < 2 * MIB


# --- What it is told -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [{"connect_s": 0}, {"whole_s": -1}, {"max_bytes": 0}, {"max_redirects": -1}])
def test_limits_are_checked(wrong):
    """A limit that nothing could keep is refused when it is set."""
    with pytest.raises(OptionError, match=next(iter(wrong))):
        Limits(**wrong)


@pytest.mark.parametrize("headers", [{"X": "a\r\nY: b"}, {"X\n": "a"}, {"": "a"}])
def test_headers_are_checked(headers):
    """A header cannot smuggle another one in."""
    with pytest.raises(OptionError, match="cannot be sent"):
        ClientOptions(headers=headers)


def test_without_aiohttp_the_extra_is_named(monkeypatch):
    """Where aiohttp is missing, the error says what brings it."""
    monkeypatch.setitem(sys.modules, "aiohttp", None)

    async def enter():
        async with Client():
            pass

    with pytest.raises(MissingExtraError, match=r"poolwise\[fetch\]"):
        asyncio.run(enter())


@pytest.mark.parametrize("status", ["404 Not Found", "302 In"])
def test_the_connection_of_a_page_without_a_body_of_use_is_nobody_elses_twice(status):
    """Each of the requests that follow at a time gets its own answer: what is given back twice has two users."""
    names = [f"p{number}" for number in range(8)]
    answers = {name: page(name.encode()) for name in names}
    listener = Listener(first=page(b"no", "Location: /p0", status=status), **answers)

    async def do(client, url):
        for _ in range(3):
            await told(client, f"{url}/first")
        return await asyncio.gather(*(told(client, f"{url}/{name}") for name in names))

    pages = run(do, listener)
    assert [found.body for found in pages] == [name.encode() for name in names]
