"""Rates and limits: kept over all workers together, whatever these are, and nothing else changes."""

from __future__ import annotations

import functools
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import strategies as st

from poolwise import Limit, Rate
from tests.contract import functions
from tests.contract.ways import ALL, FAKE, Way, on, on_all, on_all_core

HOSTS = 3
ITEMS = 24
# The clock of the fake is its own: no time goes by while it waits.
TIMED = [way for way in ALL if way is not FAKE]


def host(item):
    """Name the key of an item."""
    return item % HOSTS


def visits(path: Path) -> list[tuple[str, int, float]]:
    """Read what was noted, in the order of time."""
    told = (line.split() for line in functions.lines(path))
    found = [(what, int(item), float(at_s)) for what, item, at_s in told]
    return sorted(found, key=lambda each: each[2])


def most_at_once(path: Path, key) -> Counter:
    """Count how many of each key were visited at a time, at most."""
    now, most = Counter(), Counter()
    for what, item, _ in visits(path):
        now[key(item)] += 1 if what == "begin" else -1
        most |= now
    return most


@on_all_core
def test_a_limit_for_each_key_is_kept(way: Way, tmp_path: Path):
    """Never more of a key at a time, over all workers together; the results are the plain ones."""
    visit = functools.partial(functions.note_visit, tmp_path / "visits")
    assert way.map(visit, range(ITEMS), limit=Limit(1, key=host), max_workers=4) == [item**2 for item in range(ITEMS)]
    assert most_at_once(tmp_path / "visits", host) == Counter(dict.fromkeys(range(HOSTS), 1))


@on_all
def test_a_limit_for_all_is_kept(way: Way, tmp_path: Path):
    """A number bounds all workers together, and together with a limit for each key."""
    visit = functools.partial(functions.note_visit, tmp_path / "visits")
    results = way.imap(visit, iter(range(ITEMS)), limit=[2, Limit(1, key=host)], max_workers=4)
    assert list(results) == [item**2 for item in range(ITEMS)]
    assert max(most_at_once(tmp_path / "visits", lambda _: 0).values()) <= 2
    assert max(most_at_once(tmp_path / "visits", host).values()) == 1


@on(*TIMED)
def test_a_rate_is_kept(way: Way, tmp_path: Path):
    """The n-th of a key begins no sooner than n spacings after the call."""
    visit = functools.partial(functions.note_visit, tmp_path / "visits")
    rate = Rate("50/s", key=host)
    begun_s = time.monotonic()
    assert way.map(visit, range(ITEMS), rate=[rate, "1000/s"], max_workers=4) == [item**2 for item in range(ITEMS)]
    for key in range(HOSTS):
        times = [at_s for what, item, at_s in visits(tmp_path / "visits") if what == "begin" and item % HOSTS == key]
        assert all(at_s - begun_s >= place * rate.spacing_s for place, at_s in enumerate(times))


@on_all
@pytest.mark.parametrize("errors", ["collect", "skip"])
def test_failures_and_tries_again_go_through_the_gate(way: Way, errors: str):
    """With limits, items that fail, are tried again, or are killed end as they do without."""

    @way.for_all(
        items=st.lists(st.integers(0, 20), max_size=20),
        bad=st.frozensets(st.integers(0, 20), max_size=4),
        most=st.integers(1, 3),
        retries=st.integers(0, 1),
    )
    def _(items, bad, most, retries):
        function = functools.partial(functions.fail_on, bad)
        plain = way.map(function, items, errors=errors, retries=retries)
        limited = way.map(function, items, errors=errors, retries=retries, limit=[Limit(most, key=host), 3])
        assert [value for value in limited if value] == [value for value in plain if value]
        assert [each.index for each in limited.failures] == [each.index for each in plain.failures]
        assert [each.attempts for each in limited.failures] == [each.attempts for each in plain.failures]


@on_all
def test_an_item_without_a_key_is_one_failure(way: Way):
    """A key function that raises costs the item, and the others are done."""

    def strict_host(item):
        if item == 3:
            raise LookupError("no host")
        return host(item)

    results = way.map(functions.echo, range(10), limit=Limit(2, key=strict_host), errors="collect")
    assert [results[index] for index in range(10) if index != 3] == [index for index in range(10) if index != 3]
    assert isinstance(results[3].error, LookupError)
    with pytest.raises(LookupError, match="no host"):
        way.map(functions.echo, range(10), limit=Limit(2, key=strict_host))
