"""One chart of bars for each part: how many times as much each way takes as the hand-written limit.

Run: ``python -m benchmarks.peers.plot FILE PICTURE`` where matplotlib is installed, with the FILE of ``--json``.
"""

from __future__ import annotations

import json
import math
import sys
import textwrap
from pathlib import Path
from typing import Any

from matplotlib import pyplot as plt

from benchmarks.peers.parts import BY_NAME, Part
from benchmarks.peers.peers import FLOOR, LOOP, OURS
from benchmarks.peers.results import Row, find, from_json, ratio

COLUMNS = 3
COLOURS = {FLOOR: "#999999", LOOP: "#cccccc", OURS: "#d1495b"}
OTHERS = "#30638e"
# From this ratio between the longest and the shortest bar on, the short ones could not be told apart.
LOG_FROM = 8


def main() -> None:
    """Draw what is stored."""
    stored, picture = map(Path, sys.argv[1:3])
    facts, parts = from_json(json.loads(stored.read_text()))
    columns = min(COLUMNS, len(parts))
    lines = math.ceil(len(parts) / columns)
    plt.switch_backend("Agg")  # the picture goes to a file
    figure, places = plt.subplots(lines, columns, figsize=(6.5 * columns, 3.6 * lines), squeeze=False)
    for place, (name, rows) in zip(places.flat, parts.items(), strict=False):
        draw(place, BY_NAME[name], rows)
    for place in places.flat[len(parts) :]:
        place.axis("off")
    figure.suptitle(", ".join(f"{name} {value}" for name, value in facts.items()), fontsize=9)
    figure.tight_layout(rect=(0, 0, 1, 0.99))
    figure.savefig(picture, dpi=110)


def draw(place: Any, part: Part, rows: list[Row]) -> None:
    """Draw one part: the median of the ratios to the floor, with a line from the least to the most."""
    floor = find(rows, FLOOR)
    found = [(row, each) for row in rows if (each := ratio(row, floor, part.figure))]
    place.set_title(textwrap.fill(f"{part.name}: {part.asks}", 80), fontsize=7, loc="left")
    if not found:
        place.axis("off")
        return
    medians = [each.median for _, each in found]
    spread = [[each.median - each.least for _, each in found], [each.most - each.median for _, each in found]]
    colours = [COLOURS.get(row.variant.peer, OTHERS) for row, _ in found]
    place.barh(range(len(found)), medians, xerr=spread, color=colours, ecolor="#222222", capsize=2)
    place.set_yticks(range(len(found)), [row.variant.label for row, _ in found], fontsize=7)
    place.invert_yaxis()
    if max(medians) > LOG_FROM * min(medians):
        place.set_xscale("log")
    place.margins(x=0.15)
    place.axvline(1, color="#999999", linewidth=0.8)
    for number, (_, each) in enumerate(found):
        place.annotate(f" {each.median:.2f}", (each.most, number), va="center", fontsize=6)
    place.set_xlabel(f"× {FLOOR} ({part.figure.removesuffix('_mb')})", fontsize=7)


if __name__ == "__main__":
    main()
