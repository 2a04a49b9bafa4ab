"""The words: what was measured, what was decided and why, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator

from poolwise.model.plan import Candidate, NotMeasured, Plan, PoolCostsMore, Predicted, WorkEnded
from poolwise.model.profile import Payload, Profile
from poolwise.model.prose import say
from poolwise.model.report import Diagnosis, Report
from poolwise.report.figures import counted, duration, number, share, size
from poolwise.report.reasons import reason_text

# A way of working, as a noun that can be counted.
WORKERS = {"loop": "loop", "threads": "thread", "processes": "process", "asyncio": "task"}
# The words stand in a column beside their heading.
HEADING = 10


@say.register
def explain_report(report: Report) -> str:
    """Say what was done and why."""
    lines = [summary_line(report), *_measured(report.profile), *_decided(report.plan), *_happened(report)]
    return "\n".join(lines)


@say.register
def explain_diagnosis(diagnosis: Diagnosis) -> str:
    """Say how the work would be run, and why."""
    total = number(diagnosis.total) if diagnosis.total is not None else "an unknown number of"
    sampled = f"{counted(diagnosis.sampled, 'item')} of {total} tried in {duration(diagnosis.sample_s)}"
    lines = [f"{advice(diagnosis.plan)} ({sampled})", *_measured(diagnosis.profile), *_decided(diagnosis.plan)]
    return "\n".join(lines)


def summary_line(report: Report) -> str:
    """Say in one line what was done and the main reason why."""
    done = f"{counted(report.items, 'item')} in {duration(report.wall_s)}"
    failed = f", {number(report.failed)} failed" if report.failed else ""
    return f"{done}{failed}: {how(report.plan)}{_because(report.plan)}"


def advice(plan: Plan) -> str:
    """Say what to do, in the imperative."""
    if plan.backend == "loop":
        return f"Stay in the loop{_because(plan)}"
    return f"Use {how(plan)}{_because(plan)}"


def how(plan: Plan) -> str:
    """Say the way of working: ``2 processes``, ``a plain loop``."""
    if plan.backend == "loop":
        return "a plain loop"
    text = counted(plan.workers, WORKERS[plan.backend])
    if plan.backend == "asyncio":
        return f"an event loop with {counted(plan.workers, 'task')} at a time"
    if plan.tasks_per_worker > 1:
        return f"{text} with {counted(plan.tasks_per_worker, 'coroutine')} at a time in each"
    return text


def _because(plan: Plan) -> str:
    """Give the reason that weighs most: the figures where there are any, else the first."""
    telling = [each for each in plan.reasons if isinstance(each, (Predicted, PoolCostsMore, WorkEnded))]
    nature = [each for each in plan.reasons if each not in telling and not isinstance(each, NotMeasured)]
    chosen = [*nature[:1], *telling] if telling and isinstance(telling[0], Predicted) else [*telling, *nature][:1]
    return ": " + "; ".join(reason_text(each) for each in chosen) if chosen else ""


# --- The paragraphs ------------------------------------------------------------------------------------------


def _measured(profile: Profile | None) -> Iterator[str]:
    if profile is None:
        return
    nature = (
        f"{counted(profile.items, 'item')}: {duration(profile.wall_s)} each, {share(profile.waiting)} of it waiting"
    )
    yield _line("measured", nature)
    if profile.first_s > 2 * profile.wall_s:
        yield _line("", f"the first took {duration(profile.first_s)} (imports, caches, connections)")
    if profile.gil_held is not None and profile.gil_samples:
        yield _line("", f"the GIL was held {share(profile.gil_held)} of the time ({number(profile.gil_samples)} looks)")
    for what, payload in (("an item", profile.argument), ("a result", profile.result)):
        if payload is not None:
            yield _line("", _shipping(what, payload))


def _shipping(what: str, payload: Payload) -> str:
    if payload.problem is not None:
        return f"{what} cannot travel to another process: {payload.problem}"
    return f"shipping {what} to another process: {size(payload.bytes)}, {duration(payload.seconds)}"


def _decided(plan: Plan) -> Iterator[str]:
    telling = [reason for reason in plan.reasons if not isinstance(reason, WorkEnded)]
    for place, reason in enumerate(telling):
        yield _line("" if place else "because", reason_text(reason))
    for place, candidate in enumerate(plan.rejected):
        yield _line("" if place else "not", _rejection(candidate))


def _rejection(candidate: Candidate) -> str:
    name = "a plain loop" if candidate.backend == "loop" else counted(candidate.workers, WORKERS[candidate.backend])
    if candidate.estimate is None:
        name = candidate.backend
        return f"{name}: {reason_text(candidate.why_not)}" if candidate.why_not is not None else name
    return f"{name}: about {duration(candidate.estimate.total_s)}, limited by {candidate.estimate.limit}"


def _happened(report: Report) -> Iterator[str]:
    if report.plan.estimate is not None and report.plan.items:
        estimate = duration(report.plan.estimate.total_s)
        yield _line("happened", f"the rest took {duration(report.run_s)}; the estimate was {estimate}")
    cores = report.machine.cores if report.machine is not None else None
    used = f"{duration(report.cpu_s)} of CPU"
    if cores is not None and report.wall_s > 0:
        used += f", {share(report.cpu_s / report.wall_s / cores)} of {counted(cores, 'core')}"
    yield _line("used", used)
    troubles = [
        (report.retried, "tried again"),
        (report.deaths, "worker lost" if report.deaths == 1 else "workers lost"),
    ]
    told = ", ".join(f"{number(count)} {what}" for count, what in troubles if count)
    if told:
        yield _line("trouble", told)


def _line(heading: str, text: str) -> str:
    return f"  {heading:<{HEADING}}{text}"
