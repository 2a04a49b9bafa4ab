"""The picture of a recorded run: a lane for each worker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from poolwise.model.timeline import SPAN_KINDS, Mark, Span, Timeline
from poolwise.report.figures import counted, duration, number, share
from poolwise.report.pictures.chart import BLOCK_WORDS, Block, Lanes, Tick
from poolwise.report.pictures.scale import time_axis
from poolwise.report.table import Column, Table, table_of

# The picture is so many times as fine as the run is long: what is shorter cannot be seen, and is joined.
FINE = 1000


def timeline_chart(timeline: Timeline) -> Lanes:
    """Draw who did what and when; so many short spans that nobody could tell them apart become one."""
    lanes = {lane.worker: place for place, lane in enumerate(timeline.lanes)}
    end = max((timeline.wall_s, *(span.end_s for span in timeline.spans)), default=0.0) or 1.0
    blocks = [
        block
        for worker, place in lanes.items()
        for block in _blocks(place, [span for span in timeline.spans if span.worker == worker], end / FINE)
    ]
    return Lanes(
        title=f"{counted(len(lanes), 'worker')} over {duration(timeline.wall_s)}",
        about="Who worked on what and when, a lane for each worker.",
        axis=time_axis("time since the run began", end),
        lanes=tuple(lane.name for lane in timeline.lanes),
        end=end,
        blocks=tuple(blocks),
        ticks=tuple(
            Tick(mark.at_s, lanes.get(mark.worker) if mark.worker is not None else None, mark_text(mark))
            for mark in timeline.marks
        ),
    )


def mark_text(mark: Mark) -> str:
    """Say what happened: ``retry of item 7: ConnectionError``."""
    item = f" of item {number(mark.item)}" if mark.item is not None else ""
    return f"{mark.kind}{item}{f': {mark.text}' if mark.text else ''}"


def insights_table(timeline: Timeline) -> Table:
    """Give the shares of each worker's time, a row for each."""
    names = {lane.worker: lane.name for lane in timeline.lanes}
    headings = (Column("worker"), Column("items", figures=True), Column("time", figures=True))
    columns = (*headings, *(Column(BLOCK_WORDS[kind], figures=True) for kind in SPAN_KINDS))
    rows = (
        (
            names[each.worker],
            number(each.items),
            duration(each.seconds),
            *(share(getattr(each, kind)) if getattr(each, kind) else "" for kind in SPAN_KINDS),
        )
        for each in timeline.insights
    )
    return table_of(columns, rows)


def _blocks(lane: int, spans: Iterable[Span], least_s: float) -> Iterator[Block]:
    """Join what cannot be told apart: spans of one kind with less than ``least_s`` between them."""
    last: Block | None = None
    items = spanned = 0
    for span in spans:
        short = span.end_s - span.begin_s < least_s
        if short and span.kind != "work" and last is not None and span.begin_s - last.end < least_s:
            continue  # a moment between two others
        if last is not None and span.kind == last.kind and span.begin_s - last.end < least_s:
            items, spanned = items + span.items, spanned + 1
            last = _block(lane, last.begin, span, items, spanned)
            continue
        if last is not None:
            yield last
        items, spanned = span.items, 1
        last = _block(lane, span.begin_s, span, items, spanned)
    if last is not None:
        yield last


def _block(lane: int, begin: float, span: Span, items: int, spanned: int) -> Block:
    which = f" {number(span.first)}" if span.first is not None and spanned == 1 and items == 1 else ""
    about = f": {counted(items, 'item')}{which}" if items else ""
    label = f"{BLOCK_WORDS[span.kind]}{about}, {duration(span.end_s - begin)}"
    return Block(lane=lane, kind=span.kind, begin=begin, end=span.end_s, label=label)
