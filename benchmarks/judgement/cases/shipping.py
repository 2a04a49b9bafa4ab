"""What is dear to send: big arguments, big results, a big object that the function carries."""

from __future__ import annotations

import functools
import zlib
from typing import Any

from benchmarks.judgement.case import Case
from benchmarks.judgement.cases.spinning import milliseconds

FOUR_MB = 4_000_000
FORTY_MB = bytes(range(250)) * 160_000


def blocks(count: int) -> list[bytes]:
    """Give blocks of 4 MB, each another one."""
    return [bytes([number % 256]) * FOUR_MB for number in range(count)]


def checksum(block: bytes) -> int:
    """Read a big argument: about 1 ms, with the GIL let go."""
    return zlib.crc32(block)


def crunch_beside(block: bytes) -> int:
    """Compute for 5 ms beside a big argument."""
    return milliseconds(5, block[7])


def make_block(number: int) -> bytes:
    """Make a big result in no time."""
    return bytes([number % 256]) * FOUR_MB


def compute_block(number: int) -> bytes:
    """Compute for 10 ms, and give a big result."""
    return bytes([milliseconds(10, number)]) * FOUR_MB


def look_up(table: bytes, number: int) -> int:
    """Compute for 2 ms with a table of 40 MB at hand."""
    return milliseconds(2, table[number * 31])


def records(count: int) -> list[dict[str, Any]]:
    """Give records of some 30 objects each."""
    return [{f"field{n}": (number, str(n), n / 3) for n in range(30)} for number in range(count)]


def sum_of_record(record: dict[str, Any]) -> float:
    """Do little on a structured argument."""
    return float(sum(value[2] for value in record.values()))


CASES = (
    Case(name="checksum of 4 MB", function=checksum, items=blocks, count=60),
    Case(name="4 MB in, compute 5 ms", function=crunch_beside, items=blocks, count=60),
    Case(name="4 MB out", function=make_block, count=60),
    Case(name="compute 10 ms, 4 MB out", function=compute_block, count=40),
    Case(name="a partial of 40 MB", function=functools.partial(look_up, FORTY_MB), count=150),
    Case(name="records in", function=sum_of_record, items=records, count=15_000),
)
