"""Makes a timeline of what the recorder has written down. Pure: records go in, spans come out.

A worker's life is cut into spans without gaps and without overlaps. Between two pieces of work it has three parts, each
of which may be nothing: the results of the first are on their way home (``send``); there they are, and nothing is sent
(``wait``); the next items are on their way (``ship``). What was on its way while the worker was at work is no span: it
kept nobody waiting. ::

    start ─ ready │ wait │ ship │ work │ send │ wait │ ship │ work │ send │ wait │ exit
                  │      sent   begun  ended  heard  sent   begun  ended  heard  told   gone
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from poolwise.model.options import BackendName
from poolwise.model.timeline import Lane, Mark, SlowItem, Span, SpanKind, Timeline
from poolwise.model.units import Seconds
from poolwise.run.recorder import Piece, Recorder, WorkerRecord

# How a worker is called, by its backend.
NAMES: dict[BackendName, str] = {
    "loop": "calling thread",
    "threads": "thread",
    "processes": "process",
    "interpreters": "interpreter",
    "asyncio": "task",
}


def timeline_of(recorder: Recorder, kind_of: Callable[[int], BackendName], revisions: Iterable[Mark] = ()) -> Timeline:
    """Make a timeline of what has happened so far."""
    wall_s, zero = recorder.now_s(), recorder.begun_s
    spans = [span for worker, record in recorder.workers.items() for span in spans_of(worker, record, zero, wall_s)]
    return Timeline(
        wall_s=wall_s,
        lanes=tuple(_lane(worker, kind_of(worker)) for worker in sorted(recorder.workers)),
        spans=tuple(sorted(spans, key=lambda span: (span.begin_s, span.worker))),
        marks=tuple(sorted((*recorder.marks, *revisions), key=lambda mark: mark.at_s)),
        slowest=_slowest(recorder.slowest),
    )


def _lane(worker: int, kind: BackendName) -> Lane:
    name = NAMES[kind]
    return Lane(worker, kind, name if kind == "loop" else f"{name} {worker}")


def _slowest(items: Iterable[SlowItem]) -> tuple[SlowItem, ...]:
    return tuple(sorted(items, key=lambda each: (-each.seconds, each.index)))


def spans_of(worker: int, record: WorkerRecord, zero: Seconds, wall_s: Seconds) -> Iterator[Span]:
    """Give the spans of a worker's life, in seconds since ``zero``; it ends at ``wall_s`` at the latest."""
    life = _Life(worker, zero, record.started_s, zero + wall_s)
    pieces = sorted(record.pieces, key=lambda piece: piece.begun_s)
    first_s = pieces[0].begun_s if pieces else life.end_s
    # That it is ready may be heard only after it has begun.
    end_s = min(life.end_s, record.life_ends_s(life.end_s))
    told_s = end_s if record.closing_s is None else min(end_s, record.closing_s)
    ready_s = told_s if record.ready_s is None else record.ready_s
    yield from life.until(min(ready_s, first_s, told_s), "start")
    heard_s = life.at_s
    for piece in pieces:
        yield from _gap(life, heard_s, piece.sent_s, piece.begun_s)
        yield from _work(life, piece)
        heard_s = piece.heard_s
    yield from life.until(min(heard_s, end_s), "send")
    if record.open and record.ready_s is not None:
        # It was on this when it died, or when the run was ended.
        first, sent_s = next(iter(record.open.values()))
        yield from life.until(min(sent_s, end_s), "wait")
        yield from life.until(told_s, "work", first)
    yield from life.until(told_s, "wait")
    yield from life.until(end_s, "exit")


def _gap(life: _Life, heard_s: Seconds, sent_s: Seconds, begun_s: Seconds) -> Iterator[Span]:
    yield from life.until(min(heard_s, begun_s), "send")
    yield from life.until(min(sent_s, begun_s), "wait")
    yield from life.until(begun_s, "ship")


def _work(life: _Life, piece: Piece) -> Iterator[Span]:
    """Items that were long enough are spans of their own."""
    for offset, item_s in enumerate(piece.each_s or ()):
        yield from life.until(life.at_s + item_s, "work", piece.first + offset, 1)
    if piece.each_s is None:
        yield from life.until(piece.begun_s + piece.work_s, "work", piece.first, piece.items)
        # Between pieces that were merged.
        yield from life.until(piece.ended_s, "wait")


class _Life:
    """How far a worker's life has been told: each span begins where the last ended."""

    def __init__(self, worker: int, zero: Seconds, begin_s: Seconds, end_s: Seconds) -> None:
        self.at_s, self.end_s = begin_s, end_s
        self._worker, self._zero = worker, zero

    def until(self, end_s: Seconds, kind: SpanKind, first: int | None = None, items: int = 0) -> Iterator[Span]:
        """Tell it so far; nothing where it has been told so far."""
        end_s = min(end_s, self.end_s)
        if end_s > self.at_s:
            yield Span(self._worker, kind, self.at_s - self._zero, end_s - self._zero, first, items)
            self.at_s = end_s
