"""The arithmetic: regret, noise, how good predictions were, and the figures over all cases. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.judgement.names import OURS

VERSION = 1  # of the files that are stored
AGAIN = "again"
# Predictions of less than this are about the noise of the machine.
PREDICTION_FROM_S = 0.02
TOO_MUCH = 1.5

Run = dict[str, Any]


@dataclass(slots=True)
class Measured:
    """All runs of a case: of each way, one for each round. ``AGAIN`` is the way that was the best before, once more."""

    case: str
    runs: dict[str, list[Run]] = field(default_factory=dict)
    tuned: Sequence[str] = ()
    """The hand-tuned ways among them."""

    @property
    def best(self) -> str | None:
        """The best in hindsight: the tuned way with the least median."""
        medians = {way: found for way in self.tuned if (found := self.median_s(way)) is not None}
        return min(medians, key=medians.__getitem__) if medians else None

    @property
    def best_s(self) -> float | None:
        """The best way's median."""
        return self.median_s(self.best) if self.best else None

    @property
    def regret(self) -> float | None:
        """How many times the best way's time Poolwise takes."""
        return self.regret_of(OURS)

    @property
    def noise(self) -> float | None:
        """What the best way of the screening scores when it is run again: a chooser that is never wrong."""
        return self.regret_of(AGAIN)

    def median_s(self, way: str) -> float | None:
        """Give the median of the rounds in which the way came to a right end."""
        seconds = [run["seconds"] for run in self.runs.get(way, ()) if is_right(run)]
        return statistics.median(seconds) if seconds else None

    def regret_of(self, way: str) -> float | None:
        """Give the median over the rounds of a way's time ÷ the best way's; at least so much where it was ended."""
        if not (best_s := self.best_s):
            return None
        seconds = [run.get("slow", run.get("seconds")) for run in self.runs.get(way, ()) if not run.get("failed")]
        ratios = [each / best_s for each in seconds if each is not None]
        return statistics.median(ratios) if ratios else None

    def failures(self, way: str) -> list[str]:
        """Give what went wrong, each once: errors, wrong results, hangs."""
        return list(dict.fromkeys(filter(None, map(trouble, self.runs.get(way, ())))))

    def predictions(self) -> list[float]:
        """Give the error of each prediction: |predicted - measured| ÷ measured."""
        return [
            abs(run["predicted_s"] - run["run_s"]) / run["run_s"]
            for run in self.runs.get(OURS, ())
            if is_right(run) and run.get("predicted_s") is not None and run.get("run_s", 0) > PREDICTION_FROM_S
        ]


def is_right(run: Run) -> bool:
    """Tell whether a run came to a right end."""
    return "seconds" in run and not trouble(run)


def trouble(run: Run) -> str:
    """Say what went wrong; "" if nothing did."""
    if "slow" in run:
        return f"ended after {run['slow']:.1f} s"
    if "missing" in run:
        return f"missing: {run['missing']}"
    return str(run.get("failed", ""))


def mark_wrong(runs: Iterable[Run]) -> None:
    """Make a failure of each run whose results are not those that most of them gave."""
    right = [run for run in runs if is_right(run) and "digest" in run]
    if not right:
        return
    usual = statistics.mode(run["digest"] for run in right)
    for run in right:
        if run["digest"] != usual:
            run["failed"] = "WRONG RESULTS"


@dataclass(frozen=True, slots=True)
class Summary:
    """Figures over all cases, of Poolwise or of a peer."""

    way: str
    cases: int
    mean: float | None
    """The geometric mean of the regrets of the cases that came to a right end."""
    worst: tuple[tuple[str, float], ...]
    too_much: int
    failures: tuple[tuple[str, str], ...]


def summarize(way: str, measured: Sequence[Measured], worst: int = 5) -> Summary:
    """Sum up how a way has done."""
    regrets = {each.case: regret for each in measured if (regret := each.regret_of(way)) is not None}
    there = [each for each in measured if way in each.runs]
    return Summary(
        way=way,
        cases=len(there),
        mean=statistics.geometric_mean(regrets.values()) if regrets else None,
        worst=tuple(sorted(regrets.items(), key=lambda each: -each[1])[:worst]),
        too_much=sum(regret > TOO_MUCH for regret in regrets.values()),
        failures=tuple((each.case, "; ".join(each.failures(way))) for each in there if each.failures(way)),
    )


def prediction_error(measured: Sequence[Measured]) -> tuple[float, int] | None:
    """Give the median error of the predictions, and how many there were."""
    errors = [error for each in measured for error in each.predictions()]
    return (statistics.median(errors), len(errors)) if errors else None


def to_json(facts: Mapping[str, Any], measured: Sequence[Measured]) -> dict[str, Any]:
    """Give what is stored."""
    return {
        "version": VERSION,
        "facts": dict(facts),
        "cases": {each.case: {"runs": each.runs, "tuned": list(each.tuned)} for each in measured},
    }


def from_json(stored: Mapping[str, Any]) -> tuple[dict[str, Any], list[Measured]]:
    """Read what ``to_json`` gave; of another version it cannot be read."""
    check_version(stored)
    measured = [Measured(case, each["runs"], each["tuned"]) for case, each in stored["cases"].items()]
    return stored["facts"], measured


def check_version(stored: Mapping[str, Any]) -> None:
    """Refuse a file of another version."""
    if stored.get("version") != VERSION:
        raise ValueError(f"version {stored.get('version')} of the figures; this reads version {VERSION}: measure again")
