"""``poolwise fetch`` beside programs written by hand, against a server that is steady, refuses, or slows down.

Run: ``make bench-fetch`` or ``python -m benchmarks.fetch.run`` from the root of the checkout; README.md says how to
read it. Tables go to standard output, what is going on to standard error. Linux only.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.fetch import table
from benchmarks.fetch.measure import Figures, run_once
from benchmarks.fetch.server import MODES, Settings
from benchmarks.fetch.ways import COMMAND, LIBRARY, TASKS, Way, by_hand, mapped, missing


def main() -> None:
    """Measure every mode that is asked for."""
    arguments = _arguments()
    ways = _ways(arguments)
    stored: dict[str, dict[str, list[dict[str, object]]]] = {}
    for mode in arguments.only:
        found = measure(ways, Settings(mode=mode), arguments)
        best = table.best_of(found, [way.name for way in ways if way.peer], arguments.urls)
        print(f"{mode}: {MODES[mode].about}; {arguments.urls:,} URLs, the best by hand: {best}")
        print("\n".join(table.lines(found, best, arguments.urls)), flush=True)
        stored[mode] = {name: [asdict(run) for run in runs] for name, runs in found.items()}
        if arguments.json is not None:
            arguments.json.write_text(json.dumps(stored, indent=1), encoding="utf-8")


def measure(ways: Sequence[Way], settings: Settings, arguments: argparse.Namespace) -> dict[str, list[Figures]]:
    """Run all ways by turns, each round beginning with another one."""
    found: dict[str, list[Figures]] = {way.name: [] for way in ways}
    for number in range(arguments.rounds):
        for way in (*ways[number % len(ways) :], *ways[: number % len(ways)]):
            figures = run_once(way, settings, arguments.urls, timeout_s=arguments.timeout, root=arguments.folder)
            found[way.name].append(figures)
            said = figures.failed or f"{figures.right:,} pages"
            print(f"  round {number + 1}, {settings.mode}, {way.name}: {figures.wall_s:.2f} s, {said}", file=sys.stderr)
    return found


def _ways(arguments: argparse.Namespace) -> list[Way]:
    ways = [by_hand(tasks) for tasks in arguments.tasks]
    for way in (COMMAND, LIBRARY):
        if (reason := missing(way)) is None:
            ways.append(way)
        else:
            print(f"left out: {reason}", file=sys.stderr)
    if arguments.engine:
        for tasks in arguments.engine:
            ways += [mapped("map", tasks), mapped("map", tasks, 1), mapped("imap", tasks), mapped("imap", tasks, 1)]
    return ways


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-fetch", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--urls", type=int, default=10_000, help="pages to fetch (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each way runs (%(default)s)")
    parser.add_argument("--only", type=_modes, default=tuple(MODES), metavar="A,B", help=f"of {', '.join(MODES)}")
    parser.add_argument("--tasks", type=_numbers, default=TASKS, metavar="N,N", help="tasks of the programs by hand")
    parser.add_argument(
        "--engine", type=_numbers, metavar="N,N", help="poolwise.map and imap with so many tasks too, and chunks of 1"
    )
    parser.add_argument("--timeout", type=float, default=300, help="seconds that a run may take (%(default)s)")
    parser.add_argument("--folder", type=Path, help="where the pages go, and vanish (default: memory, /dev/shm)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="store all figures there")
    return parser.parse_args()


def _modes(text: str) -> tuple[str, ...]:
    if unknown := [word for word in text.split(",") if word not in MODES]:
        raise argparse.ArgumentTypeError(f"no such mode: {', '.join(unknown)}; the modes are {', '.join(MODES)}")
    return tuple(text.split(","))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split(","))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped; what was measured stands above")
