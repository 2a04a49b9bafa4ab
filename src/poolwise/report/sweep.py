"""What a sweep says: its table, and in sentences how many workers are worth it and why more are not."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from poolwise.model.prose import say
from poolwise.model.sweep import Cause, CauseWhat, Dropoff, Fit, Interval, NoFit, NoFitWhat, Sweep
from poolwise.report.bounds import WAYS
from poolwise.report.figures import counted, duration, number, share
from poolwise.report.laps import disturbances, times
from poolwise.report.sweep_table import sweep_table
from poolwise.report.table import plain_text, told_lines

HEADING = 13

CAUSES: dict[CauseWhat, Callable[[Cause], str]] = {
    "switches": lambda cause: (
        f"the system took cores away {number(round(cause.most))} times a second (involuntary context switches), and "
        f"{number(round(cause.best))} times"
    ),
    "throttled": lambda cause: (
        f"the cgroup's quota held the processes up for {share(cause.most)} of the cores' time, and {share(cause.best)}"
    ),
    "stolen": lambda cause: (
        f"the hypervisor gave {share(cause.most)} of the cores' time to other machines (steal), and {share(cause.best)}"
    ),
    "others": lambda cause: (
        f"programs that have nothing to do with it used {share(cause.most)} of the cores' time, and {share(cause.best)}"
    ),
    "starting": lambda cause: (
        f"starting and ending workers took {share(cause.most)} of their time, and {share(cause.best)}"
    ),
    "shipping": lambda cause: (
        f"shipping items and results took {share(cause.most)} of their time, and {share(cause.best)}"
    ),
    "cpu": lambda cause: f"the same work took {duration(cause.most)} of CPU, and {duration(cause.best)}",
}

NO_FITS: dict[NoFitWhat, Callable[[NoFit], str]] = {
    "few workers": lambda why: (
        f"{counted(int(why.found), 'number')} of workers measured to the end: any three points lie on such a curve, "
        f"it takes {why.needed:.0f}"
    ),
    "few rounds": lambda _: "one lap of each does not tell how much a lap varies: it takes repeats=2 at least",
    "flat": lambda why: f"the number of workers makes no difference ({share(why.found)})",
    "noise": lambda why: (
        f"the number of workers makes a difference of {share(why.found)}, and laps vary so much that chance alone may "
        f"make {share(why.needed)}: repeat more often, or take longer work"
    ),
    "shape": lambda why: (
        f"the law would be off by {share(why.found)} somewhere: the curve has another shape, such as a corner where "
        "the cores run out"
    ),
}


@say.register
def explain_sweep(sweep: Sweep) -> str:
    """Show the table and what it says."""
    head = (
        f"sweep of {sweep.function} over {counted(sweep.items, 'item')} with {WAYS[sweep.backend]} on "
        f"{counted(sweep.cores, 'core')}"
    )
    return "\n".join([head, "", plain_text(sweep_table(sweep)), "", *sweep_lines(sweep)])


def sweep_lines(sweep: Sweep) -> list[str]:
    """Give the sentences, each with its heading before it."""
    return told_lines(sweep_findings(sweep), HEADING)


def sweep_findings(sweep: Sweep) -> Iterator[tuple[str, str]]:
    """Say what a sweep has shown: a heading and a sentence for each finding."""
    yield from _fastest(sweep)
    if sweep.dropoff is not None:
        yield from _dropoff(sweep, sweep.dropoff)
    elif sweep.best is not None and len(sweep.points) > 1:
        yield "drop-off", f"none: the most workers, {number(sweep.best)}, are the fastest"
    if sweep.fit is not None:
        yield from _law(sweep, sweep.fit)
    elif sweep.no_fit is not None:
        yield "no law", NO_FITS[sweep.no_fit.what](sweep.no_fit)
    yield from _missing(sweep)
    yield from disturbances(lap for point in sweep.points for lap in point.laps)


def _fastest(sweep: Sweep) -> Iterator[tuple[str, str]]:
    point = sweep.point(sweep.best) if sweep.best is not None else None
    if point is None or point.spread is None:
        yield "fastest", "none: no lap came to its end"
        return
    speedup, first = sweep.speedup(point), sweep.points[0].workers
    than = f", {times(speedup)} as fast as {number(first)}" if speedup is not None and point.workers != first else ""
    yield "fastest", f"{counted(point.workers, 'worker')}: {duration(point.spread.median_s)}{than}"
    worth = sweep.worth
    if worth is not None and worth.workers != point.workers:
        noise = "; what is missing could be noise" if worth.in_noise else ""
        give = "give" if worth.workers > 1 else "gives"
        yield "worth it", f"{counted(worth.workers, 'worker')} {give} {share(worth.share)} of the best speed{noise}"
    elif worth is not None:
        why = "fewer are slower by more than a tenth" if point.workers != first else "more bring nothing"
        yield "worth it", f"{counted(worth.workers, 'worker')}: {why}"
    if sweep.knee is not None:
        yield "knee", f"beyond {counted(sweep.knee, 'worker')} each further one brings clearly less"


def _dropoff(sweep: Sweep, loss: Dropoff) -> Iterator[tuple[str, str]]:
    many = counted(loss.workers, "worker")
    one_round = f"{_signed(loss.share)} in the only round"
    rounds = f"{_signed(loss.least)} to {_signed(loss.most)} in the rounds" if loss.rounds > 1 else one_round
    past = " past the cores" if loss.workers > sweep.cores >= loss.best else ""
    if not loss.clear:
        yield "drop-off", f"none that is clear{past}: {many} lose {rounds} against {number(loss.best)}"
        return
    yield "drop-off", f"{many} lose {share(loss.share)} of the speed of {number(loss.best)}{past} ({rounds})"
    for cause in sweep.causes:
        yield "", f"{CAUSES[cause.what](cause)} with {number(loss.best)}"
    if not sweep.causes:
        yield "", "nothing that was measured explains it"


def _law(sweep: Sweep, fit: Fit) -> Iterator[tuple[str, str]]:
    yield "law", f"speed of N workers = λ N / (1 + σ (N - 1) + κ N (N - 1)), off by {100 * fit.misfit:.1f} % at most"
    measured = sweep.points[-1].workers
    if fit.most_workers < measured:
        yield "", f"fitted up to {counted(fit.most_workers, 'worker')}: beyond, the curve has another shape"
    yield "", f"λ = {_interval(fit.rate)} items a second: one worker alone"
    # A share of more than all of it is none: starting workers takes longer than what they do.
    line = "the share of the work for which workers stand in line"
    told = line if fit.contention.value < 1 else "from 1 on, more workers bring nothing"
    yield "", f"σ = {_interval(fit.contention)}: {told}"
    yield "", f"κ = {_interval(fit.crosstalk)}: what each pair of workers costs"
    if fit.peak is None:
        yield "peak", "none: by the law more workers are never slower"
        return
    beyond = f", beyond what was measured: {number(fit.most_workers)}" if fit.peak.value > fit.most_workers else ""
    yield "peak", f"at {_interval(fit.peak)} workers, by the law{beyond}"


def _missing(sweep: Sweep) -> Iterator[tuple[str, str]]:
    if sweep.left_out:
        told = ", ".join(map(number, sweep.left_out))
        are = "is" if sweep.items == 1 else "are"
        yield "left out", f"{told} workers: there {are} but {counted(sweep.items, 'item')}, one for each worker at most"
    fewer = [point for point in sweep.points if len([lap for lap in point.laps if not lap.stopped]) < sweep.repeats]
    if fewer:
        told = ", ".join(map(number, (point.workers for point in fewer)))
        noun = "worker" if [point.workers for point in fewer] == [1] else "workers"
        yield (
            "fewer laps",
            f"{told} {noun}: the time (budget_s={sweep.budget_s:g}) did not do for {sweep.repeats} of each",
        )


def _signed(part: float) -> str:
    return share(part) if part >= 0 else f"-{share(-part)}"


def _interval(interval: Interval) -> str:
    high = _figure(interval.high) if interval.high is not None else "any"
    return f"{_figure(interval.value)} ({_figure(interval.low)} – {high})"


def _figure(value: float) -> str:
    """Say a number in three digits: ``1,240``, ``12.4``, ``0.00124``."""
    if value >= 99.5:  # noqa: PLR2004 - from here on the digits before the point are enough
        return number(round(value))
    return f"{value:.3g}" if value < 1e-4 else f"{value:#.3g}".rstrip(".")  # noqa: PLR2004 - 1.2e-05
