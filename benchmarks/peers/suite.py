"""The rounds: in each, every way runs once, in a fresh process, and the order turns."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.peers import chunks, environments, ideal
from benchmarks.peers.parts import Part
from benchmarks.peers.peers import BY_NAME, FLOOR, LOOP, OURS, Peer
from benchmarks.peers.process import Ask, run
from benchmarks.peers.results import Row, Variant


@dataclass(slots=True, kw_only=True)
class Suite:
    """What all parts share: who takes part, how often, and what was found on the way."""

    peers: Sequence[Peer]
    workers: int
    rounds: int
    tries: int
    timeout_s: float
    _pythons: dict[str, Path | str] = field(default_factory=dict)
    _hung: set[tuple[str, str | None]] = field(default_factory=set)
    """Who hung while a chunk size was tried: no other size is waited for."""
    _best: dict[tuple[str, str], tuple[int | None, dict[str, float]]] = field(default_factory=dict)

    def install(self) -> None:
        """Make the environments; who cannot be installed stays, with the reason in place of its Python."""
        for peer in self.peers:
            try:
                self._pythons[peer.name] = environments.ensure(peer.environment, peer.packages)
            except environments.NotInstalledError as error:
                self._pythons[peer.name] = f"cannot be installed: {error}"

    def measure(self, part: Part) -> list[Row]:
        """Find the best chunk sizes, then run the rounds."""
        rows = [self._row(part, variant) for peer in self.peers for variant in variants(part, peer)]
        for turn in range(self.rounds):
            start = turn % len(rows)
            for row in rows[start:] + rows[:start]:
                row.runs.append(self._once(part, row))
            _check(rows)
            ideal.compare({row.variant.label: row.runs[-1] for row in rows}, self.workers, loop=LOOP, floor=FLOOR)
        return rows

    def _row(self, part: Part, variant: Variant) -> Row:
        peer = BY_NAME[variant.peer]
        if part.tuned_as is None or not peer.chunks or isinstance(self._pythons[peer.name], str):
            return Row(variant)
        key = (peer.name, part.tuned_as)
        if key not in self._best:
            sizes: list[int | None] = [*chunks.candidates(part.tasks, self.workers)]
            sizes += [None] if ("stream" if part.measure == "memory" else "map") in peer.chooses_chunks else []
            self._best[key] = chunks.find_best(sizes, lambda size: self._try(part, variant, size), self.tries)
        best, tried = self._best[key]
        return Row(_with_chunk(variant, best), tried=tried)

    def _try(self, part: Part, variant: Variant, size: int | None) -> float | None:
        if (variant.peer, part.tuned_as) in self._hung:
            return None
        figures = self._run(part, _with_chunk(variant, size), say=f"trying chunks of {size or 'its own size'}")
        if figures.get("hangs"):
            self._hung.add((variant.peer, part.tuned_as))
        seconds: float | None = figures.get("seconds")
        return seconds

    def _once(self, part: Part, row: Row) -> dict[str, Any]:
        """Run a way once more, unless it hung or has no such form: that is told once and not waited for again."""
        for before in row.runs:
            if "missing" in before or before.get("hangs"):
                return before
        return self._run(part, row.variant, say=f"round {len(row.runs) + 1}")

    def _run(self, part: Part, variant: Variant, *, say: str) -> dict[str, Any]:
        python = self._pythons[variant.peer]
        if isinstance(python, str):
            return {"missing": python}
        ask = Ask(
            part=part.name,
            peer=variant.peer,
            workers=self.workers,
            method=variant.method,
            chunk=part.floor_chunk if variant.peer == FLOOR else variant.chunk,
            form=variant.form,
        )
        figures = run(python, ask, timeout_s=self.timeout_s, watch_memory=part.measure == "memory")
        outcome = figures.get("failed") or figures.get("missing") or f"{figures.get('seconds', 0):.4f} s"
        print(f"{part.name:20} {variant.label:42} {say:30} {outcome}", file=sys.stderr, flush=True)
        return figures


def variants(part: Part, peer: Peer) -> list[Variant]:
    """Give the ways to use a peer in a part: one, or one for each start method or form of the items."""
    if part.by_method and peer.methods:
        return [Variant(label=f"{peer.name} ({method})", peer=peer.name, method=method) for method in peer.methods]
    if peer.name == OURS:  # it chooses the start method itself
        return [
            Variant(label=f"{peer.name}, {form}" if form else peer.name, peer=peer.name, form=form)
            for form in part.forms
        ]
    return [Variant(label=peer.name, peer=peer.name, method=peer.methods[0] if peer.methods else None)]


def _with_chunk(variant: Variant, chunk: int | None) -> Variant:
    return Variant(label=variant.label, peer=variant.peer, method=variant.method, chunk=chunk, form=variant.form)


def _check(rows: list[Row]) -> None:
    """Compare the results of the last round with those of the plain loop."""
    right = next((row.runs[-1].get("check") for row in rows if row.variant.peer == LOOP), None)
    for row in rows:
        if "check" in row.runs[-1] and row.runs[-1]["check"] != right:
            row.runs[-1]["wrong"] = True
