"""The processes of one run, however they were started: they all have the run's word in their environment (Linux)."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

PROC = Path("/proc")
VARIABLE = "POOLWISE_BENCH_RUN"
# After the end of a run its processes have so long to end by themselves.
GRACE_S = 2.0


class Family:
    """Who belongs to a run; sessions and parents do not tell it, since peers start daemons."""

    def __init__(self, word: str) -> None:
        """Look for processes with ``word`` in their environment."""
        self._mark = f"{VARIABLE}={word}".encode()
        self._belongs: dict[str, bool] = {}

    def pids(self) -> list[int]:
        """Give those that are there now."""
        return [int(path.name) for path in PROC.iterdir() if path.name.isdigit() and self._is_one(path.name)]

    def end(self) -> int:
        """Kill who is still there after the grace; give how many these were."""
        deadline = time.monotonic() + GRACE_S
        while (left := self.pids()) and time.monotonic() < deadline:
            time.sleep(0.02)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return len(left)

    def _is_one(self, name: str) -> bool:
        if name not in self._belongs:
            try:
                self._belongs[name] = self._mark in (PROC / name / "environ").read_bytes().split(b"\0")
            except OSError:
                return False
        return self._belongs[name] and (PROC / name).exists()


def pss_kb(pid: int) -> int:
    """Give a process's share of memory: pages that are shared count in parts; 0 where it has gone."""
    try:
        rollup = (PROC / str(pid) / "smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0)
