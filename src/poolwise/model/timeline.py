"""Who worked on what and when: a run as spans on lanes, which the trace file, the picture and the insights all read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias, get_args

from poolwise.model.classes import frozen
from poolwise.model.options import BackendName
from poolwise.model.plain import as_dict, from_plain
from poolwise.model.units import Seconds

SpanKind: TypeAlias = Literal["start", "wait", "ship", "work", "send", "exit"]
"""What a worker does: it starts, waits for work, work is on its way to it, it works, results are on their way from it,
it ends."""
MarkKind: TypeAlias = Literal["retry", "failure", "death", "recycled", "revision"]
"""What happens in an instant."""

SPAN_KINDS: tuple[SpanKind, ...] = get_args(SpanKind)


@frozen
class Lane:
    """A worker, by the number that spans and marks name it by."""

    worker: int
    backend: BackendName
    name: str
    """For people: ``process 2``, ``calling thread``."""


@frozen
class Span:
    """A worker did one thing for a while. Times are seconds since the run began."""

    worker: int
    kind: SpanKind
    begin_s: Seconds
    end_s: Seconds
    first: int | None = None
    """The first of its items, where it is about items."""
    items: int = 0
    """How many items, one after another (or at a time, where a worker has threads)."""


@frozen
class Mark:
    """Something happened at a moment."""

    at_s: Seconds
    kind: MarkKind
    worker: int | None = None
    item: int | None = None
    text: str = ""
    """The error or the reason, in few words."""


@frozen
class SlowItem:
    """One of the slowest items."""

    index: int
    seconds: Seconds
    worker: int
    item: str = ""
    """Its repr, cut short."""


@frozen
class Insight:
    """How a worker's time went, as shares of the time from its start to its end, 0 to 1; they sum up to 1."""

    worker: int
    items: int
    seconds: Seconds
    """From its start to its end."""
    start: float
    wait: float
    ship: float
    work: float
    send: float
    exit: float


@frozen(kw_only=True)
class Timeline:
    """A recorded run. ``Report.timeline`` has it where the option ``timeline`` was given."""

    wall_s: Seconds
    lanes: tuple[Lane, ...] = ()
    spans: tuple[Span, ...] = ()
    """In the order of their beginning. Those of one worker follow each other without gap or overlap, from its start to
    its end: what is on its way while it works keeps nobody waiting, and is no span."""
    marks: tuple[Mark, ...] = ()
    slowest: tuple[SlowItem, ...] = ()
    """The five slowest items, the slowest first; where only the time of a chunk is known, its first item stands for
    them all, with their mean."""

    @property
    def insights(self) -> tuple[Insight, ...]:
        """How the time of each worker went, in the order of the lanes; a worker that never lived has none."""
        return tuple(_insights(self))

    def to_trace(self) -> dict[str, Any]:
        """Give it in the Trace Event Format, which https://ui.perfetto.dev and chrome://tracing open."""
        from poolwise.model.trace import trace_of  # noqa: PLC0415 - few ask

        return trace_of(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write ``to_trace()`` to a file, as JSON; raises OSError where that cannot be written."""
        import json  # noqa: PLC0415 - few ask
        from pathlib import Path  # noqa: PLC0415

        with Path(path).open("w", encoding="utf-8") as file:
            json.dump(self.to_trace(), file, separators=(",", ":"))

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data that JSON can carry; see ``model.plain``."""
        return as_dict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Timeline:
        """Read what ``to_dict`` wrote; raises InputError where it is of another form or version."""
        return from_plain(cls, data)


def _insights(timeline: Timeline) -> Iterator[Insight]:
    seconds: dict[int, dict[SpanKind, Seconds]] = {
        lane.worker: dict.fromkeys(SPAN_KINDS, 0.0) for lane in timeline.lanes
    }
    items = dict.fromkeys(seconds, 0)
    # A file that somebody has changed may have lost a lane.
    for span in (each for each in timeline.spans if each.worker in seconds):
        seconds[span.worker][span.kind] += span.end_s - span.begin_s
        items[span.worker] += span.items if span.kind == "work" else 0
    for worker, spent in seconds.items():
        if (life_s := sum(spent.values())) > 0:
            shares = {kind: spent[kind] / life_s for kind in SPAN_KINDS}
            yield Insight(worker, items[worker], life_s, **shares)
