"""The table of one mode: each way beside the best that was written by hand."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from benchmarks.fetch.measure import Figures

HEAD = f"  {'':18} {'wall':>9} {'× best':>7} {'pages':>9} {'wasted':>7} {'at once':>8} {'CPU':>7} {'peak':>8}  server"


def best_of(found: Mapping[str, Sequence[Figures]], peers: Sequence[str], count: int) -> str | None:
    """Name the peer with the least median time, of those that ended well with every page each time."""
    able = [name for name in peers if all(not run.failed and run.right == count for run in found[name])]
    return min(able, key=lambda name: _wall_s(found[name]), default=None)


def ratios(runs: Sequence[Figures], best: Sequence[Figures]) -> list[float]:
    """Give the ratios within each round: what the machine did meanwhile, it did to both."""
    return [run.wall_s / other.wall_s for run, other in zip(runs, best, strict=False)]


def wasted(run: Figures) -> float:
    """Give the share of the requests that were refused."""
    return run.status.refused / run.status.requests if run.status.requests else 0.0


def lines(found: Mapping[str, Sequence[Figures]], best: str | None, count: int) -> list[str]:
    """Lay the medians out, a line for each way."""
    return [HEAD, *(_line(name, runs, found[best] if best else (), count) for name, runs in found.items() if runs)]


def _line(name: str, runs: Sequence[Figures], best: Sequence[Figures], count: int) -> str:
    ratio = f"{statistics.median(ratios(runs, best)):7.2f}" if best else " " * 7
    fewest = min(run.right for run in runs)
    busy = statistics.median(run.status.cpu_s / run.wall_s for run in runs)
    failed = next((f"  {run.failed}" for run in runs if run.failed), "")
    return (
        f"  {name:18} {_wall_s(runs):7.2f} s {ratio} {'all' if fewest == count else f'{fewest:,}':>9} "
        f"{statistics.median(map(wasted, runs)):7.1%} {max(run.status.most_at_once for run in runs):8} "
        f"{statistics.median(run.client_cpu_s for run in runs):5.2f} s "
        f"{max(run.peak_bytes for run in runs) >> 20:4} MiB  {busy:.0%} busy{failed}"
    )


def _wall_s(runs: Sequence[Figures]) -> float:
    return statistics.median(run.wall_s for run in runs)
