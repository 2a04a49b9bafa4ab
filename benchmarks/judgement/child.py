"""One way of one case, once, in a process of its own, started by ``process.py``, which reads the answer's file."""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.judgement import corpus
from benchmarks.judgement.case import FOLDER_VARIABLE, Case
from benchmarks.judgement.digest import digest
from benchmarks.judgement.names import OURS, PEERS


def main() -> int:
    """Measure what the argument asks for; what goes wrong is an answer, too."""
    ask = json.loads(sys.argv[1])
    # A file and not standard output: functions print, and so do the peers.
    Path(ask["answer"]).write_text(json.dumps(_measure(ask)))
    return 0


def _measure(ask: dict[str, Any]) -> dict[str, Any]:
    case = corpus.load(ask["module"])[ask["case"]]
    try:
        run = _find(ask["way"], coroutine=case.coroutine)
    except ImportError as error:
        return {"missing": str(error)}
    if case.prepare:
        case.prepare(Path(os.environ[FOLDER_VARIABLE]))
    items = case.items(case.count)
    _end_at(ask["limit_s"])
    begun = time.perf_counter()
    try:
        results = run(case.function, items)
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {error}"[:300]}
    seconds = time.perf_counter() - begun
    _end_at(0)
    problem = _problem(case, results)
    return {"seconds": seconds, **({"failed": problem} if problem else _told(case, results))}


def _find(way: str, *, coroutine: bool) -> Any:
    """Import only what this way needs: what is imported already costs a way nothing that it would import itself."""
    if way == OURS:
        return importlib.import_module("benchmarks.judgement.ours").run
    where = "defaults" if way in PEERS else "ways"
    return importlib.import_module(f"benchmarks.judgement.{where}").by_name(way, coroutine=coroutine)


def _end_at(limit_s: float) -> None:
    """Let the kernel end this process then; a thread that watched the time would forbid to fork. 0: never."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, limit_s)


def _problem(case: Case, results: list[Any]) -> str:
    if len(results) != case.count:
        return f"{len(results)} results of {case.count} items"
    return case.check(results) if case.check else ""


def _told(case: Case, results: list[Any]) -> dict[str, Any]:
    plain = map(case.plain, results) if case.plain else results
    ours = sys.modules.get("benchmarks.judgement.ours")
    return {"digest": digest(plain), **(ours.told() if ours else {})}


if __name__ == "__main__":
    sys.exit(main())
