"""The standard library's C code: compression and hashes, which let the GIL go, or not, or for large buffers only."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import random
import zlib

from benchmarks.judgement.case import Case

WORDS = (
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "a",
    "lazy",
    "dog",
    "while",
    "seven",
    "wizards",
    "box",
    "with",
    "jade",
)


def prose(numbers: random.Random, size: int) -> bytes:
    """Give words that compress as text does."""
    return " ".join(numbers.choices(WORDS, k=size // 5)).encode()[:size]


def texts(size: int, count: int) -> list[bytes]:
    """Give so many texts of so many bytes, each another one."""
    return [prose(random.Random(seed), size) for seed in range(count)]


def gzip_size(text: bytes) -> int:
    """Compress as ``gzip`` does; the GIL is let go."""
    return len(gzip.compress(text, 6, mtime=0))


def zlib_small(text: bytes) -> bytes:
    """Compress a small text, as caches do."""
    return zlib.compress(text)


def lzma_size(text: bytes) -> int:
    """Compress hard."""
    return len(lzma.compress(text, preset=3))


def bz2_size(text: bytes) -> int:
    """Compress by blocks."""
    return len(bz2.compress(text))


def sha256(block: bytes) -> str:
    """Hash a block; from 2 KB on the GIL is let go."""
    return hashlib.sha256(block).hexdigest()


def blake2(block: bytes) -> str:
    """Hash a block."""
    return hashlib.blake2b(block).hexdigest()


def derive_key(password: int) -> bytes:
    """Derive a key as a login does; the GIL is let go."""
    return hashlib.pbkdf2_hmac("sha256", str(password).encode(), b"salt", 40_000)


CASES = (
    Case(name="gzip 200 KB", function=gzip_size, items=lambda count: texts(200_000, count), count=40),
    Case(name="zlib 2 KB", function=zlib_small, items=lambda count: texts(2_000, count), count=4_000),
    Case(name="lzma 50 KB", function=lzma_size, items=lambda count: texts(50_000, count), count=30),
    Case(name="bz2 100 KB", function=bz2_size, items=lambda count: texts(100_000, count), count=30),
    Case(
        name="sha256 of 1 MB",
        function=sha256,
        items=lambda count: [bytes([n]) * 1_000_000 for n in range(count)],
        count=200,
    ),
    Case(name="sha256 of 100 bytes", function=sha256, items=lambda count: texts(100, count), count=30_000),
    Case(
        name="blake2 of 64 KB",
        function=blake2,
        items=lambda count: [bytes([n % 256]) * 65_536 for n in range(count)],
        count=3_000,
    ),
    Case(name="pbkdf2", function=derive_key, count=40),
)
