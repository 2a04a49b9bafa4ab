"""How far ``poolwise.map`` with nothing said is from the best that an expert could have chosen; see README.md.

Run: ``make judgement`` or ``python -m benchmarks.judgement.run`` from the root of the checkout. The table goes to
standard output, what is going on to standard error.
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

from benchmarks.judgement import table
from benchmarks.judgement.names import PACKAGES, PEERS, USUAL_PEERS
from benchmarks.judgement.results import Measured, check_version, from_json, to_json
from benchmarks.judgement.suite import Suite
from benchmarks.peers import environments

SCREENING = environments.ROOT / ".venvs" / "judgement-screening.json"
FOLDER = environments.ROOT / ".venvs" / "judgement-files"
PLOTTING = ("bench-plot", ("matplotlib",))


def main() -> int:
    """Install, screen, measure, show."""
    arguments = _arguments()
    python = arguments.python or environments.ensure("bench-judgement", ("--editable", ".", *PACKAGES))
    suite = Suite(python=python, folder=FOLDER, screening=arguments.screening, peers=arguments.peers)
    cases = [case for case in _catalogue(python) if _is_wanted(case["name"], arguments.only)]
    facts = _facts(arguments.rounds)
    done = _resumed(arguments.json) if arguments.resume else []
    print(table.head(facts), flush=True)
    for case in cases:
        if case["name"] not in {each.case for each in done}:
            done.append(suite.measure(case, rounds=arguments.rounds, quick=arguments.quick))
            _store(to_json(facts, done), arguments.json)
        print(table.line(next(each for each in done if each.case == case["name"])), flush=True)
    print("\n" + "\n".join(table.summary_lines(done)))
    if arguments.plot:
        _plot(to_json(facts, done), arguments.plot)
    return 0


def _catalogue(python: Path) -> list[dict[str, Any]]:
    """Give the cases that this environment can run; which cannot be is told."""
    said = subprocess.run(
        [python, "-m", "benchmarks.judgement.corpus"],
        cwd=environments.ROOT,
        env=os.environ | {"PYTHONPATH": f"{environments.ROOT / 'src'}{os.pathsep}{environments.ROOT}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    found = json.loads(said.stdout)
    for module, reason in found["missing"].items():
        print(f"left out: the cases of {module}.py, since {reason}", file=sys.stderr)
    cases: list[dict[str, Any]] = found["cases"]
    return cases


def _is_wanted(name: str, texts: list[str]) -> bool:
    return not texts or any(text.lower() in name.lower() for text in texts)


def _facts(rounds: int) -> dict[str, Any]:
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "Python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": len(os.sched_getaffinity(0)),
        "rounds": rounds,
    }


def _resumed(file: Path | None) -> list[Measured]:
    if file is None or not file.exists():
        return []
    return from_json(json.loads(file.read_text()))[1]


def _store(stored: dict[str, Any], file: Path | None) -> None:
    """Store after each case: who stops after an hour keeps what is there."""
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(stored, indent=1))


def _plot(stored: dict[str, Any], picture: Path) -> None:
    check_version(stored)
    python = environments.ensure(*PLOTTING)
    picture = picture.absolute()
    picture.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(stored, file)
        file.flush()
        command: list[str | Path] = [python, "-m", "benchmarks.judgement.plot", file.name, picture]
        subprocess.run(command, cwd=environments.ROOT, check=True, timeout=300)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make judgement", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, help="how often each way runs (5; with --quick 1)")
    parser.add_argument(
        "--only", action="append", default=[], metavar="TEXT", help="only cases whose name contains it; several times"
    )
    parser.add_argument(
        "--quick", action="store_true", help="run Poolwise and the best way that a screening has found before"
    )
    parser.add_argument(
        "--peers",
        nargs="?",
        type=_peers,
        const=USUAL_PEERS,
        default=(),
        metavar="A,B",
        help=f"and the defaults of these of {', '.join(PEERS)}; without names: {', '.join(USUAL_PEERS)}",
    )
    parser.add_argument(
        "--screening", type=Path, default=SCREENING, metavar="FILE", help="where the screening is kept (%(default)s)"
    )
    parser.add_argument("--python", type=Path, help="an interpreter that has the libraries, instead of our environment")
    parser.add_argument("--json", type=Path, metavar="FILE", help="store all figures there")
    parser.add_argument("--resume", action="store_true", help="leave out the cases that are in the file of --json")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw a chart there (PNG)")
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (1 if arguments.quick else 5)
    return arguments


def _peers(text: str) -> tuple[str, ...]:
    named = tuple(text.split(","))
    if unknown := [name for name in named if name not in PEERS]:
        raise argparse.ArgumentTypeError(f"not known: {', '.join(unknown)}; known: {', '.join(PEERS)}")
    return named


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("stopped; what was measured stands above")
