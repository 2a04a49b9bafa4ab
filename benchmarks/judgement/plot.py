"""A chart of all regrets: a bar for Poolwise in each case, a dot for each peer.

Run: ``python -m benchmarks.judgement.plot FILE PICTURE`` where matplotlib is installed, with the FILE of ``--json``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from matplotlib import pyplot as plt
from matplotlib.ticker import FixedLocator, FormatStrFormatter, NullLocator

from benchmarks.judgement.names import OURS, PEERS
from benchmarks.judgement.results import TOO_MUCH, from_json

TICKS = (0.5, 0.75, 1, 1.25, 1.5, 2, 3, 5, 10, 20, 50, 100)
COLOUR, GREY = "#d1495b", "#bbbbbb"
DOTS = dict(zip(PEERS, ("#30638e", "#edae49", "#00798c", "#6a4c93", "#555555"), strict=True))


def main() -> None:
    """Draw what is stored."""
    stored, picture = map(Path, sys.argv[1:3])
    facts, measured = from_json(json.loads(stored.read_text()))
    shown = sorted((each for each in measured if each.regret is not None), key=lambda each: each.regret or 0)
    plt.switch_backend("Agg")  # the picture goes to a file
    figure, place = plt.subplots(figsize=(9, 2 + 0.17 * len(shown)))
    rows = range(len(shown))
    place.barh(rows, [(each.regret or 1) - 1 for each in shown], left=1, color=COLOUR, height=0.7, label=OURS)
    place.plot([each.noise or 1 for each in shown], rows, "|", color="black", markersize=6, label="the best way again")
    for peer, colour in DOTS.items():
        dots = [(regret, row) for row, each in zip(rows, shown, strict=True) if (regret := each.regret_of(peer))]
        if dots:
            place.plot(*zip(*dots, strict=True), "o", color=colour, markersize=3, label=peer)
    place.axvline(1, color=GREY, linewidth=0.8)
    place.axvline(TOO_MUCH, color=GREY, linewidth=0.8, linestyle=":")
    place.set_xscale("log")
    place.xaxis.set_major_locator(FixedLocator(TICKS))
    place.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    place.xaxis.set_minor_locator(NullLocator())
    place.set_yticks(rows, [each.case for each in shown], fontsize=6)
    place.set_ylim(-1, len(shown))
    place.set_xlabel("time ÷ the time of the best hand-tuned way")
    place.set_title(", ".join(f"{name} {value}" for name, value in facts.items()), fontsize=8)
    place.legend(fontsize=7, loc="lower right")
    figure.tight_layout()
    figure.savefig(picture, dpi=120)


if __name__ == "__main__":
    main()
