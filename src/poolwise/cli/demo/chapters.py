"""The two chapters as values: what is done, in which ways, and what must come out."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from poolwise.cli.demo.work import Page, describe, fetch_page, is_prime, page_body
from poolwise.model.classes import frozen
from poolwise.model.machine import Machine
from poolwise.model.units import Seconds

# 60 pages of a tenth of a second: long enough for the loop to be felt, short enough to be sat out.
PAGES, QUICK_PAGES = 60, 20
# The sum of the primes below each (https://oeis.org/A046731 has the first).
PRIME_SUMS = {1_000_000: 37550402023, 200_000: 1709600813}
NUMBERS, QUICK_NUMBERS = 1_000_000, 200_000
# What a person might write by hand for waiting: the most that the standard library's ThreadPoolExecutor takes unasked.
MANY = 32
# A loop over all pages takes 6 s, and no way takes longer; on a machine twenty times slower it is still the first laps.
BUDGET_S: Seconds = 240.0
QUICK_BUDGET_S: Seconds = 60.0


@frozen(kw_only=True)
class Chapter:
    """A piece of real work, and the ways to do it."""

    title: str
    task: str
    function: Callable[[Any], Any]
    items: Sequence[Any]
    ways: tuple[str, ...]
    """As ``poolwise.race`` names them; the loop comes first, and Poolwise's choice behind them all."""
    summarise: Callable[[Sequence[Any]], str]
    """Bring all results to the one line that is shown and compared."""
    expected: str
    budget_s: Seconds
    """For all laps together."""
    computes: bool = False
    """More and more processes are worth a look."""


class DemoError(Exception):
    """The demo cannot go on: a way brought a wrong result or none; the text says which."""


def waiting(address: str, machine: Machine, *, quick: bool) -> Chapter:
    """Fetch pages from the server at ``address``.

    Processes get a fair chance: one for each core, as people start them, and as many as there are threads.
    """
    count = QUICK_PAGES if quick else PAGES
    many = min(MANY, count)
    by_hand = [f"threads:{many}", f"processes:{machine.cores}"]
    if many > machine.cores:
        by_hand.append(f"processes:{many}")
    return Chapter(
        title="Waiting",
        task=f"fetch {count} web pages from a server that takes about 0.1 s for each",
        function=fetch_page,
        items=[f"{address}/pages/{number}" for number in range(count)],
        ways=_ways(machine, by_hand),
        summarise=_pages,
        expected=_pages([describe(page_body(number)) for number in range(count)]),
        budget_s=QUICK_BUDGET_S if quick else BUDGET_S,
    )


def computing(machine: Machine, *, quick: bool) -> Chapter:
    """Sum the primes below a limit; as many threads as cores, which is the best that threads could want."""
    limit = QUICK_NUMBERS if quick else NUMBERS
    return Chapter(
        title="Computing",
        task=f"sum all primes below {limit:,}, with one is_prime(n) for each number",
        function=is_prime,
        items=range(limit),
        ways=_ways(machine, [f"threads:{machine.cores}", f"processes:{machine.cores}"]),
        summarise=lambda flags: _primes(limit, flags),
        expected=f"the sum of all primes below {limit:,} is {PRIME_SUMS[limit]}",
        budget_s=QUICK_BUDGET_S if quick else BUDGET_S,
        computes=True,
    )


def _ways(machine: Machine, by_hand: list[str]) -> tuple[str, ...]:
    able = [way for way in by_hand if not way.startswith("processes") or machine.start_methods]
    return ("loop", *able)


def _pages(pages: Sequence[Page]) -> str:
    all_of_them = zlib.crc32(repr(pages).encode())
    return f"{len(pages)} pages, {sum(page.length for page in pages):,} bytes, checksum {all_of_them:08x}"


def _primes(limit: int, flags: Sequence[bool]) -> str:
    return f"the sum of all primes below {limit:,} is {sum(itertools.compress(range(limit), flags))}"
