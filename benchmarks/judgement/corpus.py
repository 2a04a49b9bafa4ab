"""All cases. Each module of ``cases/`` is imported alone, since what it imports (NumPy's threads) changes a process.

Run: ``python -m benchmarks.judgement.corpus`` prints what the runner needs to know of each case, as JSON.
"""

from __future__ import annotations

import importlib
import json
from dataclasses import asdict
from typing import Any

from benchmarks.judgement.case import Case

MODULES = (
    "waiting",
    "web",
    "coroutines",
    "computing",
    "uneven",
    "native",
    "text",
    "files",
    "shipping",
    "awkward",
    "arrays",
    "pictures",
    "tables",
    "learning",
)


def load(module: str) -> dict[str, Case]:
    """Give the cases of a module by their names."""
    loaded = importlib.import_module(f"benchmarks.judgement.cases.{module}")
    cases: tuple[Case, ...] = loaded.CASES
    return {case.name: case for case in cases}


def catalogue() -> dict[str, Any]:
    """Give what is known of each case, and of each module that cannot be imported, why not."""
    cases: list[dict[str, Any]] = []
    missing: dict[str, str] = {}
    for module in MODULES:
        try:
            found = load(module)
        except ImportError as error:
            missing[module] = str(error)
            continue
        cases += [_facts(module, case) for case in found.values()]
    return {"cases": cases, "missing": missing}


def _facts(module: str, case: Case) -> dict[str, Any]:
    return {
        "name": case.name,
        "module": module,
        "count": case.count,
        "coroutine": case.coroutine,
        "server": asdict(case.server) if case.server else None,
    }


if __name__ == "__main__":
    print(json.dumps(catalogue()))
