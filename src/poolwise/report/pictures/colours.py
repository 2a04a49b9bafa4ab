"""The colours of pictures and pages, for a light and a dark background.

A test computes their contrast by WCAG 2.2: words have 4.5 to 1 on every ground that they stand on, shapes 3 to 1.
No meaning rests on them: whatever is told by colour stands beside it in a word, a pattern or a shape.
"""

from __future__ import annotations

from typing import Final

LIGHT: Final = {
    "ground": "#ffffff",
    "raised": "#f6f8fa",
    "ink": "#1f2328",
    "muted": "#57606a",
    "rule": "#d0d7de",
    "plain": "#6e7781",
    "best": "#1a7f37",
    "choice": "#0969da",
    "open": "#9a6700",
    "band": "#b6d7f8",
    "work": "#0969da",
    "start": "#8250df",
    "wait": "#6e7781",
    "ship": "#bc4c00",
    "send": "#1a7f37",
    "exit": "#57606a",
    "alarm": "#cf222e",
}
DARK: Final = {
    "ground": "#0d1117",
    "raised": "#161b22",
    "ink": "#e6edf3",
    "muted": "#9aa4ae",
    "rule": "#30363d",
    "plain": "#8b949e",
    "best": "#3fb950",
    "choice": "#58a6ff",
    "open": "#d29922",
    "band": "#1c3a5e",
    "work": "#58a6ff",
    "start": "#bc8cff",
    "wait": "#8b949e",
    "ship": "#f0883e",
    "send": "#3fb950",
    "exit": "#9aa4ae",
    "alarm": "#ff7b72",
}
WORDS: Final = ("ink", "muted", "alarm")
GROUNDS: Final = ("ground", "raised")
# What only helps the eye along, beside words and shapes that say the same.
FAINT: Final = ("rule", "band")
