"""A recorded run in words: how the workers' time went, and which items were the slowest."""

from __future__ import annotations

from collections.abc import Iterator

from poolwise.model.plan import Revision
from poolwise.model.timeline import SPAN_KINDS, Insight, Lane, Mark, SlowItem, SpanKind, Timeline
from poolwise.report.bounds import revision_text
from poolwise.report.figures import counted, duration, share

# So many workers are told one by one; of more, only how their time went together.
MOST_TOLD = 8
# A share that is smaller is not worth a word.
TOLD = 0.01
DEEDS: dict[SpanKind, str] = {
    "work": "work",
    "wait": "waiting for work",
    "ship": "receiving items",
    "send": "sending results",
    "start": "starting",
    "exit": "ending",
}
assert set(DEEDS) == set(SPAN_KINDS)  # noqa: S101 - a new kind needs its word


def revision_mark(revision: Revision) -> Mark:
    """Say on a timeline that the plan was made anew."""
    return Mark(revision.at_s, "revision", text=revision_text(revision))


def timeline_lines(timeline: Timeline) -> Iterator[str]:
    """Say how each worker's time went, a line for each; and the slowest items in one."""
    insights, lanes = timeline.insights, {lane.worker: lane for lane in timeline.lanes}
    if len(insights) > MOST_TOLD:
        yield f"{counted(len(insights), 'worker')}: {_deeds(_together(insights))}"
    else:
        yield from (_worker(lanes[each.worker], each) for each in insights)
    if timeline.slowest:
        yield f"slowest: {', '.join(map(_slow, timeline.slowest))}"


def _worker(lane: Lane, insight: Insight) -> str:
    return f"{lane.name}: {counted(insight.items, 'item')} in {duration(insight.seconds)}, {_deeds(_shares(insight))}"


def _slow(item: SlowItem) -> str:
    return f"item {item.index} ({duration(item.seconds)})"


def _shares(insight: Insight) -> dict[SpanKind, float]:
    return {kind: getattr(insight, kind) for kind in SPAN_KINDS}


def _together(insights: tuple[Insight, ...]) -> dict[SpanKind, float]:
    total_s = sum(each.seconds for each in insights)
    return {kind: sum(getattr(each, kind) * each.seconds for each in insights) / total_s for kind in SPAN_KINDS}


def _deeds(shares: dict[SpanKind, float]) -> str:
    """Say what is worth it, the most first."""
    told: list[SpanKind] = [kind for kind in DEEDS if shares[kind] >= TOLD]
    told.sort(key=lambda kind: -shares[kind])
    return ", ".join(f"{share(shares[kind])} {DEEDS[kind]}" for kind in told)
