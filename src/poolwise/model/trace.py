"""A timeline in the Trace Event Format, in which Perfetto (https://ui.perfetto.dev) and chrome://tracing show it.

The format's description: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU. Used of it
are the object form (``traceEvents``), complete events (``X``: ``ts`` and ``dur`` in microseconds), instants (``i``, of
a thread's or of the process's scope) and metadata (``M``: names and the order of the lanes).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from poolwise.model.timeline import Mark, Span, SpanKind, Timeline
from poolwise.model.units import Seconds

# A trace is of several processes; ours all stand in one group, whatever processes they are.
GROUP = 1
# What is told of no worker stands on a lane of its own. Thread 0 is left out by some viewers.
RUN_LANE = 1
# Colours that the format's own viewer has names for (catapult's color_scheme.html). Viewers that know none choose by
# name, which tells kinds apart as well.
COLOURS: dict[SpanKind, str] = {
    "start": "startup",
    "wait": "grey",
    "ship": "thread_state_iowait",
    "work": "good",
    "send": "thread_state_runnable",
    "exit": "generic_work",
}


def trace_of(timeline: Timeline) -> dict[str, Any]:
    """Give the trace as plain data; ``json.dumps`` of it is what viewers open."""
    events = [*_names(timeline), *map(_complete, timeline.spans), *map(_instant, timeline.marks)]
    slowest = [{"item": each.index, "seconds": each.seconds, "repr": each.item} for each in timeline.slowest]
    return {
        "traceEvents": events,
        "displayTimeUnit": "ms",
        "otherData": {"program": "poolwise", "seconds": timeline.wall_s, "slowest": slowest},
    }


def _lane(worker: int | None) -> int:
    return RUN_LANE if worker is None else RUN_LANE + 1 + worker


def _micros(seconds: Seconds) -> float:
    """The format counts microseconds; their fractions are nanoseconds, all that a clock tells."""
    return round(seconds * 1e6, 3)


def _names(timeline: Timeline) -> Iterator[dict[str, Any]]:
    yield _metadata("process_name", RUN_LANE, name="poolwise")
    yield from _named(RUN_LANE, "run")
    for lane in timeline.lanes:
        yield from _named(_lane(lane.worker), lane.name)


def _named(lane: int, name: str) -> Iterator[dict[str, Any]]:
    yield _metadata("thread_name", lane, name=name)
    yield _metadata("thread_sort_index", lane, sort_index=lane)


def _metadata(kind: str, lane: int, **arguments: str | int) -> dict[str, Any]:
    return {"ph": "M", "name": kind, "pid": GROUP, "tid": lane, "args": arguments}


def _complete(span: Span) -> dict[str, Any]:
    begin, end = _micros(span.begin_s), _micros(span.end_s)
    about = {} if span.first is None else {"first": span.first, "items": span.items}
    # Of rounded ends, so that spans which follow each other do so here, too.
    times = {"ts": begin, "dur": round(end - begin, 3)}
    kind = {"ph": "X", "cat": span.kind, "name": _words(span), "cname": COLOURS[span.kind]}
    return kind | times | {"pid": GROUP, "tid": _lane(span.worker), "args": about}


def _words(span: Span) -> str:
    if span.kind != "work" or span.first is None:
        return span.kind
    if span.items > 1:
        return f"items {span.first}–{span.first + span.items - 1}"
    return f"item {span.first}" if span.items else f"item {span.first} …"


def _instant(mark: Mark) -> dict[str, Any]:
    about = {name: value for name, value in (("item", mark.item), ("text", mark.text)) if value not in {None, ""}}
    kind = {"ph": "i", "s": "p" if mark.worker is None else "t", "cat": "mark", "name": mark.kind}
    return kind | {"ts": _micros(mark.at_s), "pid": GROUP, "tid": _lane(mark.worker), "args": about}
