"""How much memory a run takes, looked at from outside: a thread in the run itself would change what it may do."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.peers.family import Family, pss_kb


@dataclass(frozen=True, slots=True)
class Sample:
    """What the processes took at one moment."""

    at: float
    parent_mb: float
    workers_mb: float

    @property
    def sum_mb(self) -> float:
        """All of them."""
        return self.parent_mb + self.workers_mb


@dataclass(slots=True)
class Watch:
    """The samples of one run."""

    family: Family
    parent: int
    samples: list[Sample] = field(default_factory=list)

    def look(self) -> None:
        """Take a sample."""
        workers = sum(pss_kb(pid) for pid in self.family.pids() if pid != self.parent)
        self.samples.append(Sample(time.monotonic(), pss_kb(self.parent) / 1024, workers / 1024))


def summarize(samples: list[Sample], stamps: Mapping[str, float]) -> dict[str, float]:
    """Give the peaks, and the sum at each moment that the run has stamped.

    >>> samples = [Sample(0.0, 9, 0), Sample(1.0, 2, 3), Sample(2.0, 4, 1), Sample(9.0, 99, 99)]
    >>> summarize(samples, {"begun": 0.5, "early": 0.9, "ended": 3.0})
    {'peak_mb': 5, 'parent_mb': 4, 'workers_mb': 3, 'early_mb': 5}
    """
    during = [sample for sample in samples if stamps["begun"] <= sample.at <= stamps["ended"]]
    if not during:
        return {}
    peaks = {
        "peak_mb": max(sample.sum_mb for sample in during),
        "parent_mb": max(sample.parent_mb for sample in during),
        "workers_mb": max(sample.workers_mb for sample in during),
    }
    moments = {name: at for name, at in stamps.items() if name not in ("begun", "ended")}
    return peaks | {
        f"{name}_mb": min(during, key=lambda sample: abs(sample.at - at)).sum_mb for name, at in moments.items()
    }
