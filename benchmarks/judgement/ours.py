"""Poolwise, with nothing said. Nothing else is imported here: what Poolwise itself imports late counts as its time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import poolwise

# The report of the run, for the child to tell of.
reports: list[Any] = []


def run(function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    """Call the function on all items."""
    results = poolwise.map(function, items)
    reports.append(results.report)
    return results


def told() -> dict[str, Any]:
    """Tell what was chosen, and what had been predicted."""
    report = reports[0]
    plan = report.plan
    each = f" × {plan.tasks_per_worker}" if plan.tasks_per_worker > 1 else ""
    return {
        "chose": "loop" if plan.backend == "loop" else f"{plan.backend} {plan.workers}{each}",
        "revised": report.revised,
        "predicted_s": plan.estimate.total_s if plan.estimate else None,
        "run_s": report.run_s,
        "probe_s": report.probe_s,
    }
