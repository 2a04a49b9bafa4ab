"""Runs the contract suite again and again, each round in a process of its own: races show themselves seldom.

    python tools/rounds.py [--rounds N] [--ways NAME,NAME] [--log FOLDER] [-- ARGUMENT FOR PYTEST ...]

By the Python that runs this. On a free-threaded build the GIL is kept off whatever is imported (PYTHON_GIL=0), so that
each round is one without it. The ways are those of tests/contract/ways.py. What a round with a failure has printed is
kept in the folder of logs; the exit status is 1 when there was any, and what was run is told also after a Ctrl-C.
"""

from __future__ import annotations

import argparse
import collections
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

HOME = Path(__file__).parent.parent
# Those that run items on threads of this process, or look after the run from one; then one of processes, in each of
# which threads share a chunk.
OWN_THREADS = (
    "threads",
    "auto",
    "asyncio",
    "loop",
    "loop-coroutines",
    "threads-coroutines",
    "auto-coroutines",
    "processes-threads",
)
# Far more than a round takes on a busy machine: one test is ended after a minute by pytest.
ROUND_S = 1800.0


def main() -> int:
    """Run the rounds, and say what came of them."""
    asked = arguments()
    free = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    print(f"{sys.version.split()[0]}{', free-threaded, the GIL kept off' if free else ''}: {asked.ways}", flush=True)
    found: collections.Counter[str] = collections.Counter()
    bad: list[int] = []
    begun = time.monotonic()
    try:
        for number in range(1, asked.rounds + 1):
            passed, output = run_once(asked)
            counts = counted(output)
            found.update(counts)
            if not passed:
                bad.append(number)
                keep(asked.log, number, output)
            told = ", ".join(f"{count} {what}" for what, count in counts.items())
            print(
                f"round {number} of {asked.rounds}: {told or 'ended early'}{'' if passed else '  FAILED'}", flush=True
            )
            found["rounds"] += 1
    except KeyboardInterrupt:
        print("ended by Ctrl-C")
    minutes = (time.monotonic() - begun) / 60
    rounds = found.pop("rounds", 0)
    told = ", ".join(f"{count:,} {what}" for what, count in found.items())
    print(f"{rounds} rounds in {minutes:.0f} min: {told}; rounds with a failure: {bad or 'none'}")
    if bad:
        print(f"what they have printed: {asked.log}")
    return 1 if bad or rounds < asked.rounds else 0


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--ways", default=",".join(OWN_THREADS))
    parser.add_argument("--log", type=Path, default=Path(tempfile.gettempdir()) / "poolwise-rounds")
    parser.add_argument("pytest", nargs="*", help="what else to hand to pytest, behind --")
    return parser.parse_args()


def run_once(asked: argparse.Namespace) -> tuple[bool, str]:
    """Run a round; say whether all has passed, and give what was printed."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/contract", "-m", "not slow"]
    environment = {**os.environ, "PYTHON_GIL": "0"} if sysconfig.get_config_var("Py_GIL_DISABLED") else None
    try:
        done = subprocess.run(
            [*command, "--ways", asked.ways, *asked.pytest],
            cwd=HOME,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=ROUND_S,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        return False, f"{late.stdout or ''}\nthe round took more than {ROUND_S:g} s and was ended\n"
    return done.returncode == 0, done.stdout


def counted(output: str) -> dict[str, int]:
    """Read pytest's last line: how many tests have passed, failed, and so on."""
    last = output.rstrip().rpartition("\n")[2]
    return {what: int(count) for count, what in re.findall(r"(\d+) (passed|failed|error|errors|skipped)\b", last)}


def keep(folder: Path, number: int, output: str) -> None:
    """Write down what a round with a failure has printed, and say the gist of it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"round-{number}-{os.getpid()}.log").write_text(output)
    for line in output.splitlines():
        if line.startswith(("FAILED", "ERROR", "Fatal Python error", "Timeout")):
            print(f"  {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
