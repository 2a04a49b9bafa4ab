"""The corpus of the judgement, as far as it needs the standard library only, and what results are compared by."""

from __future__ import annotations

import itertools

import pytest

from benchmarks.judgement.cases.spinning import milliseconds
from benchmarks.judgement.corpus import MODULES, load
from benchmarks.judgement.digest import digest

# The others import libraries, which start threads of their own in the process of all tests.
PLAIN = [module for module in MODULES if module not in {"arrays", "tables", "pictures", "learning"}]


# Enough for those cases that begin or end with a given number of other items.
FEW = 160


def test_names_are_unique():
    """A name is all that a stored figure knows of its case."""
    names = [name for module in PLAIN for name in load(module)]
    assert len(names) == len(set(names))
    assert len(names) >= 90


@pytest.mark.parametrize("module", PLAIN)
def test_items_are_as_many_as_asked_for_and_the_same_each_time(module):
    """Every process measures the same work; what comes slowly, is large, or has no value is left out."""
    for name, case in load(module).items():
        if any(text in name for text in ("generator", "cannot be pickled", " MB")):
            continue
        count = min(case.count, FEW)
        items, again = list(case.items(count)), list(case.items(count))
        assert len(items) == count, name
        assert items == again, name


def test_digests_tell_results_apart_and_their_kinds_do_not_matter():
    """Bytes and numbers, in order; nothing of how they were pickled."""
    pair = ("x" * 3, 7)
    assert digest([pair, pair]) == digest([("xxx", 7), ("xxx", 7)])
    assert len({digest([1, 2]), digest([2, 1]), digest([b"1", b"2"]), digest([12])}) == 3
    assert digest(itertools.repeat(b"a", 3)) == digest([bytearray(b"a")] * 3)


def test_computing_gives_the_same_in_each_run():
    """The work is a count of loops, so that its result can be compared."""
    assert milliseconds(0.1, 5) == milliseconds(0.1, 5)
    assert milliseconds(0.1, 5) != milliseconds(0.1, 6)
