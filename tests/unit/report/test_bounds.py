"""Limits, turnings and hot lines in words."""

from __future__ import annotations

from typing import get_args

import pytest

from poolwise.model.bottleneck import Bottleneck, BottleneckName
from poolwise.model.plan import Turning
from poolwise.model.profile import Hot
from poolwise.report.bounds import bottleneck_text, error_text, hot_text, turning_text


@pytest.mark.parametrize("what", get_args(BottleneckName))
def test_every_limit_has_words(what):
    """Whatever is found can be said."""
    assert len(bottleneck_text(Bottleneck(what, 0.7))) > 20


@pytest.mark.parametrize(
    ("turning", "words"),
    [
        (Turning("cores", 8.0, below=False, backend="processes", factor=4.0), "processes, from 8 cores on"),
        (Turning("cores", 1.0, below=True, backend="loop", factor=0.5), "a plain loop, with 1 core"),
        (Turning("cores", 3.0, below=True, backend="threads", factor=0.5), "threads, with 3 cores or fewer"),
        (
            Turning("items", 4700.0, below=False, backend="processes", factor=47.0),
            "processes, from 4,700 items left on",
        ),
        (Turning("items", 29.0, below=True, backend="loop", factor=0.1), "a plain loop, with 29 items left or fewer"),
        (
            Turning("item_s", 0.02, below=False, backend="threads", factor=10.0),
            "threads, if an item took 20.0 ms or more (10 × as long)",
        ),
        (
            Turning("item_s", 0.0015, below=False, backend="asyncio", factor=1.5),
            "an event loop, if an item took 1.50 ms or more (1.5 × as long)",
        ),
        (
            Turning("item_s", 0.001, below=True, backend="loop", factor=0.05),
            "a plain loop, if an item took 1.00 ms or less (1/20 as long)",
        ),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_would_change_its_mind(turning, words):
    """The way first, then from where on."""
    assert turning_text(turning) == words


@pytest.mark.parametrize(
    ("hot", "words"),
    [
        (Hot("/src/fetch.py", 12, "page", "recv", 0.98, 0.98), "98 % waiting in `recv` at fetch.py:12"),
        (Hot("primes.py", 8, "prime", "", 0.7, 0.1), "70 % computing at primes.py:8"),
        (Hot("<stdin>", 3, "f", "loads", 1.0, 0.2), "100 % computing in `loads` at <stdin>:3"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_the_hottest_line(hot, words):
    """How much of the time, doing what, in what, where."""
    assert hot_text(hot) == words


@pytest.mark.parametrize(
    ("error", "words"),
    [(-0.07, "7 % too low"), (0.5, "50 % too high"), (0.001, "which was right"), (3.0, "300 % too high")],
)
def test_how_far_an_estimate_was_off(error, words):
    """In percent of what it took."""
    assert error_text(error) == words
