"""Lanes in a terminal: a line for each worker, a letter for what it did most of the time that a column stands for."""

from __future__ import annotations

from poolwise.report.pictures.chart import BLOCK_WORDS, Block, BlockKind, Lanes
from poolwise.report.pictures.scale import Scale
from poolwise.report.pictures.text.axis import axis_lines, wrapped
from poolwise.report.pictures.text.letters import ASCII, BLOCKS, Letters, cells, fit

LONGEST = 120
# More lanes than this are not looked at one by one.
MOST = 32


def draw_lanes(chart: Lanes, width: int, *, plain: bool = False) -> list[str]:
    """Draw each lane, the axis of time, and what the letters mean."""
    letters = ASCII if plain else BLOCKS
    shown = chart.lanes[:MOST]
    names = min(max(map(cells, shown), default=0), max(8, width // 4))
    length = min(LONGEST, max(10, width - names - 2))
    scale = Scale(chart.axis, 0.0, chart.end)
    lines = [f"{fit(name, names)}  {_lane(chart, place, length, letters)}".rstrip() for place, name in enumerate(shown)]
    if len(chart.lanes) > MOST:
        lines.append(f"… and {len(chart.lanes) - MOST} more")
    kinds = {block.kind for block in chart.blocks}
    keys = [f"{letters.lane(kind)} {text}" for kind, text in BLOCK_WORDS.items() if kind in kinds]
    keys += [f"{letters.mark} something happened"] if chart.ticks else []
    return [
        *lines,
        *axis_lines(scale, names + 2, length, letters, width=width),
        *wrapped(", ".join(keys), names + 2, width),
    ]


def _lane(chart: Lanes, place: int, length: int, letters: Letters) -> str:
    shares: list[dict[BlockKind, float]] = [{} for _ in range(length)]
    for block in chart.blocks:
        if block.lane == place:
            _spread(block, chart.end / length, shares)
    drawn = [letters.lane(max(share, key=lambda kind: share[kind])) if share else " " for share in shares]
    for tick in chart.ticks:
        if tick.lane in {place, None}:
            drawn[min(length - 1, int(tick.at / chart.end * length))] = letters.mark
    return "".join(drawn)


def _spread(block: Block, column_s: float, shares: list[dict[BlockKind, float]]) -> None:
    """Add a block's time to the columns that it lies in."""
    first, last = (min(len(shares) - 1, int(at / column_s)) for at in (block.begin, block.end))
    for column in range(first, last + 1):
        part = min(block.end, (column + 1) * column_s) - max(block.begin, column * column_s)
        shares[column][block.kind] = shares[column].get(block.kind, 0.0) + part
