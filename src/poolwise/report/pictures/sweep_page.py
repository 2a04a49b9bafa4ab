"""What a page says of a sweep."""

from __future__ import annotations

from poolwise.model.sweep import Sweep
from poolwise.report.bounds import WAYS
from poolwise.report.figures import counted, duration
from poolwise.report.pictures.section import Pairs, Section, Titled, Words
from poolwise.report.pictures.sweep_chart import sweep_chart
from poolwise.report.sweep import sweep_findings
from poolwise.report.sweep_table import sweep_table

SOURCE = (
    "The law: N. J. Gunther, A General Theory of Computational Scalability Based on Rational Functions, "
    "arXiv:0808.1431. Its intervals hold the true value 95 times in 100, by a bootstrap of the residuals."
)


def sweep_title(sweep: Sweep) -> str:
    """Name it: ``Sweep: count_primes, 200 items, processes``."""
    return f"Sweep: {sweep.function}, {counted(sweep.items, 'item')}, {WAYS[sweep.backend]}"


def sweep_sections(sweep: Sweep) -> tuple[Section, ...]:
    """Give the sections of a sweep: findings, picture, table."""
    caption = f"Wall: the median of {counted(sweep.repeats, 'round')}. CPU: a share of all usable cores."
    table = Titled(caption, sweep_table(sweep))
    found = Pairs(tuple(sweep_findings(sweep)))
    chart = (sweep_chart(sweep),) if any(point.spread or point.at_least_s for point in sweep.points) else ()
    return (Section(sweep_title(sweep), (found, *chart, table, Words(_how(sweep)), *_source(sweep))),)


def _how(sweep: Sweep) -> str:
    return (
        "The numbers of workers took turns, in another order in each round, after a warm-up that does not count; "
        f"{duration(sweep.wall_s)} in all, with a budget of {duration(sweep.budget_s)}."
    )


def _source(sweep: Sweep) -> tuple[Words, ...]:
    if sweep.fit is None:
        return ()
    return (Words(SOURCE),)
