"""One run: one way of one part, in a process of its own, started by ``process.py``, which reads the answer's file."""

from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.peers import parts, peers


def main() -> int:
    """Measure what the argument asks for; what goes wrong is an answer, too."""
    ask = json.loads(sys.argv[1])
    # A file and not standard output: peers print, and so do their workers.
    Path(ask["answer"]).write_text(json.dumps(_measure(ask)))
    return 0


def _measure(ask: dict[str, Any]) -> dict[str, Any]:
    part, peer = parts.BY_NAME[ask["part"]], peers.BY_NAME[ask["peer"]]
    begun = time.perf_counter()
    try:
        module = importlib.import_module(f"benchmarks.peers.ways.{peer.module}")
        import_s = time.perf_counter() - begun
        way = module.WAY(workers=ask["workers"], method=ask["method"], chunk=ask["chunk"], form=ask["form"])
        measures = importlib.import_module("benchmarks.peers.measures")
        figures: dict[str, Any] = measures.MEASURES[part.measure](way, part)
    except BaseException as error:
        if type(error).__name__ == "Missing":
            return {"missing": str(error)}
        return {"failed": f"{type(error).__name__}: {error}"}
    return {"import_s": import_s, "note": way.note} | way.figures | figures


if __name__ == "__main__":
    sys.exit(main())
