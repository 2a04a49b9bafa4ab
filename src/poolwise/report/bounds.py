"""What a run was limited by, and what would change its plan, in words."""

from __future__ import annotations

import os
from collections.abc import Callable

from poolwise.model.bottleneck import Bottleneck
from poolwise.model.plan import Revision, Turning
from poolwise.model.profile import Hot
from poolwise.report.figures import counted, duration, number, share
from poolwise.report.reasons import gil_text

WAYS = {
    "loop": "a plain loop",
    "threads": "threads",
    "processes": "processes",
    "asyncio": "an event loop",
    "interpreters": "interpreters",
    "dask": "Dask workers",
    "ray": "Ray workers",
}
# From here on a factor is told with a digit behind the point no more.
WHOLE_FROM = 9.95
# A share of waiting that differs by less is no other kind of work.
TOLD = 0.2

LIMITS: dict[str, Callable[[str], str]] = {
    "reading": lambda part: f"the iterator: giving the items took {part} of the time",
    "rate": lambda part: f"the rate that was asked for (rate=), which let nothing begin for {part} of the time",
    "limit": lambda part: (
        f"the limit of how many may be at work at a time (limit=), which was reached for {part} of the time"
    ),
    "starting": lambda part: f"starting the workers: about {part} of the time",
    "cores": lambda part: f"the cores, which were busy for {part} of the time",
    "one core": lambda part: f"one core, which computed for {part} of the time",
    "GIL": lambda part: f"the GIL, which the items need for {part} of the time, one at a time",
    "shipping": lambda part: f"shipping items and results, which one thread does: about {part} of the time",
    "far side": lambda part: (
        f"what the function waits for: together, items took longer than alone, which is {part} of the time"
    ),
    "slow item": lambda part: f"one slow item, which took {part} of the time",
    "items": lambda part: f"the items themselves: all ran at once, and one alone takes {part} of the time",
    "workers": lambda _: "the number of workers: all of them waited, and more could have waited at the same time",
    "one at a time": lambda part: f"waiting for one item at a time: {part} of the time",
}


def bottleneck_text(limit: Bottleneck) -> str:
    """Say what kept the run from being faster."""
    return LIMITS[limit.what](share(limit.share))


def turning_text(turning: Turning) -> str:
    """Say what would be chosen if one fact were another: "processes, from 8 cores on"."""
    way = WAYS[turning.backend]
    if turning.fact == "item_s":
        bound = "less" if turning.below else "more"
        return f"{way}, if an item took {duration(turning.at)} or {bound} ({_factor(turning)})"
    count = counted(int(turning.at), "core" if turning.fact == "cores" else "item")
    left = " left" if turning.fact == "items" else ""
    return f"{way}, with {count}{left}{_or_fewer(turning)}" if turning.below else f"{way}, from {count}{left} on"


def revision_text(revision: Revision) -> str:
    """Say when and why the plan was made anew: "after 210 ms threads instead of processes: ..."."""
    way = WAYS[revision.backend]
    what = f"{way} again" if revision.before == revision.backend else f"{way} instead of {WAYS[revision.before]}"
    return f"after {duration(revision.at_s)} {what}: {_change(revision)}"


def _change(revision: Revision) -> str:
    if revision.only_here:
        return "what the function uses belongs to the calling thread"
    if revision.lock:
        return "threads stood in line at a lock of the function"
    if revision.gil_by is not None:
        return f"the GIL was {gil_text(revision.gil_by)}"
    waiting, before = revision.waiting, revision.waiting_before
    if waiting is not None and before is not None and abs(waiting - before) >= TOLD:
        return f"the items waited for {share(waiting)} of their time, and not {share(before)}"
    if revision.item_s is not None and revision.item_before_s is not None:
        return f"an item took {duration(revision.item_s)}, and not {duration(revision.item_before_s)}"
    return "the work was another than it had been thought"


def hot_text(hot: Hot) -> str:
    """Say where the time went: "98 % waiting in `recv` at fetch.py:12"."""
    waits = hot.waiting_share >= hot.share / 2
    part = share(hot.waiting_share if waits else hot.share)
    called = f" in `{hot.callee}`" if hot.callee else ""
    return f"{part} {'waiting' if waits else 'computing'}{called} at {os.path.basename(hot.file)}:{hot.line}"  # noqa: PTH119 - a name like <stdin> is no path


def error_text(error: float) -> str:
    """Say how far an estimate was off: "7 % too low"."""
    if abs(error) < 0.005:  # noqa: PLR2004 - what is written as 0 %
        return "which was right"
    return f"{abs(error):.0%} too {'high' if error > 0 else 'low'}".replace("%", " %")


def _or_fewer(turning: Turning) -> str:
    return "" if turning.at <= 1 else " or fewer"


def _factor(turning: Turning) -> str:
    """Say ``10 × as long``, ``1/20 as long``."""
    factor = turning.factor if turning.factor >= 1 else 1 / turning.factor
    told = number(round(factor)) if factor >= WHOLE_FROM else f"{factor:.1f}"
    return f"{told} × as long" if turning.factor >= 1 else f"1/{told} as long"
