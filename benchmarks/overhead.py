"""What it costs to look on: the same run with and without it, interleaved in one process, as ratios within a round.

Run: ``python benchmarks/overhead.py [PART ...] [--rounds N] [--json FILE]``. A part names what is looked at, the work,
and the options of both sides. Each round runs the plain side twice and the other once, in turning order: plain against
plain (the control) says what this machine's noise makes of no difference at all, and the cost is believed as far as it
stands out from that. CPU seconds (this process and its children) are compared beside wall seconds: a neighbour takes
wall time, not ours. Where the noise hides the cost, "inside" tells it: what the functions that do the looking take of a
run's CPU, by the clock of the thread that is in them (with what asking that clock takes: a bit too much).

Standard error is a terminal of its own here, whose other end another process reads, so that lines are really drawn.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import pty
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import poolwise
from poolwise.journal.book import Book
from poolwise.run.telling import Telling

NEW_FILE = object()
"""Stands in options for the name of a file that is not there yet: each run gets another one."""


@dataclass(frozen=True)
class Part:
    """Something that costs, and the work beside which it is measured."""

    what: str
    item_s: float
    items: int
    at_most: float
    """The cost that is promised, as a share of the run."""
    plain: dict[str, Any]
    watched: dict[str, Any]
    inside: tuple[tuple[type, str], ...] = ()
    """The methods that do the looking: class and name."""
    waits: bool = False
    """Items wait for as long, and do not compute."""
    by_hand: bool = False
    """What is beside the plain run is no option, but what one writes who has none: see ``keep_by_hand``."""


def ignore(_progress: poolwise.Progress) -> None:
    """Be told, and do nothing."""


def _progress(what: str, watch: object, **options: Any) -> Part:
    plain = {"progress": False, **options}
    return Part(what, 10e-6, 150_000, 0.01, plain, {**plain, "progress": watch}, ((Telling, "tell"),))


def _timeline(what: str, *, waits: bool = False, **options: Any) -> Part:
    plain = {"progress": False, **options}
    return Part(what, 1e-3, 1000, 0.02, plain, {**plain, "timeline": True}, waits=waits)


JOURNALLING = ((Book, "find"), (Book, "keep"), (Book, "sync"), (Book, "close"))


def _journal(what: str, item_s: float, at_most: float, **options: Any) -> Part:
    plain = {"progress": False, **options}
    name = f"a journal, {what}, {item_s * 1e6:,.0f} µs"
    return Part(name, item_s, round(1 / item_s), at_most, plain, {**plain, "journal": NEW_FILE}, JOURNALLING)


def _by_hand(item_s: float) -> Part:
    name = f"by hand, a commit for each item, loop, {item_s * 1e6:,.0f} µs"
    plain = {"progress": False, "backend": "loop"}
    # A thousand say enough: where a commit flushes, each takes milliseconds.
    return Part(name, item_s, 1000, math.inf, plain, {"journal": NEW_FILE}, by_hand=True)


JOURNALS = tuple(
    part
    for item_s, at_most in ((1e-3, 0.03), (100e-6, 0.10))
    for part in (
        _journal("loop", item_s, at_most, backend="loop"),
        _journal("threads", item_s, at_most, backend="threads"),
        _journal("processes", item_s, at_most, backend="processes"),
        _journal("auto", item_s, at_most),
        _by_hand(item_s),
    )
)
PARTS = {
    "journal": JOURNALS,
    "progress": (
        _progress("a line on a terminal, loop", True, backend="loop"),  # noqa: FBT003 - the option's own value
        _progress("a line on a terminal, processes", True, backend="processes", max_workers=2),  # noqa: FBT003 - see above
        _progress("a function that is told, loop", ignore, backend="loop"),
    ),
    "timeline": (
        _timeline("recorded, processes", backend="processes"),
        _timeline("recorded, threads that wait", waits=True, backend="threads", max_workers=8),
        _timeline("recorded, threads that compute", backend="threads"),
        _timeline("recorded, loop", backend="loop"),
    ),
}


@dataclass
class Sides:
    """Ratios to the first plain run of each round: of the second one, and of the watched one."""

    control: list[float] = field(default_factory=list)
    watched: list[float] = field(default_factory=list)


# --- Measuring -------------------------------------------------------------------------------------------------------


def make_work(part: Part) -> Callable[[int], object]:
    """Make a function that takes as long as an item of the part; where it computes, in pure Python on this machine."""
    if part.waits:
        return lambda _item: time.sleep(part.item_s)

    def count(turns: int) -> int:
        total = 0
        for turn in range(turns):
            total += turn
        return total

    # By the clock of this thread: a neighbour would make the items shorter than they are said to be.
    begun = time.thread_time()
    for _ in range(200):
        count(1000)
    turn_s = (time.thread_time() - begun) / 200_000
    turns = max(1, round(part.item_s / turn_s))
    return lambda _item: count(turns)


def run_once(part: Part, options: dict[str, Any], work: Callable[[int], object]) -> tuple[float, float]:
    """Run the part's work; give wall and CPU seconds."""
    with tempfile.TemporaryDirectory(prefix="overhead-") as folder:
        given = {name: Path(folder, "new") if value is NEW_FILE else value for name, value in options.items()}
        wall_s, cpu_s = time.perf_counter(), _cpu_s()
        if part.by_hand and "journal" in given:
            keep_by_hand(part, work, given["journal"])
        else:
            poolwise.map(work, range(part.items), **given)
        return time.perf_counter() - wall_s, _cpu_s() - cpu_s


def keep_by_hand(part: Part, work: Callable[[int], object], file: Path) -> None:
    """Write each result down as one does who has just found sqlite3: an INSERT and a commit, all as it comes."""
    with contextlib.closing(sqlite3.connect(file)) as journal:
        journal.execute("CREATE TABLE results (item INTEGER PRIMARY KEY, value TEXT)")
        for item in range(part.items):
            journal.execute("INSERT INTO results VALUES (?, ?)", (item, json.dumps(work(item))))
            journal.commit()


def _cpu_s() -> float:
    mine, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return mine.ru_utime + mine.ru_stime + children.ru_utime + children.ru_stime


def measure(part: Part, rounds: int) -> dict[str, Sides]:
    """Run both sides in turn, the plain one twice; the first round warms up and does not count."""
    work, sides = make_work(part), {"wall": Sides(), "CPU": Sides()}
    order = [("plain", part.plain), ("watched", part.watched), ("control", part.plain)]
    for number in range(rounds + 1):
        taken = {name: run_once(part, options, work) for name, options in order}
        order = order[1:] + order[:1]
        if number:
            for place, side in enumerate(sides.values()):
                side.control.append(taken["control"][place] / taken["plain"][place])
                # Against both plain runs, which stand on either side of it by turns.
                between = (taken["control"][place] + taken["plain"][place]) / 2
                side.watched.append(taken["watched"][place] / between)
    return sides


def measure_inside(part: Part, rounds: int) -> list[float]:
    """Run the watched side with its methods timed; give their share of each run's CPU."""
    work, spent, shares = make_work(part), [0.0], []

    def timed(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **keywords: Any) -> Any:
            begun = time.thread_time()
            try:
                return method(*args, **keywords)
            finally:
                spent[0] += time.thread_time() - begun

        return call

    before = [(owner, name, getattr(owner, name)) for owner, name in part.inside]
    for owner, name, method in before:
        setattr(owner, name, timed(method))
    try:
        for _ in range(rounds):
            spent[0] = 0.0
            _, cpu_s = run_once(part, part.watched, work)
            shares.append(1 + spent[0] / cpu_s)
    finally:
        for owner, name, method in before:
            setattr(owner, name, method)
    return shares


@contextlib.contextmanager
def terminal() -> Iterator[None]:
    """Give standard error a terminal, and have its other end read by a process of its own."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 100))
    os.environ.setdefault("TERM", "xterm")
    reader = subprocess.Popen(["cat"], stdin=master, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stderr = sys.stderr
    try:
        with os.fdopen(slave, "w", buffering=1, encoding="utf-8") as sys.stderr:
            yield
    finally:
        sys.stderr = stderr
        os.close(master)
        reader.kill()
        reader.wait()


# --- Telling ---------------------------------------------------------------------------------------------------------


def tell(part: Part, sides: dict[str, Sides], inside: list[float]) -> None:
    """Print the cost with its quartiles, and the control's."""
    promise = f" (promised: below {part.at_most:.0%})" if math.isfinite(part.at_most) else ""
    print(f"{part.what}: {part.items:,} items of {part.item_s * 1e6:.0f} µs{promise}", flush=True)
    for name, side in sides.items():
        print(f"  {name:4}  cost {_spread(side.watched)}    control {_spread(side.control)}")
    if inside:
        print(f"  inside     {_spread(inside)}")


def _spread(ratios: list[float]) -> str:
    low, middle, high = statistics.quantiles(ratios, n=4)
    return f"{middle - 1:+.2%} ({low - 1:+.2%} to {high - 1:+.2%})"


def main() -> None:
    """Measure the named parts, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path, help="also write every ratio to this file")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.parts if name not in PARTS]:
        parser.error(f"there is no part {unknown[0]!r}; choose of {', '.join(PARTS)}")
    found = {}
    with terminal():
        for name in arguments.parts or PARTS:
            for part in PARTS[name]:
                sides = measure(part, max(2, arguments.rounds))
                inside = measure_inside(part, 5) if part.inside else []
                tell(part, sides, inside)
                ratios = {key: {"watched": s.watched, "control": s.control} for key, s in sides.items()}
                found[part.what] = {**ratios, "inside": inside}
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
