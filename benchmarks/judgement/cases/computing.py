"""Pure Python that computes: from a tenth of a microsecond for an item to a second, and few items to many."""

from __future__ import annotations

import decimal
import threading
from functools import cache

from benchmarks.judgement.case import Case
from benchmarks.judgement.cases.spinning import milliseconds

LOCK = threading.Lock()
HAYSTACK = list(range(400_000))


def polynomial(x: int) -> float:
    """Compute for about a microsecond."""
    return ((((x * 0.5 + 3) * x - 7) * x + 11) * x - 13) * x + (x % 7) * (x % 11) + (x % 13) * 0.1


def crunch_20us(item: int) -> int:
    """Compute for 20 µs."""
    return milliseconds(0.02, item)


def crunch_200us(item: int) -> int:
    """Compute for 200 µs."""
    return milliseconds(0.2, item)


def crunch_2ms(item: int) -> int:
    """Compute for 2 ms."""
    return milliseconds(2, item)


def crunch_50ms(item: int) -> int:
    """Compute for 50 ms."""
    return milliseconds(50, item)


def crunch_1s(item: int) -> int:
    """Compute for a second."""
    return milliseconds(1000, item)


def collatz(start: int) -> int:
    """Count the steps to 1."""
    steps = 0
    while start != 1:
        start = start // 2 if start % 2 == 0 else 3 * start + 1
        steps += 1
    return steps


def count_primes(start: int) -> int:
    """Count the primes among 200 numbers by trial division."""
    return sum(all(n % d for d in range(2, int(n**0.5) + 1)) for n in range(start, start + 200))


def mandelbrot_row(row: int) -> list[int]:
    """Compute one row of the picture: rows cost more towards the middle."""
    counts = []
    for column in range(160):
        c, z, steps = complex(column / 64 - 2, row / 64 - 1), 0j, 0
        while abs(z) < 2 and steps < 80:
            z, steps = z * z + c, steps + 1
        counts.append(steps)
    return counts


def queens(size: int) -> int:
    """Count the ways to place queens on a small board, making many objects."""

    def place(rows: tuple[int, ...]) -> int:
        if len(rows) == size:
            return 1
        safe = (
            column
            for column in range(size)
            if all(column not in (row, row + len(rows) - at, row - len(rows) + at) for at, row in enumerate(rows))
        )
        return sum(place((*rows, column)) for column in safe)

    return place(())


def compute_behind_a_lock(item: int) -> int:
    """Compute for 1 ms behind a lock."""
    with LOCK:
        return milliseconds(1, item)


def sum_of_a_long_list(item: int) -> int:
    """Read a list of 400,000 numbers, objects far apart in memory."""
    return sum(HAYSTACK) + item


@cache
def table() -> int:
    """Take 150 ms, once in each process."""
    return milliseconds(150, 1)


def crunch_with_a_table(item: int) -> int:
    """Compute for 2 ms; the first call makes a table before."""
    return table() + milliseconds(2, item)


def factors(number: int) -> list[int]:
    """Factor by trial division: some numbers take a thousand times as long as others."""
    found, divisor = [], 2
    while divisor * divisor <= number:
        while number % divisor == 0:
            found.append(divisor)
            number //= divisor
        divisor += 1
    return [*found, number]


def parse_xml(item: int) -> int:
    """Read a small XML document; the first call imports what it takes."""
    import xml.dom.minidom  # noqa: PLC0415 - the case is about it

    rows = "".join(f"<row id='{row}'>{item}</row>" for row in range(60))
    return len(xml.dom.minidom.parseString(f"<table>{rows}</table>").getElementsByTagName("row"))  # noqa: S318 - our own


def fill_memory(item: int) -> int:
    """Take 100 MB, write to all of it, and let it go."""
    taken = bytearray(100_000_000)
    taken[::4096] = bytes([1 + item % 200]) * len(taken[::4096])
    return taken[-1] + taken[4096 * 1000]


def root_of_two(digits: int) -> str:
    """Compute with decimal numbers, in C with the GIL held."""
    with decimal.localcontext() as context:
        context.prec = digits
        return str(decimal.Decimal(2).sqrt().exp())[-20:]


def starts(count: int) -> range:
    """Give the beginnings of blocks of 200 numbers."""
    return range(1_000_000, 1_000_000 + 200 * count, 200)


CASES = (
    Case(name="abs, 0.1 µs", function=abs, count=100_000),
    Case(name="polynomial, 1 µs", function=polynomial, count=100_000),
    Case(name="compute 20 µs", function=crunch_20us, count=10_000),
    Case(name="compute 20 µs, 50 items", function=crunch_20us, count=50),
    Case(name="compute 200 µs", function=crunch_200us, count=3_000),
    Case(name="compute 2 ms", function=crunch_2ms, count=200),
    Case(name="compute 2 ms, 10 items", function=crunch_2ms, count=10),
    Case(name="compute 50 ms", function=crunch_50ms, count=20),
    Case(name="compute 50 ms, 3 items", function=crunch_50ms, count=3),
    Case(name="compute 50 ms, 2 items", function=crunch_50ms, count=2),
    Case(name="compute 1 s, 2 items", function=crunch_1s, count=2),
    Case(name="compute 1 s, 3 items", function=crunch_1s, count=3),
    Case(name="compute 50 ms, 1 item", function=crunch_50ms, count=1),
    Case(name="Collatz steps", function=collatz, items=lambda count: range(1, count + 1), count=30_000),
    Case(name="count primes", function=count_primes, items=starts, count=300),
    Case(name="Mandelbrot rows", function=mandelbrot_row, count=128),
    Case(name="queens on a board", function=queens, items=lambda count: [8] * count, count=20),
    Case(name="factor numbers", function=factors, items=lambda count: range(10**9, 10**9 + count), count=300),
    Case(name="compute behind a lock", function=compute_behind_a_lock, count=150),
    Case(name="sum of a long list", function=sum_of_a_long_list, count=100),
    Case(name="first call imports", function=parse_xml, count=200),
    Case(name="100 MB of memory each", function=fill_memory, count=12),
    Case(name="decimal numbers", function=root_of_two, items=lambda count: [600 + n for n in range(count)], count=200),
    Case(name="first call makes a table", function=crunch_with_a_table, count=200),
)
