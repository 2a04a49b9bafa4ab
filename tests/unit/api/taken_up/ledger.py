"""What a run sent and was told, item by item: what it must and what it may have kept follows from that."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from poolwise.model.events import Chunk, ChunkDone, Event, TakenBack, TaskError, WorkerLost
from poolwise.work.trouble import trouble_of


@dataclass
class Line:
    """All that is known of one item of a run."""

    sent: list[float] = field(default_factory=list)
    """When it was sent."""
    errors: list[tuple[float, TaskError, int]] = field(default_factory=list)
    """When a try had failed, how, and how often it had been sent by then."""
    value: Any = None
    done: bool = False
    strikes: int = 0
    """How many workers have died on it, as their marks say."""
    lost: int = 0
    """How often it was with a worker that was lost."""
    taken_in: bool = False
    """What ended it was surely taken in before the run ended."""


@dataclass
class Ledger:
    """The lines of all items by their numbers, and who is where."""

    lines: defaultdict[int, Line] = field(default_factory=lambda: defaultdict(Line))
    inside: dict[int, list[Chunk]] = field(default_factory=dict)
    """What each worker has, in order."""
    spans: list[tuple[int, float, float]] = field(default_factory=list)
    """From when to when an item was with a worker."""
    journal_failed: bool = False
    """Nothing more can be kept."""
    _since: dict[int, float] = field(default_factory=dict)
    _fresh: list[Line] = field(default_factory=list)

    def sent(self, now_s: float, worker: int, chunk: Chunk) -> None:
        """A chunk goes out."""
        self.inside.setdefault(worker, []).append(chunk)
        for index in range(chunk.start, chunk.stop):
            line = self.lines[index]
            assert not line.done, f"item {index} is done, and is sent again"
            assert index not in self._since, f"item {index} is with a worker, and is sent to another"
            line.sent.append(now_s)
            self._since[index] = now_s

    def told(self, now_s: float, events: Sequence[Event]) -> None:
        """The run hears of this."""
        for event in events:
            match event:
                case ChunkDone():
                    self._chunk_done(now_s, event)
                case WorkerLost():
                    self._worker_lost(now_s, event)
                case TakenBack():
                    self._taken_back(now_s, event)

    def all_taken_in(self) -> None:
        """What was told so far has been dealt with."""
        if self.journal_failed:
            return
        for line in self._fresh:
            line.taken_in = True
        self._fresh.clear()

    def under_way(self) -> list[int]:
        """List what is with workers."""
        return list(self._since)

    def open_spans(self) -> list[tuple[int, float, float]]:
        """List what is still with workers, as ``spans``."""
        return [(index, since_s, math.inf) for index, since_s in self._since.items()]

    def _leaves(self, now_s: float, index: int) -> None:
        self.spans.append((index, self._since.pop(index), now_s))

    def _chunk_done(self, now_s: float, event: ChunkDone) -> None:
        chunk = self.inside[event.worker].pop(0)
        assert chunk.id == event.chunk
        assert not event.more
        outcome = event.outcome
        for offset in range(len(chunk)):
            index = chunk.start + offset
            self._leaves(now_s, index)
            line = self.lines[index]
            if offset >= outcome.told:
                continue
            if offset in outcome.errors:
                line.errors.append((now_s, outcome.errors[offset], len(line.sent)))
                self._news_of(line)
            elif offset < len(outcome.values):
                line.value, line.done = outcome.values[offset], True
                self._news_of(line)

    def _news_of(self, line: Line) -> None:
        line.taken_in = False
        self._fresh.append(line)

    def _worker_lost(self, now_s: float, event: WorkerLost) -> None:
        for chunk in self.inside.pop(event.worker, ()):
            for index in range(chunk.start, chunk.stop):
                self._leaves(now_s, index)
                self.lines[index].lost += 1
        if event.index is None:
            return
        line = self.lines[event.index]
        if event.guilty:
            line.errors.append((now_s, TaskError(event.error, trouble=trouble_of(event.error)), len(line.sent)))
            self._news_of(line)
        else:
            line.strikes += 1

    def _taken_back(self, now_s: float, event: TakenBack) -> None:
        kept = dict(event.kept)
        for place, chunk in enumerate(self.inside.get(event.worker, ())):
            if chunk.id in kept:
                for index in range(kept[chunk.id], chunk.stop):
                    self._leaves(now_s, index)
                self.inside[event.worker][place] = chunk.between(chunk.start, kept[chunk.id])
