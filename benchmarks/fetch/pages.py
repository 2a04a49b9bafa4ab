"""What the far side holds: a page of about 2 KB for each number, another one for every URL, so that a mix-up shows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

LINES = 40
# An odd factor spreads consecutive numbers over all digits: no two pages are alike but for a few bytes.
SPREAD = 0x9E3779B97F4A7C15


def page(number: int) -> bytes:
    """Make the page of a number: its first line names it."""
    line = b"%032x %018d\n" % (number * SPREAD % (1 << 128), number)
    return b"page %d\n" % number + line * LINES


def urls(port: int, count: int) -> list[str]:
    """Name the pages of a server on this machine."""
    return [f"http://127.0.0.1:{port}/page/{number}" for number in range(count)]


def count_right(folder: Path, count: int) -> int:
    """Count the pages 0 to ``count`` - 1 of which there is just one file below the folder, and that one right."""
    found = Counter[int]()
    for file in folder.rglob("*"):
        if file.is_file() and (number := _number_of(file.read_bytes())) is not None:
            found[number] += 1
    return sum(1 for number in range(count) if found[number] == 1)


def _number_of(body: bytes) -> int | None:
    """Tell whose page this is; None where it is none, or not all of one."""
    word = body.partition(b"\n")[0].removeprefix(b"page ")
    return int(word) if word.isdigit() and page(int(word)) == body else None
