"""The table of all cases, and what they come to.

Run: ``python -m benchmarks.judgement.table FILE`` shows again what ``--json FILE`` has stored.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.judgement.names import OURS, PEERS
from benchmarks.judgement.results import TOO_MUCH, Measured, Summary, from_json, is_right, prediction_error, summarize

NOTHING = "–"
COLUMNS = ("case", "best way", "its time", "poolwise", "regret", "noise", "chose", "predicted", "remarks")
WIDTHS = (44, 27, 9, 9, 7, 6, 18, 17, 0)
NUMBERS = {2, 3, 4, 5}
LONGEST_REMARK = 120
LEGEND = """\
regret: the median of poolwise.map's times ÷ the median of the best hand-tuned way's, start-up included
noise:  the same for the best way of the screening, run again: what a chooser that is never wrong would score here"""


def show(facts: Mapping[str, Any], measured: Sequence[Measured]) -> str:
    """Give the text of it all."""
    return "\n".join([head(facts), *map(line, measured), "", *summary_lines(measured)])


def head(facts: Mapping[str, Any]) -> str:
    """Give what stands on top: where it was measured, how to read it, and the names of the columns."""
    known = ", ".join(f"{name} {value}" for name, value in facts.items())
    return f"{known}\n{LEGEND}\n\n{_laid_out(COLUMNS)}\n{'-' * (sum(WIDTHS) + 2 * len(WIDTHS))}"


def line(measured: Measured) -> str:
    """Give the line of a case."""
    ours = [run for run in measured.runs.get(OURS, ()) if is_right(run)]
    last = ours[-1] if ours else {}
    cells = [
        measured.case,
        measured.best or NOTHING,
        _time(measured.best_s),
        _time(measured.median_s(OURS)),
        _ratio(measured.regret),
        _ratio(measured.noise),
        _chosen(last),
        _prediction(last),
        "; ".join(measured.failures(OURS))[:LONGEST_REMARK].replace("\n", " "),
    ]
    return _laid_out(cells)


def summary_lines(measured: Sequence[Measured]) -> list[str]:
    """Give what all cases come to, for Poolwise first, then for each peer that took part."""
    ways = [OURS, *(peer for peer in PEERS if any(peer in each.runs for each in measured))]
    lines = [text for way in ways for text in _summary(summarize(way, measured))]
    if noises := [each for each in (case.noise for case in measured) if each is not None]:
        lines.append(
            f"noise: the best way again, median {sorted(noises)[len(noises) // 2]:.2f}, most {max(noises):.2f}"
        )
    if found := prediction_error(measured):
        error, count = found
        lines.append(f"predictions: median error {error:.0%} of {count}")
    return lines


def _summary(summary: Summary) -> list[str]:
    worst = ", ".join(f"{case} {regret:.2f}" for case, regret in summary.worst)
    mean = NOTHING if summary.mean is None else f"{summary.mean:.3f}"
    counts = f"{summary.too_much} above {TOO_MUCH}, {len(summary.failures)} failed"
    return [
        f"{summary.way}: geometric mean {mean} over {summary.cases} cases, {counts}",
        f"  worst: {worst or NOTHING}",
        *(f"  FAILED: {case}: {text[:LONGEST_REMARK]}" for case, text in summary.failures),
    ]


def _chosen(run: Mapping[str, Any]) -> str:
    revised = f", revised {run['revised']}" if run.get("revised") else ""
    return f"{run['chose']}{revised}" if "chose" in run else NOTHING


def _prediction(run: Mapping[str, Any]) -> str:
    if run.get("predicted_s") is None:
        return NOTHING
    return f"{_time(run['predicted_s'])}, was {_time(run['run_s'])}"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return NOTHING
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.{1 if seconds < 0.1 else 0}f} ms"


def _ratio(ratio: float | None) -> str:
    return NOTHING if ratio is None else f"{ratio:.2f}"


def _laid_out(cells: Sequence[str]) -> str:
    placed = (
        cell.rjust(width) if place in NUMBERS else cell.ljust(width)
        for place, (cell, width) in enumerate(zip(cells, WIDTHS, strict=True))
    )
    return "  ".join(placed).rstrip()


if __name__ == "__main__":
    print(show(*from_json(json.loads(Path(sys.argv[1]).read_text()))))
