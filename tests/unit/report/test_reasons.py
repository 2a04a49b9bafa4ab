"""Each reason has its sentence."""

from __future__ import annotations

import dataclasses
import typing

import pytest

from poolwise.model import plan
from poolwise.model.machine import NativePool
from poolwise.model.plan import (
    CannotShip,
    Forced,
    GilTurnedOn,
    IsCoroutine,
    OneCore,
    PoolCostsMore,
    Predicted,
    Slower,
    StartsBy,
    Waits,
    WorkEnded,
)
from poolwise.report.reasons import REJECTIONS, SENTENCES, reason_text, rejection_text

OPENBLAS = NativePool("OpenBLAS", 4, survives_fork=True)
ONE_OPENBLAS = NativePool("OpenBLAS", 1, survives_fork=True)
OPENMP = NativePool("GNU OpenMP", 2, survives_fork=False)
REASONS = typing.get_args(plan.Reason)
SAMPLES = {
    "backend": "threads",
    "pool": "threads",
    "method": "spawn",
    "source": "cgroup",
    "what": "a result",
    "problem": "<lock> cannot be pickled",
    "platform": "Windows AMD64",
    "items": 10,
    "assumed": 1000,
    "python_threads": 2,
    "native_threads": 1,
    "python": "CPython 3.11.9",
    "modules": ("numpy", "pandas"),
    "forced": False,
    "available": True,
    "native_pools": (NativePool("GNU OpenMP", 1, survives_fork=False),),
}


def example(kind):
    """Make a reason of a type."""
    return kind(*(SAMPLES.get(field.name, 0.5) for field in dataclasses.fields(kind)))


@pytest.mark.parametrize("kind", REASONS, ids=lambda kind: kind.__name__)
def test_every_reason_has_words(kind):
    """A reason without its sentence would end a run's report in a KeyError."""
    for text in (reason_text(example(kind)), rejection_text(example(kind))):
        assert text == text.strip()
        assert len(text) > 10
        assert "<" not in text.replace("<lock>", "")
        assert not text.endswith(".")


def test_there_are_no_words_for_what_is_no_reason():
    """The tables name reasons only, so that a reason that is gone takes its words along."""
    assert set(SENTENCES) == set(REASONS)
    assert set(REJECTIONS) <= set(REASONS)


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (Forced("loop"), "backend='loop' was asked for"),
        (WorkEnded(0, 0.001), "there were no items"),
        (WorkEnded(1, 0.001), "all was done in 1.00 ms, before there was anything to decide"),
        (Predicted(198, 0.065, 3.98), "198 more items should take about 65.0 ms, and one after another 3.98 s"),
        (Predicted(1, 0.065, 3.98), "1 more item should take about 65.0 ms, and one after another 3.98 s"),
        (
            PoolCostsMore(10, 0.001, "threads", 0.002),
            "10 more items should take about 1.00 ms, and with threads 2.00 ms",
        ),
        (
            PoolCostsMore(10, 1.0, "processes", 0.95),
            "10 more items should take about 1.00 s, and with processes 950 ms, which is too little gain",
        ),
        (Slower(2.0, 1.0), "about 2.00 s instead of 1.00 s"),
        (Slower(0.95, 1.0), "about 950 ms instead of 1.00 s, which is too little gain"),
        (
            GilTurnedOn("some.module"),
            (
                "the GIL of this free-threaded Python was turned on by 'some.module', an extension module that does "
                "not say that it can do without, so that threads take turns"
            ),
        ),
        (
            GilTurnedOn("PYTHON_GIL"),
            (
                "the GIL of this free-threaded Python was turned on by PYTHON_GIL or -X gil, as asked, "
                "so that threads take turns"
            ),
        ),
        (OneCore("cgroup"), "there is only one core to use (the container's quota)"),
        (OneCore("POOLWISE_MAX_CORES"), "there is only one core to use (POOLWISE_MAX_CORES)"),
        (StartsBy("fork"), "workers start by fork: no other thread runs that could hold a lock"),
        (
            StartsBy("fork", native_threads=4, native_pools=(OPENBLAS,)),
            (
                "workers start by fork: no other thread runs that could hold a lock "
                "(4 idle OpenBLAS threads survive a fork)"
            ),
        ),
        (
            StartsBy("fork", native_threads=1, native_pools=(ONE_OPENBLAS,)),
            (
                "workers start by fork: no other thread runs that could hold a lock "
                "(1 idle OpenBLAS thread survives a fork)"
            ),
        ),
        (
            StartsBy("forkserver", native_threads=6, native_pools=(OPENBLAS, OPENMP)),
            (
                "workers start by forkserver: GNU OpenMP seems to have been used (2 threads), "
                "and might hang in a forked child"
            ),
        ),
        (
            StartsBy("forkserver", 2, 7, native_pools=(OPENBLAS, OPENMP)),
            (
                "workers start by forkserver: GNU OpenMP seems to have been used (2 threads), and might hang in a "
                "forked child; 1 other Python thread and 1 native thread might hold a lock, which makes fork unsafe"
            ),
        ),
        (
            StartsBy("fork", 2, forced=True),
            (
                "workers start by fork, as asked, although "
                "1 other Python thread might hold a lock, which makes fork unsafe"
            ),
        ),
        (StartsBy("fork", forced=True), "workers start by fork, as asked"),
        (StartsBy("spawn", 2, forced=True), "workers start by spawn, as asked"),
        (StartsBy("spawn", forced=True), "workers start by spawn, as asked"),
        (StartsBy("spawn"), "workers start by spawn"),
        (
            StartsBy("forkserver", 2, 0),
            "workers start by forkserver: 1 other Python thread might hold a lock, which makes fork unsafe",
        ),
        (
            StartsBy("forkserver", 3, 4),
            (
                "workers start by forkserver: 2 other Python threads and 4 native threads might hold a lock, "
                "which makes fork unsafe"
            ),
        ),
    ],
    ids=str,
)
def test_what_reasons_say(reason, text):
    """The words fit the figures: singular and plural, a gain and a loss, a choice and a wish."""
    assert reason_text(reason) == text


def test_what_speaks_for_one_way_reads_differently_against_another():
    """That a coroutine waits is why it runs in an event loop, and why processes are not needed."""
    assert rejection_text(Waits(0.9)) == "a coroutine function that mostly waits needs no more than one event loop"
    assert rejection_text(IsCoroutine()) == "it would run a coroutine function (async def) one call at a time"
    assert rejection_text(CannotShip("an item", "…")) == "an item cannot travel to another process"
    assert rejection_text(OneCore("os")) == reason_text(OneCore("os"))
