"""The joblib backend against loky, side by side: the same calls of joblib and scikit-learn over both, taking turns.

Run: ``python -m benchmarks.joblib.run`` from the root of the checkout; ``--only``, ``--rounds``, ``--cold 0`` make it
shorter. What is compared is what both do within one round, so that a machine that is busy with something else harms
both. CPU seconds (of this process and of the workers) say the same where the machine is too busy for its clock.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time

import joblib
import psutil

import poolwise.joblib
from benchmarks.joblib.cases import CASES, COLD, Case

BACKENDS = ("loky", "poolwise")
HEAD = ("what", "loky", "poolwise", "ratio", "least to most", "CPU ratio")
ROW = "{:38} {:>9} {:>9} {:>7} {:>15} {:>10}"


def main() -> None:
    """Measure, and show a line for each case."""
    arguments = _arguments()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, joblib {joblib.__version__}, n_jobs=2")
    print(ROW.format(*HEAD), flush=True)
    for name, case in CASES.items():
        if arguments.only in name:
            print(measure(name, case, arguments.rounds), flush=True)
    for name in COLD:
        if arguments.cold and arguments.only in name:
            print(measure_cold(name, arguments.cold), flush=True)


def measure(name: str, case: Case, rounds: int) -> str:
    """Measure a case with workers that are warm."""
    walls: dict[str, list[float]] = {backend: [] for backend in BACKENDS}
    used = dict.fromkeys(BACKENDS, 0.0)
    for backend in BACKENDS:
        run(case, backend)
    for number in range(rounds):
        # Who comes second finds the caches as the first has left them.
        for backend in BACKENDS[:: 1 if number % 2 else -1]:
            before, begun = cpu_s(), time.perf_counter()
            run(case, backend)
            walls[backend].append(time.perf_counter() - begun)
            used[backend] += cpu_s() - before
    return row(name, walls, used["poolwise"] / max(used["loky"], 1e-9))


def measure_cold(name: str, rounds: int) -> str:
    """Measure a case's first call in a fresh program, whose imports are done."""
    walls: dict[str, list[float]] = {backend: [] for backend in BACKENDS}
    for number in range(rounds):
        for backend in BACKENDS[:: 1 if number % 2 else -1]:
            command = [sys.executable, "-m", "benchmarks.joblib.run_one", name, backend]
            walls[backend].append(float(subprocess.check_output(command, text=True)))
    return row(f"{name}, first call", walls)


def row(name: str, walls: dict[str, list[float]], cpu: float | None = None) -> str:
    """Lay out a line: medians, and the ratios of the rounds."""
    ratios = sorted(ours / loky for ours, loky in zip(walls["poolwise"], walls["loky"], strict=True))
    medians = [f"{statistics.median(walls[backend]):.3f} s" for backend in BACKENDS]
    spread = f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
    return ROW.format(name, *medians, f"{statistics.median(ratios):.2f}", spread, "" if cpu is None else f"{cpu:.2f}")


def run(case: Case, backend: str) -> None:
    """Run a case over a backend."""
    with joblib.parallel_config(backend, n_jobs=2):
        case()


def cpu_s() -> float:
    """Give what this process and its workers have used; workers of both backends live on between rounds."""
    me = psutil.Process()
    times = [process.cpu_times() for process in (me, *me.children(recursive=True))]
    return sum(each.user + each.system for each in times)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=9, help="rounds of each case")
    parser.add_argument("--cold", type=int, default=3, help="fresh programs of each case and backend; 0: none")
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    return parser.parse_args()


if __name__ == "__main__":
    main()
    poolwise.joblib.end_idle_workers()
