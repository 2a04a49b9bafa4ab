"""What the measured figures say, in sentences: nothing here knows beforehand how a comparison ends."""

from __future__ import annotations

from collections.abc import Iterator

from poolwise.cli.demo.measure import Row
from poolwise.model.classes import frozen
from poolwise.model.report import Report
from poolwise.report.explain import how, summary_line
from poolwise.report.figures import counted, duration, share

# Two runs of the same on an idle machine differ by some percent: less than this is no difference.
NOISE = 0.1
# Work that computes for more than half of its time is called computing.
HALF = 0.5
# Other programs that keep less than this of a core busy do no harm to the figures (the demo's own web server takes a
# quarter).
DISTURBING = 0.5
# So many cores kept busy are still "one at a time": the rest is what the main thread does meanwhile.
ONE_AT_A_TIME = 1.25

NOUNS = {"threads": "thread", "processes": "process"}


@frozen(kw_only=True)
class Told:
    """A chapter's figures: the loop first, Poolwise's own choice last."""

    title: str
    rows: tuple[Row, ...]
    cores: int
    gil: bool
    whole_machine: bool = True
    """All cores may be used; otherwise what other programs do on other cores is not our concern."""

    @property
    def loop(self) -> Row:
        """What everything is compared with."""
        return self.rows[0]

    @property
    def by_hand(self) -> tuple[Row, ...]:
        """The ways that a person could have named."""
        return self.rows[1:-1]

    @property
    def chosen(self) -> Row:
        """What ``poolwise.map`` made of it."""
        return self.rows[-1]

    def speedup(self, row: Row) -> float:
        """Give how many times as fast as the loop a row is."""
        return self.loop.wall_s / row.wall_s


def findings(told: Told) -> list[str]:
    """Say what the table shows: the work's nature, each way by hand, Poolwise's choice, and whether to trust it."""
    return [_nature(told), *(_by_hand(told, row) for row in told.by_hand), *_choice(told), *_disturbance(told)]


def in_short(told: Told) -> str:
    """Say a chapter in one line."""
    hand = ", ".join(f"{named(row)} {times(told.speedup(row))}" for row in told.by_hand)
    return f"{told.title}: {hand}; poolwise.map {times(told.speedup(told.chosen))} with {_plan(told.chosen)}."


def named(row: Row) -> str:
    """Say a way with its workers: ``32 threads``, ``1 process``, ``the loop``."""
    return counted(row.workers, NOUNS[row.name]) if row.name in NOUNS else f"the {row.name}"


def times(speedup: float) -> str:
    """Say a speed-up: ``0.97 ×``, ``21 ×``."""
    return f"{speedup:.2f} ×" if speedup < 9.95 else f"{speedup:.0f} ×"  # noqa: PLR2004 - three digits say too much


def busy_cores(row: Row) -> float:
    """Give how many cores a way kept busy on average, worker processes included."""
    return row.cpu_s / row.wall_s


def _nature(told: Told) -> str:
    computed = min(1.0, busy_cores(told.loop))
    if computed > HALF:
        return f"The loop computed for {share(computed)} of its {duration(told.loop.wall_s)}."
    return f"The loop waited for {share(1 - computed)} of its {duration(told.loop.wall_s)}."


def _by_hand(told: Told, row: Row) -> str:
    because = _because(told, row)
    return f"{_capital(named(row))} {_verdict(told, row)}{because and ': '}{because}."


def _verdict(told: Told, row: Row) -> str:
    speedup, were = told.speedup(row), "was" if row.workers == 1 else "were"
    if speedup > 1 + NOISE:
        return f"{were} {times(speedup)} as fast as the loop"
    if speedup < 1 - NOISE:
        return f"{were} slower than the loop ({times(speedup)})"
    return f"gained nothing ({times(speedup)})"


def _because(told: Told, row: Row) -> str:
    """Give the reason where the measured CPU shows it; say nothing rather than guess."""
    gained = told.speedup(row) > 1 + NOISE
    busy = f"{busy_cores(row):.1f} of {counted(told.cores, 'core')} busy"
    if busy_cores(told.loop) <= HALF:
        return f"up to {row.workers} waited at the same time" if gained else ""
    if gained:
        return f"they kept {busy}" if busy_cores(row) > ONE_AT_A_TIME else ""
    gil_bound = row.name == "threads" and told.gil and min(row.workers, told.cores) > 1
    if gil_bound and busy_cores(row) <= ONE_AT_A_TIME:
        return f"the GIL let one of them compute at a time, {busy}"
    return ""


def _choice(told: Told) -> Iterator[str]:
    best = min(told.rows[:-1], key=lambda row: row.wall_s)
    chosen = told.chosen
    yield f"poolwise.map chose {_plan(chosen)} ({times(told.speedup(chosen))}): {_beside(chosen, best)}."
    if chosen.report is None:
        return
    if chosen.wall_s > (1 + NOISE) * best.wall_s:
        yield _shortfall(chosen.report)
    yield f"Its report: {summary_line(chosen.report)}."


def _beside(chosen: Row, best: Row) -> str:
    """Compare Poolwise's choice with what a person would have done, had they known the table."""
    ratio = chosen.wall_s / best.wall_s
    hand = named(best) if best.name == "loop" else f"the best way by hand, {named(best)}"
    if 1 - NOISE <= ratio <= 1 + NOISE:
        return f"as fast as {hand}"
    return (
        f"{'faster' if ratio < 1 else 'slower'} than {hand} ({duration(chosen.wall_s)} against {duration(best.wall_s)})"
    )


def _shortfall(report: Report) -> str:
    """Say where the time went that the best way did not need."""
    looked = f"Measuring the first {counted(report.probe_items, 'item')} took {duration(report.probe_s)}"
    if report.plan.estimate is None:
        return f"{looked}."
    return f"{looked}, the rest {duration(report.run_s)} (estimated: {duration(report.plan.estimate.total_s)})."


def _disturbance(told: Told) -> Iterator[str]:
    most = max(row.others_cores for row in told.rows)
    if told.whole_machine and most > DISTURBING:
        yield (
            f"Meanwhile other programs kept up to {most:.1f} of {counted(told.cores, 'core')} busy, "
            "so that these figures are worse than they should be: try again when they are done."
        )


def _plan(row: Row) -> str:
    return how(row.report.plan) if row.report is not None else named(row)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
