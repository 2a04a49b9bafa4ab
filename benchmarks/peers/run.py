"""Poolwise, its peers, and the limit, measured side by side; README.md says how to read it.

Run: ``make bench-peers`` or ``python -m benchmarks.peers.run`` from the root of the checkout. Tables go to standard
output, what is going on to standard error.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.peers import environments, peers, table
from benchmarks.peers.parts import PARTS, Part
from benchmarks.peers.results import Row, to_json
from benchmarks.peers.suite import Suite

ALWAYS = (peers.FLOOR, peers.OURS, peers.LOOP)
PLOTTING = ("bench-plot", ("matplotlib",))


def main() -> int:
    """Install, measure, show."""
    arguments = _arguments()
    suite = Suite(
        peers=arguments.peers,
        workers=arguments.workers,
        rounds=arguments.rounds,
        tries=arguments.tries,
        timeout_s=arguments.timeout,
    )
    suite.install()
    facts = _facts(arguments)
    print(table.head(facts), flush=True)
    done: dict[str, list[Row]] = {}
    for part in arguments.only:
        done[part.name] = suite.measure(part)
        print(f"\n{table.show_part(part, done[part.name])}", flush=True)
        if arguments.json:  # after each part: who stops after an hour keeps what is there
            _store(to_json(facts, done), arguments.json)
    if arguments.plot:
        _plot(to_json(facts, done), arguments.plot)
    return 0


def _facts(arguments: argparse.Namespace) -> dict[str, Any]:
    """Give what a reader needs to know of the run; versions of the peers are those of constraints/bench.txt."""
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "Python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": len(os.sched_getaffinity(0)),
        "workers": arguments.workers,
        "rounds": arguments.rounds,
    }


def _store(stored: dict[str, Any], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(stored, indent=1))


def _plot(stored: dict[str, Any], picture: Path) -> None:
    python = environments.ensure(*PLOTTING)
    picture = picture.absolute()
    picture.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(stored, file)
        file.flush()
        subprocess.run(
            [python, "-m", "benchmarks.peers.plot", file.name, picture], cwd=environments.ROOT, check=True, timeout=300
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-peers", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often each way runs (%(default)s)")
    parser.add_argument(
        "--only",
        type=_parts,
        default=PARTS,
        metavar="PART",
        help="only the part of this name, or the parts whose names contain it; several: a,b",
    )
    parser.add_argument(
        "--peers",
        type=_peers,
        default=peers.PEERS,
        metavar="A,B",
        help=f"only these of {', '.join(peers.BY_NAME)}; {', '.join(ALWAYS)} always take part",
    )
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)), help="workers (%(default)s)")
    parser.add_argument(
        "--tries", type=int, default=2, help="how often a chunk size is tried, to find a peer's best (%(default)s)"
    )
    parser.add_argument("--timeout", type=float, default=120, help="seconds that a run may take (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="store all figures there")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw a chart of each part there (PNG)")
    return parser.parse_args()


def _parts(text: str) -> tuple[Part, ...]:
    """Take each word for the name of a part, or else for a piece of names."""
    names = {part.name for part in PARTS}
    words = text.split(",")
    chosen = tuple(
        part for part in PARTS if any(word == part.name or (word not in names and word in part.name) for word in words)
    )
    if not chosen:
        raise argparse.ArgumentTypeError(f"no such part; the parts are {', '.join(part.name for part in PARTS)}")
    return chosen


def _peers(text: str) -> tuple[peers.Peer, ...]:
    named = text.split(",")
    if unknown := [name for name in named if name not in peers.BY_NAME]:
        raise argparse.ArgumentTypeError(f"not known: {', '.join(unknown)}; known: {', '.join(peers.BY_NAME)}")
    return tuple(peer for peer in peers.PEERS if peer.name in (*ALWAYS, *named))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("stopped; what was measured stands above")
