"""What is measured: one ``Part`` for each question, and which function and items it is about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.peers import work

MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One question to all peers."""

    name: str
    asks: str
    """The sentence above its table."""
    measure: str
    """The function of ``measures.py`` that answers it."""
    function: Callable[[Any], Any]
    items: Callable[[], Sequence[Any]]
    tasks: int
    """How many items these are; the chunk sizes to try follow from it."""
    tuned_as: str | None = None
    """Parts with the same word use the same best chunk size, found on the first of them; None: they need none."""
    floor_chunk: int = 1
    """How many items the floor hands out together."""
    by_method: bool = False
    """Whether every start method of a peer is measured, and not only fork."""
    forms: tuple[str, ...] = ("",)
    """How ``poolwise`` is given the items, where it makes a difference to it; the first is compared with the others."""
    figure: str = "seconds"
    """What of the answer is compared: the less, the better."""
    unit: str = "s"
    shows: tuple[tuple[str, str], ...] = ()
    """More columns of the table: name of the figure, and its heading."""
    rate: bool = False
    """Whether the table shows tasks per second."""


def _numbers(count: int) -> Callable[[], Sequence[int]]:
    return lambda: range(count)


def _both(name: str, asks: str, **facts: Any) -> tuple[Part, Part]:
    """Make a part with the start-up included, and its twin on a warm pool."""
    facts.setdefault("tuned_as", name.removesuffix("-cold"))
    return (
        Part(name=name, asks=f"{asks}; start-up included", measure="map_cold", **facts),
        Part(name=f"{name.removesuffix('-cold')}-warm", asks=f"{asks}; on a warm pool", measure="map_warm", **facts),
    )


PARTS: tuple[Part, ...] = (
    *_both(
        "dispatch-cold",
        "1,000,000 calls of x + 1 on a range",
        function=work.plus_one,
        items=_numbers(MILLION),
        tasks=MILLION,
        floor_chunk=15_625,
        rate=True,
    ),
    *_both(
        "dispatch-list-cold",
        "1,000,000 calls of x + 1 on a list",
        function=work.plus_one,
        items=lambda: list(range(MILLION)),
        tasks=MILLION,
        tuned_as="dispatch",
        floor_chunk=15_625,
        rate=True,
    ),
    *_both(
        "task-10us",
        "150,000 tasks of 10 µs, pure Python",
        function=work.task_10us,
        items=_numbers(150_000),
        tasks=150_000,
        floor_chunk=250,
        rate=True,
    ),
    *_both(
        "task-100us",
        "15,000 tasks of 100 µs, pure Python",
        function=work.task_100us,
        items=_numbers(15_000),
        tasks=15_000,
        floor_chunk=20,
        rate=True,
    ),
    *_both(
        "task-1ms",
        "1,500 tasks of 1 ms, pure Python",
        function=work.task_1ms,
        items=_numbers(1_500),
        tasks=1_500,
        rate=True,
    ),
    *_both(
        "uneven",
        "8,005 tasks of log-normal length (median 100 µs), the last five 100 to 400 times as long",
        function=work.uneven_task,
        items=work.uneven_items,
        tasks=8_005,
        shows=(("to_ideal", "× one at a time, as fast as alone"), ("to_ideal_together", "× one at a time, both busy")),
    ),
    Part(
        name="arrays-in",
        asks="64 arrays of 8 MB in, their sums back; start-up included",
        measure="arrays_in_cold",
        function=work.sum_array,
        items=work.array_items,
        tasks=work.ARRAYS,
        forms=("imap of a generator", "map of a generator", "map of a list (fork: nothing travels)"),
    ),
    Part(
        name="arrays-in-warm",
        asks="64 arrays of 8 MB in, their sums back; on a warm pool",
        measure="arrays_in_warm",
        function=work.sum_array,
        items=work.array_items,
        tasks=work.ARRAYS,
    ),
    Part(
        name="arrays-out",
        asks="64 arrays of 8 MB back, each summed and dropped as it comes; start-up included",
        measure="arrays_out_cold",
        function=work.make_array,
        items=_numbers(work.ARRAYS),
        tasks=work.ARRAYS,
    ),
    Part(
        name="arrays-out-warm",
        asks="64 arrays of 8 MB back, each summed and dropped as it comes; on a warm pool",
        measure="arrays_out_warm",
        function=work.make_array,
        items=_numbers(work.ARRAYS),
        tasks=work.ARRAYS,
    ),
    Part(
        name="submit",
        asks="20,000 single tasks x + 1 by submit, then all results; on a warm pool",
        measure="submit",
        function=work.plus_one,
        items=_numbers(20_000),
        tasks=20_000,
        rate=True,
    ),
    Part(
        name="cold",
        asks="two items in a fresh process, to the end of the pool",
        measure="cold",
        function=work.plus_one,
        items=_numbers(2),
        tasks=2,
        by_method=True,
        unit="ms",
        shows=(("first_s", "to the first result"), ("import_s", "to import the peer, before that")),
    ),
    Part(
        name="warm-two",
        asks="two items on a warm pool, the median of 200 maps",
        measure="warm_two",
        function=work.plus_one,
        items=_numbers(2),
        tasks=2,
        unit="ms",
    ),
    Part(
        name="memory",
        asks="1,000,000 items x + 1 streamed; memory of all processes (PSS)",
        measure="memory",
        function=work.plus_one,
        items=_numbers(MILLION),
        tasks=MILLION,
        tuned_as="memory",
        floor_chunk=2_000,
        figure="peak_mb",
        unit="MB",
        shows=(
            ("early_mb", "early"),
            ("middle_mb", "middle"),
            ("end_mb", "end"),
            ("parent_mb", "parent at its peak"),
            ("workers_mb", "workers at their peak"),
            ("seconds", "time"),
        ),
    ),
)
BY_NAME = {part.name: part for part in PARTS}
