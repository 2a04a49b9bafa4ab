"""The corpus: what servers have been seen to do, or could, each with the one word that its record has to say."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Callable

from tests.web.far_side import Deed, page, reset

OK = b"HTTP/1.1 200 OK\r\n"


def _forever(begin: bytes, again: bytes, pause_s: float = 0.0) -> Deed:
    async def deed(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(begin)
        while not writer.is_closing():
            writer.write(again)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return deed


def _and_hold(begin: bytes) -> Deed:
    async def deed(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(begin)
        await writer.drain()
        await asyncio.sleep(5)

    return deed


def _later(begin: bytes, rest: bytes) -> Deed:
    """Send the rest when the beginning has arrived, surely."""

    async def deed(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(begin)
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.write(rest)
        await asyncio.sleep(5)

    return deed


def _and_reset(begin: bytes) -> Deed:
    async def deed(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(begin)
        await writer.drain()
        reset(writer)

    return deed


def _redirect(where: Callable[[str], str], status: str = "302 Found") -> Deed:
    """Redirect each request to what ``where`` makes of its path."""

    async def deed(head: bytes, writer: asyncio.StreamWriter) -> None:
        path = head.split()[1].decode()
        writer.write(page(b"", f"Location: {where(path)}", status=status))

    return deed


def _encoded(name: str, body: bytes) -> bytes:
    return page(body, f"Content-Encoding: {name}")


def _chunked(body: bytes, *headers: str) -> bytes:
    return OK + "".join(f"{each}\r\n" for each in ("Transfer-Encoding: chunked", *headers)).encode() + b"\r\n" + body


def _zeros(mib: int) -> bytes:
    """Give gzip's members of zeros: a thousandth of what they hold."""
    return gzip.compress(bytes(1024 * 1024), mtime=0) * mib


TEXT = b"The quick brown fox. " * 100
# 10 GiB of zeros in 10 KiB: gzip within gzip.
NESTED = gzip.compress(_zeros(10 * 1024), mtime=0)

HOSTILE: dict[str, tuple[bytes | Deed, str]] = {
    # --- headers
    "endless headers": (_forever(OK, b"X-Again: and again\r\n"), "headers"),
    "endless header line": (_forever(OK + b"X: ", b"x" * 1000), "headers"),
    "endless header name": (_forever(OK, b"x" * 1000), "headers"),
    "endless status line": (_forever(b"HTTP/1.1 200 ", b"x" * 1000), "headers"),
    "too many headers": (OK + b"X: y\r\n" * 33 + b"\r\n", "headers"),
    "many large headers": (OK + (b"X: " + b"y" * 4000 + b"\r\n") * 8 + b"\r\n", "headers"),
    "huge cookies": (OK + (b"Set-Cookie: a=" + b"b" * 65536 + b"\r\n") * 20 + b"\r\n", "headers"),
    "headers that drip": (_forever(OK, b"x", 0.02), "answer_timeout"),
    "an answer that never begins": (_and_hold(b""), "answer_timeout"),
    "headers that stop": (_and_hold(OK + b"Content-Le"), "answer_timeout"),
    "a flood of 103": (_forever(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100, 0.001), "headers"),
    "another protocol": (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhello", "not_http"),
    "garbage for a status line": (b"\x00\x01\x02 rubbish\r\n\r\n", "not_http"),
    "a status that is no number": (b"HTTP/1.1 abc OK\r\n\r\n", "not_http"),
    "a status of four digits": (b"HTTP/1.1 2000 OK\r\n\r\n", "not_http"),
    "HTTP/0.9": (b"<html>hello</html>", "not_http"),
    "another service": (b"SSH-2.0-OpenSSH_9.2\r\n", "not_http"),
    "a header without a colon": (OK + b"nonsense\r\n\r\n", "not_http"),
    "a null byte in a header": (OK + b"X: a\0b\r\nContent-Length: 0\r\n\r\n", "not_http"),
    "a null byte in a name": (OK + b"X\0: a\r\nContent-Length: 0\r\n\r\n", "not_http"),
    # --- lengths
    "negative length": (OK + b"Content-Length: -5\r\n\r\nhello", "not_http"),
    "a length that is no number": (OK + b"Content-Length: five\r\n\r\nhello", "not_http"),
    "a length beyond 64 bits": (OK + b"Content-Length: 99999999999999999999999\r\n\r\nhello", "not_http"),
    "two lengths": (OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", "not_http"),
    "a list of lengths": (OK + b"Content-Length: 5, 5\r\n\r\nhello", "not_http"),
    "length and chunks": (_chunked(b"5\r\nhello\r\n0\r\n\r\n", "Content-Length: 3"), "not_http"),
    "a body shorter than its length": (OK + b"Content-Length: 50\r\n\r\nhello", "incomplete"),
    "a body longer than its length": (OK + b"Content-Length: 5\r\n\r\nhello, world", "not_http"),
    "a body that is cut off": (_and_reset(OK + b"Content-Length: 50\r\n\r\nhello"), "incomplete"),
    "a length above the limit": (_and_hold(OK + b"Content-Length: 999999999\r\n\r\n"), "too_large"),
    # --- bodies
    "endless body": (_forever(OK + b"\r\n", b"x" * 10_000), "too_large"),
    "endless chunks": (_forever(_chunked(b""), b"1000\r\n" + b"x" * 4096 + b"\r\n"), "too_large"),
    "endless tiny chunks": (_forever(_chunked(b""), (b"20\r\n" + b"x" * 32 + b"\r\n") * 100), "too_large"),
    "a body that drips": (_forever(OK + b"Content-Length: 999\r\n\r\n", b"x", 0.02), "whole_timeout"),
    "a body that stops": (_and_hold(OK + b"Content-Length: 999\r\n\r\nhello"), "read_timeout"),
    # --- chunks
    "a chunk's size is garbage": (_chunked(b"zz\r\nhello\r\n0\r\n\r\n"), "broken"),
    "a later chunk's size is garbage": (_later(_chunked(b"5\r\nhello\r\n"), b"zz\r\n"), "broken"),
    "a chunk's size is negative": (_chunked(b"-5\r\nhello\r\n0\r\n\r\n"), "broken"),
    "a chunk's size is beyond 64 bits": (_chunked(b"fffffffffffffffff\r\nhello\r\n"), "broken"),
    "a chunk's size is an endless line": (_forever(_chunked(b""), b"0" * 1000), "read_timeout"),
    "a chunk is longer than its size": (_chunked(b"3\r\nhello\r\n0\r\n\r\n"), "broken"),
    "chunks without an end": (_chunked(b"5\r\nhello\r\n"), "incomplete"),
    "endless trailers": (_forever(_chunked(b"5\r\nhello\r\n0\r\n"), b"X: y\r\n"), "broken"),
    # --- encodings
    "10 GiB in gzip": (_encoded("gzip, gzip", NESTED), "too_large"),
    "a gzip bomb": (_encoded("gzip", _zeros(100)), "too_large"),
    "a deflate bomb": (_encoded("deflate", zlib.compress(bytes(100 * 1024 * 1024))), "too_large"),
    "endless empty gzip": (_forever(OK + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(b"") * 100), "too_large"),
    "gzip cut off": (_encoded("gzip", gzip.compress(TEXT)[:-9]), "incomplete"),
    "deflate cut off": (_encoded("deflate", zlib.compress(TEXT)[:-9]), "incomplete"),
    "no gzip at all": (_encoded("gzip", TEXT), "encoding"),
    "no deflate at all": (_encoded("deflate", b"\xff" * 100), "encoding"),
    "gzip, and something after it": (_encoded("gzip", gzip.compress(TEXT) + b"rubbish"), "encoding"),
    "deflate, and something after it": (_encoded("deflate", zlib.compress(TEXT) + b"rubbish"), "encoding"),
    "a wrong checksum": (_encoded("gzip", gzip.compress(TEXT)[:-8] + bytes(8)), "encoding"),
    "an encoding that nobody knows": (_encoded("snappy", TEXT), "encoding"),
    "an encoding's name is bytes": (OK + b"Content-Encoding: \xff\xfe\r\n\r\nhello", "encoding"),
    "encoded a hundred times": (_encoded(", ".join(["gzip"] * 100), TEXT), "encoding"),
    # --- redirects
    "a redirect to itself": (_redirect(lambda path: path), "redirect_loop"),
    "a redirect to and fro": (_redirect(lambda path: {"/": "/a", "/a": "/b", "/b": "/"}[path]), "redirect_loop"),
    "a chain of redirects": (_redirect(lambda path: f"{path}x"), "redirects"),
    "a redirect to file:": (_redirect(lambda _: "file:///etc/passwd"), "redirect"),
    "a redirect to ftp:": (_redirect(lambda _: "ftp://127.0.0.1/"), "redirect"),
    "a redirect to javascript:": (_redirect(lambda _: "javascript:alert(1)"), "redirect"),
    "a redirect to data:": (_redirect(lambda _: "data:text/html,hello"), "redirect"),
    "a redirect without a place": (page(b"", status="302 Found"), "redirect"),
    "a redirect to no host": (_redirect(lambda _: "http://"), "redirect"),
    "a redirect to a broken host": (_redirect(lambda _: "http://[::1/"), "redirect"),
    "a redirect to no port": (_redirect(lambda _: "http://127.0.0.1:99999/"), "redirect"),
    "a redirect with an endless body": (
        _forever(b"HTTP/1.1 302 Found\r\nLocation: file:///\r\n\r\n", b"x" * 10_000),
        "redirect",
    ),
    # --- statuses
    "not found": (page(b"nothing here", status="404 Not Found"), "status"),
    "not found, endlessly": (_forever(b"HTTP/1.1 404 Not Found\r\n\r\n", b"x" * 10_000), "status"),
    "overloaded, and then it stops": (_and_hold(b"HTTP/1.1 503 Busy\r\nContent-Length: 9\r\n\r\nx"), "status"),
    "not modified, unasked": (b"HTTP/1.1 304 Not Modified\r\n\r\n", "status"),
    # --- connections
    "no answer": (b"", "dropped"),
    "a reset instead of an answer": (_and_reset(b""), "dropped"),
    "a reset in the headers": (_and_reset(OK + b"Content"), "dropped"),
}

# Odd, and fetched all the same, as every browser does: what the body is.
TOLERATED: dict[str, tuple[bytes | Deed, bytes]] = {
    "no length": (OK + b"\r\nhello", b"hello"),
    "bare line feeds": (b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", b"hello"),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\n\r\nhello", b"hello"),
    "an answer after the answer": (OK + b"Content-Length: 5\r\n\r\nhello" + page(b"other"), b"hello"),
    "early hints": (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + page(b"hello"), b"hello"),
    "no reason": (b"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
    "headers beyond ASCII": (page(b"hello", "X: ü"), b"hello"),
    "bare deflate": (_encoded("deflate", zlib.compress(TEXT, wbits=-15)), TEXT),
    "zlib's deflate": (_encoded("deflate", zlib.compress(TEXT)), TEXT),
    "gzip": (_encoded("GZIP", gzip.compress(TEXT)), TEXT),
    "two gzip members and padding": (_encoded("x-gzip", gzip.compress(TEXT) * 2 + bytes(700)), TEXT * 2),
    "gzip within deflate": (_encoded("gzip, deflate", zlib.compress(gzip.compress(TEXT))), TEXT),
    "encodings in two lines": (
        page(zlib.compress(gzip.compress(TEXT)), "Content-Encoding: gzip", "Content-Encoding: deflate"),
        TEXT,
    ),
    "gzip in chunks of a byte": (
        _chunked(
            b"".join(b"1\r\n%c\r\n" % each for each in gzip.compress(TEXT)) + b"0\r\n\r\n", "Content-Encoding: gzip"
        ),
        TEXT,
    ),
    "nothing, in gzip": (_encoded("gzip", b""), b""),
    "identity": (_encoded("identity", b"hello"), b"hello"),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "a chunk's extension": (_chunked(b"5;a=b\r\nhello\r\n0\r\n\r\n"), b"hello"),
    "trailers": (_chunked(b"5\r\nhello\r\n0\r\nX: y\r\n\r\n"), b"hello"),
    "large cookies": (page(b"hello", *(f"Set-Cookie: a{each}=" + "b" * 1000 for each in range(15))), b"hello"),
}
