"""A case from its screening to its rounds."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.judgement import process
from benchmarks.judgement.names import OURS
from benchmarks.judgement.results import AGAIN, Measured, Run, mark_wrong
from benchmarks.judgement.screened import Screened
from benchmarks.judgement.screening import Tried, favourites, least_s, rivals, screen
from benchmarks.judgement.ways import hand_tuned

# Poolwise and the peers are given more time than any choice should need: what takes longer hangs, or may as well.
PATIENCE_TIMES, PATIENCE_AT_LEAST_S = 40.0, 10.0


class Suite:
    """Measures case after case."""

    def __init__(self, *, python: Path, folder: Path, screening: Path, peers: Sequence[str]) -> None:
        """Run with this interpreter; keep files in the folder, and the screening in its file."""
        self._python = python
        self._folder = folder
        self._screened = Screened(screening)
        self._peers = peers

    def measure(self, case: dict[str, Any], *, rounds: int, quick: bool) -> Measured:
        """Give all runs of a case."""
        with process.served(case["server"]) as url:
            folder = self._folder / case["name"].replace("/", "-")
            folder.mkdir(parents=True, exist_ok=True)
            place = process.Place(self._python, folder, url)
            tried = self._screened.get(case["name"], case["count"]) if quick else None
            if tried is None:
                tried = self._screen(place, case)
            return self._rounds(place, case, tried, rounds=rounds, quick=quick)

    def _screen(self, place: process.Place, case: dict[str, Any]) -> Tried:
        """Find the best ways, and keep what was found."""
        ladders = hand_tuned(coroutine=case["coroutine"])
        tried = screen(ladders, case["count"], lambda way, limit_s: self._run(place, case, way, limit_s))
        mark_wrong([run for runs in tried.values() for run in runs])
        self._screened.put(case["name"], case["count"], tried)
        return tried

    def _rounds(
        self, place: process.Place, case: dict[str, Any], tried: Tried, *, rounds: int, quick: bool
    ) -> Measured:
        """Run the best ways, Poolwise and the peers by turns."""
        best = favourites(tried) if quick else rivals(tried)
        if not best:
            raise RuntimeError(f"{case['name']}: no way came to a right end: {tried}")
        ways = {way: way for way in best} | ({} if quick else {AGAIN: best[0]}) | {OURS: OURS}
        ways |= {peer: peer for peer in self._peers}
        limit_s = max(PATIENCE_AT_LEAST_S, PATIENCE_TIMES * least_s(tried, best[0]))
        measured = Measured(case["name"], {name: [] for name in ways}, best)
        names = list(ways)
        for turn in range(rounds):
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                measured.runs[name].append(self._run(place, case, ways[name], limit_s))
        # What the screening saw has its say in what is right.
        before = [dict(run) for runs in tried.values() for run in runs]
        mark_wrong([*before, *(run for runs in measured.runs.values() for run in runs)])
        return measured

    def _run(self, place: process.Place, case: dict[str, Any], way: str, limit_s: float) -> Run:
        print(f"\r{case['name']}: {way}\033[K", end="\r", file=sys.stderr, flush=True)
        return process.run(place, case["module"], case["name"], way, limit_s)
