"""The words: what was measured, what was decided and why, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from poolwise.model.plan import (
    Candidate,
    GilTurnedOn,
    IsCoroutine,
    NotMeasured,
    Plan,
    PoolCostsMore,
    Predicted,
    Turning,
    WorkEnded,
)
from poolwise.model.profile import Payload, Profile
from poolwise.model.prose import say
from poolwise.model.report import Diagnosis, Report
from poolwise.model.units import Seconds
from poolwise.report.bounds import bottleneck_text, error_text, hot_text, revision_text, turning_text
from poolwise.report.figures import counted, duration, number, share, size
from poolwise.report.reasons import gil_text, reason_text, rejection_text
from poolwise.report.timeline import timeline_lines

# A way of working, as a noun that can be counted.
WORKERS = {
    "loop": "loop",
    "threads": "thread",
    "processes": "process",
    "interpreters": "interpreter",
    "dask": "Dask worker",
    "ray": "Ray worker",
    "asyncio": "task",
}
# What sets the time of a way, as it is said (``Estimate.limit``).
LIMITS = {
    "one worker": "one item after another",
    "waiting": "limited by waiting",
    "cores": "limited by the cores",
    "GIL": "limited by the GIL",
    "lock": "limited by a lock within the function",
    "shipping": "limited by shipping items and results",
    "one event loop": "limited by computing in one event loop",
}
# The words stand in a column beside their heading.
HEADING = 10
# A first item that took only so much longer than the others is not worth a word.
SLOW_START_S: Seconds = 0.001


@say.register
def explain_report(report: Report) -> str:
    """Say what was done and why."""
    measured = counted(report.profile.items, "item") if report.profile is not None else ""
    lines = [
        *(_done(report), *_decided(report.plan), *_instead(report.turnings)),
        *(*_measured(report.profile, measured), *_happened(report)),
    ]
    return "\n".join(lines)


@say.register
def explain_diagnosis(diagnosis: Diagnosis) -> str:
    """Say how the work would be run, and why."""
    lines = [
        *(advice(diagnosis.plan), *_decided(diagnosis.plan), *_instead(diagnosis.turnings)),
        *_measured(diagnosis.profile, _sample(diagnosis)),
    ]
    return "\n".join(lines)


def summary_line(report: Report) -> str:
    """Say in one line what was done and the main reason why."""
    return f"{_done(report)}{_because(report.plan)}"


def advice(plan: Plan) -> str:
    """Say what to do, in the imperative."""
    return "Stay in a plain loop" if plan.backend == "loop" else f"Use {how(plan)}"


def how(way: Plan | Candidate) -> str:
    """Say the way of working: ``2 processes``, ``a plain loop``."""
    if way.backend == "loop":
        return "a plain loop"
    text = counted(way.workers, WORKERS[way.backend])
    if isinstance(way, Plan) and way.here:
        return f"{text} beside the calling thread"
    if way.backend == "asyncio":
        return f"an event loop with {text} at a time"
    if way.tasks_per_worker > 1 and way.tasks_are == "threads":
        return f"{text} with {counted(way.tasks_per_worker, 'thread')}{' each' if way.workers > 1 else ''}"
    if way.tasks_per_worker > 1:
        return f"{text} with {counted(way.tasks_per_worker, 'coroutine')} at a time in each"
    return text


def _done(report: Report) -> str:
    preposition = "in" if report.plan.backend in ("loop", "asyncio") else "with"
    failed = f", {number(report.failed)} failed" if report.failed else ""
    return f"{counted(report.items, 'item')} in {duration(report.wall_s)} {preposition} {how(report.plan)}{failed}"


def _because(plan: Plan) -> str:
    """Give the reason that weighs most: the figures where there are any, else the first."""
    telling = [each for each in plan.reasons if isinstance(each, (Predicted, PoolCostsMore, WorkEnded))]
    nature = [each for each in plan.reasons if each not in telling and not isinstance(each, (NotMeasured, IsCoroutine))]
    chosen = [*nature[:1], *telling] if telling and isinstance(telling[0], Predicted) else [*telling, *nature][:1]
    return ": " + "; ".join(reason_text(each) for each in chosen) if chosen else ""


# --- The paragraphs ------------------------------------------------------------------------------------------


def _sample(diagnosis: Diagnosis) -> str:
    """Say what was tried: ``2 of 200 items in 41 ms``."""
    total = diagnosis.total
    if total is not None and total == diagnosis.sampled:
        tried = f"all {number(total)} items" if total > 1 else "the only item"
    elif total is None:
        tried = counted(diagnosis.sampled, "item")
    else:
        tried = f"{number(diagnosis.sampled)} of {counted(total, 'item')}"
    return f"{tried} in {duration(diagnosis.sample_s)}"


def _measured(profile: Profile | None, what: str) -> Iterator[str]:
    if profile is None:
        return
    nature = f"{what}: {duration(profile.wall_s)} each, {share(profile.waiting)} of it waiting"
    yield _line("measured", nature)
    if profile.first_s > max(2 * profile.wall_s, profile.wall_s + SLOW_START_S):
        yield _line("", f"the first took {duration(profile.first_s)} (imports, caches, connections)")
    if profile.gil_held is not None and profile.gil_samples:
        yield _line("", f"the GIL was held {share(profile.gil_held)} of the time ({_samples(profile.gil_samples)})")
    if profile.hot is not None:
        yield _line("", hot_text(profile.hot))
    shipped = (("an item", profile.argument), ("a result", profile.result), ("the function", profile.function))
    for thing, payload in shipped:
        if payload is not None:
            yield _line("", _shipping(thing, payload))


def _samples(count: int) -> str:
    return counted(count, "sample")


def _shipping(what: str, payload: Payload) -> str:
    if payload.problem is not None:
        return f"{what} cannot travel to another process: {payload.problem}"
    return f"shipping {what} to another process: {size(payload.bytes)}, {duration(payload.seconds)}"


def _decided(plan: Plan) -> Iterator[str]:
    for place, reason in enumerate(plan.reasons):
        yield _line("" if place else "because", reason_text(reason))
    for place, candidate in enumerate(plan.rejected):
        yield _line("" if place else "not", _rejection(candidate))


def _rejection(candidate: Candidate) -> str:
    if candidate.estimate is not None:
        limit = LIMITS.get(candidate.estimate.limit, f"limited by {candidate.estimate.limit}")
        return f"{how(candidate)}: about {duration(candidate.estimate.total_s)}, {limit}"
    name = "a plain loop" if candidate.backend == "loop" else candidate.backend
    return f"{name}: {rejection_text(candidate.why_not)}" if candidate.why_not is not None else name


def _instead(turnings: Iterable[Turning]) -> Iterator[str]:
    for place, turning in enumerate(turnings):
        yield _line("" if place else "instead", turning_text(turning))


def _before(report: Report) -> Iterator[str]:
    """Say how good the estimate was, and what was done before the run."""
    if report.plan.estimate is not None and report.plan.items:
        estimate, error = duration(report.plan.estimate.total_s), report.estimate_error
        off = f", {error_text(error)}" if error is not None else ""
        yield _line("happened", f"the rest took {duration(report.run_s)} (estimated: {estimate}{off})")
    if report.recalled:
        yield _line("journal", f"{counted(report.recalled, 'item')} had been done in an earlier run")


def _happened(report: Report) -> Iterator[str]:
    yield from _before(report)
    cores = report.machine.cores if report.machine is not None else None
    used = f"{duration(report.cpu_s)} of CPU time"
    if cores is not None and report.wall_s > 0:
        used += f", {share(report.cpu_s / report.wall_s / cores)} of {counted(cores, 'core')}"
    yield _line("used", used)
    if (limit := report.limit) is not None:
        yield _line("limit", bottleneck_text(limit))
    for place, revision in enumerate(report.revisions):
        yield _line("" if place else "revised", revision_text(revision))
    yield from _turned_on(report)
    if report.at_once is not None:
        yield _line("far side", f"no more than {number(report.at_once)} at a time: more only made each of them slower")
    if report.timeline is not None:
        for place, text in enumerate(timeline_lines(report.timeline)):
            yield _line("" if place else "workers", text)
    if told := _troubles(report):
        yield _line("trouble", told)


def _turned_on(report: Report) -> Iterator[str]:
    """Say what has turned the GIL on, where neither a reason nor a revision has said it."""
    told = any(isinstance(each, GilTurnedOn) for each in report.plan.reasons)
    if report.gil_by is not None and not (told or any(each.gil_by is not None for each in report.revisions)):
        yield _line("GIL", f"it was {gil_text(report.gil_by)}, while the run went on: from then on threads took turns")


def _troubles(report: Report) -> str:
    troubles = [("items tried again", report.retried), ("workers lost", report.deaths)]
    troubles.append(("items refused in company and tried again with less", report.crowded))
    if report.rests:
        troubles.append((f"rests of a failing service, {duration(report.rested_s)} in all", report.rests))
    troubles.append(("workers replaced, having grown beyond memory_limit", report.recycled))
    return ", ".join(f"{what}: {number(count)}" for what, count in troubles if count)


def _line(heading: str, text: str) -> str:
    return f"  {heading:<{HEADING}}{text}"
