"""The claims of this project, measured: each way in fresh processes, interleaved, as ratios within a round.

Run: ``make bench`` or ``python benchmarks/run.py [--rounds N] [--only TEXT] [--json FILE]``. Machines are noisy and a
second core gives anything from 1.3 to 2 times the speed, so only ratios of the same round are compared; the table gives
their median, least and most.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cases import CASES

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Claim:
    """What a case is to show: poolwise's time against ``against``, and the backend that it chooses."""

    case: str
    against: str
    at_most: float | None = None
    """Poolwise takes at most so many times as long."""
    at_least: float | None = None
    """Poolwise is at least so many times as fast."""
    chooses: str | None = None


CLAIMS = (
    Claim("x + 1, 100,000 items", "list comprehension", at_most=1.10, chooses="loop"),
    Claim("sleep 10 ms, 200 items", "loop", at_least=15.0, chooses="threads"),
    Claim("primes below 1,000,000", "two forked, fair halves", at_most=1.10),
    Claim("sha256 of 1 MB, 100 items", "loop", chooses="threads"),
    Claim("pure Python 1 ms, 100 items", "loop", chooses="processes"),
    Claim("coroutine, 10 ms, 200 items", "gather by hand", chooses="asyncio"),
    Claim("x + 1, ten items", "list comprehension", chooses="loop"),
)


@dataclass
class Way:
    """What was measured of one way."""

    seconds: list[float] = field(default_factory=list)
    checks: set[str] = field(default_factory=set)
    chosen: list[str] = field(default_factory=list)


def measure(case: str, rounds: int) -> dict[str, Way]:
    """Run all ways of a case in turn, ``rounds`` times; the order turns round by round."""
    ways = {name: Way() for name in CASES[case]}
    names = list(ways)
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            done = subprocess.run(
                [sys.executable, str(HERE / "cases.py"), case, name], capture_output=True, text=True, check=True
            )
            figures = json.loads(done.stdout)
            ways[name].seconds.append(figures["seconds"])
            ways[name].checks.add(figures["check"])
            if figures["chosen"]:
                ways[name].chosen.append(figures["chosen"])
    return ways


def show(claim: Claim, ways: dict[str, Way]) -> dict[str, object]:
    """Print a case's table and say whether the claim holds."""
    ours, other = ways["poolwise"], ways[claim.against]
    print(f"\n{claim.case}")
    for name, way in ways.items():
        ratios = [mine / theirs for mine, theirs in zip(way.seconds, other.seconds, strict=True)]
        chosen = ", ".join(sorted(set(way.chosen))) if name == "poolwise" else ""
        print(
            f"  {name:26}{statistics.median(way.seconds) * 1e3:10.1f} ms"
            f"   {statistics.median(ratios):7.3f} x ({min(ratios):.3f} to {max(ratios):.3f})   {chosen}"
        )
    ratio = statistics.median(mine / theirs for mine, theirs in zip(ours.seconds, other.seconds, strict=True))
    verdicts = list(_verdicts(claim, ratio, set(ours.chosen), set().union(*(way.checks for way in ways.values()))))
    for holds, text in verdicts:
        print(f"  {'holds' if holds else 'MISSED':8}{text}")
    return {"case": claim.case, "ratio": ratio, "holds": all(holds for holds, _ in verdicts), "ways": _plain(ways)}


def _verdicts(claim: Claim, ratio: float, chosen: set[str], checks: set[str]) -> Iterator[tuple[bool, str]]:
    yield len(checks) == 1, "every way gives the same results"
    if claim.at_most is not None:
        yield ratio <= claim.at_most, f"{ratio:.3f} x the time of the {claim.against}; claimed: at most {claim.at_most}"
    if claim.at_least is not None:
        speed = 1 / ratio
        yield (
            speed >= claim.at_least,
            f"{speed:.1f} x as fast as the {claim.against}; claimed: at least {claim.at_least}",
        )
    if claim.chooses is not None:
        yield chosen <= {claim.chooses}, f"chose {', '.join(sorted(chosen)) or '-'}; claimed: {claim.chooses}"


def _plain(ways: dict[str, Way]) -> dict[str, object]:
    return {name: {"seconds": way.seconds, "chosen": way.chosen} for name, way in ways.items()}


def main() -> int:
    """Measure and print; the exit code says whether every claim holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--only", default="", help="only cases whose name contains this")
    parser.add_argument("--json", type=Path, help="write all figures there too")
    arguments = parser.parse_args()
    done = [
        show(claim, measure(claim.case, arguments.rounds)) for claim in CLAIMS if arguments.only.lower() in claim.case
    ]
    if arguments.json:
        arguments.json.write_text(json.dumps(done, indent=2))
    return 0 if all(each["holds"] for each in done) else 1


if __name__ == "__main__":
    sys.exit(main())
