"""Makes a timeline of what the recorder has written down. Pure: records go in, spans come out.

A worker's life is cut into spans without gaps and without overlaps. Between two pieces of work it has three parts, each
of which may be nothing: the results of the first are on their way home (``send``); there they are, and nothing is sent
(``wait``); the next items are on their way (``ship``). What was on its way while the worker was at work is no span: it
kept nobody waiting. ::

    start ─ ready │ wait │ ship │ work │ send │ wait │ ship │ work │ send │ wait │ exit
                  │      sent   begun  ended  heard  sent   begun  ended  heard  told   gone
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import attrgetter

from poolwise.model.options import BackendName
from poolwise.model.timeline import Lane, Mark, Span, SpanKind, Timeline
from poolwise.model.units import Seconds
from poolwise.run.recorder import Piece, Recorder, WorkerRecord

# How a worker is called, by its backend.
NAMES: dict[BackendName, str] = {
    "loop": "calling thread",
    "threads": "thread",
    "processes": "process",
    "interpreters": "interpreter",
    "asyncio": "task",
    "dask": "Dask worker",
    "ray": "Ray worker",
}


def timeline_of(recorder: Recorder, kinds: Mapping[int, BackendName], revisions: Iterable[Mark] = ()) -> Timeline:
    """Make a timeline of what has happened so far; ``kinds`` says what each worker is."""
    wall_s, zero = recorder.now_s(), recorder.begun_s
    workers = [(worker, recorder.workers[worker]) for worker in sorted(kinds)]
    spans = [span for worker, record in workers for span in spans_of(worker, record, zero, wall_s)]
    # Sorting keeps those in order that begin at the same time.
    spans.sort(key=attrgetter("begin_s"))
    return Timeline(
        wall_s=wall_s,
        lanes=tuple(_lane(worker, kinds[worker]) for worker, _ in workers),
        spans=tuple(spans),
        marks=tuple(sorted((*recorder.marks, *revisions), key=attrgetter("at_s"))),
        slowest=tuple(sorted(recorder.slowest, key=lambda each: (-each.seconds, each.index))),
    )


def _lane(worker: int, kind: BackendName) -> Lane:
    name = NAMES[kind]
    return Lane(worker, kind, name if kind == "loop" else f"{name} {worker}")


def spans_of(worker: int, record: WorkerRecord, zero: Seconds, wall_s: Seconds) -> list[Span]:
    """Give the spans of a worker's life, in seconds since ``zero``; it ends at ``wall_s`` at the latest."""
    now_s = zero + wall_s
    end_s = min(now_s, record.life_ends_s(now_s))
    told_s = end_s if record.closing_s is None else min(end_s, record.closing_s)
    pieces = sorted(record.pieces, key=attrgetter("begun_s"))
    life = _Life(worker, zero, record.started_s, end_s)
    # That it is ready may be heard only after it has begun.
    ready_s = told_s if record.ready_s is None else record.ready_s
    life.until(min(ready_s, pieces[0].begun_s if pieces else ready_s, told_s), "start")
    heard_s = life.at_s
    for piece in pieces:
        begun_s = piece.begun_s
        if begun_s > life.at_s:
            life.until(min(heard_s, begun_s), "send")
            life.until(min(piece.sent_s, begun_s), "wait")
            life.until(begun_s, "ship")
        _tell_work(life, piece)
        heard_s = piece.heard_s
    life.until(heard_s, "send")
    if record.ready_s is not None:
        # It was on this when it died, or when the run was ended.
        for first, sent_s in tuple(record.open.values())[:1]:
            life.until(sent_s, "wait")
            life.until(told_s, "work", first)
    life.until(told_s, "wait")
    life.until(end_s, "exit")
    return life.spans


def _tell_work(life: _Life, piece: Piece) -> None:
    """Items that were long enough are spans of their own."""
    if piece.each_s is not None:
        for index, item_s in enumerate(piece.each_s, piece.first):
            life.until(life.at_s + item_s, "work", index, 1)
        return
    life.until(piece.begun_s + piece.work_s, "work", piece.first, piece.items)
    # Between pieces that were merged.
    life.until(piece.ended_s, "wait")


class _Life:
    """How far a worker's life has been told: each span begins where the last ended."""

    def __init__(self, worker: int, zero: Seconds, begin_s: Seconds, end_s: Seconds) -> None:
        self.at_s, self.spans = begin_s, list[Span]()
        self._worker, self._zero, self._end_s = worker, zero, end_s

    def until(self, end_s: Seconds, kind: SpanKind, first: int | None = None, items: int = 0) -> None:
        """Tell it so far; nothing where it has been told so far, but for items, which took their time somewhere."""
        begin_s = self.at_s
        end_s = max(begin_s, min(end_s, self._end_s))
        if end_s == begin_s and not items:
            return
        zero = self._zero
        self.spans.append(Span(self._worker, kind, begin_s - zero, end_s - zero, first, items))
        self.at_s = end_s
