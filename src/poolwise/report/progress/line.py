"""What a progress line says, at any width: pure, from one moment of a run.

What does not fit is left out from the right end of this list: the name and the count, the time left, the rate, the time
so far, failures, workers; the bar takes what is over. A rest comes before the time left.
"""

from __future__ import annotations

import math
import unicodedata

from poolwise.model.progress import Progress
from poolwise.model.units import Seconds
from poolwise.report.figures import duration, number

# A bar shorter than this says less than the count beside it; a longer one no more.
LEAST_BAR = 8
MOST_BAR = 40
# A bar grows and shrinks in such steps, so that it does not follow every digit that comes and goes beside it.
BAR_STEP = 4
# A name takes no more than this part of the line, but for so many columns.
NAME_PART = 1 / 3
LEAST_NAME = 6
GAP = "  "
# A range whose ends are as near as this to each other is one figure.
ABOUT = 1.25

GREEN, RED, DIM, PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[2m", "\x1b[0m"
FANCY, SIMPLE = ("━", "─"), ("#", "-")
ELLIPSIS = {FANCY: "…", SIMPLE: "..."}


def line(progress: Progress, width: int, *, colour: bool = False, unicode: bool = True) -> str:
    """Say how far a run is in one line of at most ``width`` columns."""
    style = FANCY if unicode else SIMPLE
    name, parts = clean(progress.desc), _parts(progress)
    if not unicode:
        name = name.encode("ascii", "replace").decode()
        parts = {key: part.replace("–", "-") for key, part in parts.items()}
    name = cut(name, min(width, max(LEAST_NAME, int(width * NAME_PART))), ELLIPSIS[style])
    kept: set[str] = set()
    room = width - columns(name)
    for key in ("count", "resting", "left", "rate", "elapsed", "failed", "retried", "recalled", "workers"):
        if key in parts and (needed := columns(parts[key]) + len(GAP)) <= room:
            kept.add(key)
            room -= needed
    pieces = [name] if name else []
    if progress.total is not None and room >= LEAST_BAR + len(GAP):
        pieces.append(_bar(progress, min((room - len(GAP)) // BAR_STEP * BAR_STEP, MOST_BAR), style, colour=colour))
    pieces += [_painted(key, part, colour=colour) for key, part in parts.items() if key in kept]
    return GAP.join(pieces)


def plain_line(progress: Progress) -> str:
    """Say it in a line of a log file, whole."""
    parts = _parts(progress)
    if progress.finished:
        parts.pop("workers")
        parts.pop("left", None)
        how = "done" if progress.done == progress.total else "ended"
        parts["elapsed"] = f"{how} after {duration(progress.elapsed_s)}"
    return f"{clean(progress.desc) or 'poolwise'}: {', '.join(parts.values())}"


def _parts(progress: Progress) -> dict[str, str]:
    of = f"/{number(progress.total)}" if progress.total is not None else " done"
    parts = {"count": f"{number(progress.done)}{of}"}
    if progress.resting is not None:
        seconds = math.ceil(progress.resting)
        how = f"resting {seconds} s" if seconds else "trying one item"
        parts["resting"] = f"{how}: the service fails" + (f" ({clean(progress.trouble)})" if progress.trouble else "")
    if progress.rate is not None:
        parts["rate"] = pace(progress.rate)
    parts["elapsed"] = _clock(progress.elapsed_s)
    if progress.left_low_s is not None and progress.left_high_s is not None and progress.done != progress.total:
        parts["left"] = f"{left(progress.left_low_s, progress.left_high_s)} left"
    parts["workers"] = f"{number(progress.workers)} busy"
    if progress.failed:
        parts["failed"] = f"{number(progress.failed)} failed"
    if progress.retried:
        parts["retried"] = f"{number(progress.retried)} tried again"
    if progress.recalled:
        parts["recalled"] = f"{number(progress.recalled)} from before"
    return parts


def _painted(key: str, part: str, *, colour: bool) -> str:
    paint = {"failed": RED, "resting": RED, "workers": DIM, "elapsed": DIM}.get(key) if colour else None
    return f"{paint}{part}{PLAIN}" if paint else part


def _bar(progress: Progress, width: int, style: tuple[str, str], *, colour: bool) -> str:
    share = progress.done / progress.total if progress.total else 1.0
    # Full means done.
    full = min(int(share * width), width if share >= 1 else width - 1)
    done, rest = style[0] * full, style[1] * (width - full)
    return f"{GREEN}{done}{PLAIN}{DIM}{rest}{PLAIN}" if colour else done + rest


# --- Figures -------------------------------------------------------------------------------------------------------


def pace(rate: float) -> str:
    """Say a rate in the unit in which it is no tiny fraction: ``310/s``, ``4.2/s``, ``12/min``, ``3/h``."""
    for per_s, unit in ((1, "s"), (60, "min"), (3600, "h")):
        value = rate * per_s
        if value >= 1 or unit == "h":
            return f"{number(round(value))}/{unit}" if value >= 9.95 else f"{value:.1f}/{unit}"  # noqa: PLR2004 - two digits
    raise AssertionError


def left(low_s: Seconds, high_s: Seconds) -> str:
    """Say a range of time no finer than it is known: ``about 30 s``, ``20–45 s``, ``2–3 min``, ``up to 5 s``."""
    unit_s, unit = next(((size, name) for size, name in _UNITS if high_s >= 1.5 * size), _UNITS[-1])
    low, high = _coarse(low_s / unit_s), _coarse(high_s / unit_s)
    if high_s <= ABOUT * low_s or low == high:
        middle = _coarse((low_s + high_s) / 2 / unit_s)
        return f"about {_figure(middle)} {unit}" if middle else f"below 1 {unit}"
    if not low:
        return f"up to {_figure(max(high, 1))} {unit}"
    return f"{_figure(low)}–{_figure(high)} {unit}"


_UNITS = ((86400.0, "days"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))


def _figure(value: float) -> str:
    return number(int(value)) if value == int(value) else f"{value:.1f}"


def _coarse(value: float) -> float:
    """Round to steps of about a tenth of the value, so that the line does not change all the time."""
    for limit, step in ((3, 0.5), (20, 1), (60, 5)):
        if value < limit:
            return round(value / step) * step
    return round(value / 10) * 10


def _clock(seconds: Seconds) -> str:
    """Say the time so far, whose digits are to stand still: whole seconds."""
    return duration(seconds) if seconds >= 120 else f"{int(seconds)} s"  # noqa: PLR2004 - as duration has it


# --- Text of the caller's --------------------------------------------------------------------------------------------


def clean(text: str) -> str:
    """Make one line of a text, without what would move a cursor or colour a terminal."""
    shown = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(shown.split())


def columns(text: str) -> int:
    """Count the columns that a text takes: letters of East Asian scripts take two, marks upon a letter none."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else not unicodedata.combining(each) for each in text)


def cut(text: str, width: int, ellipsis: str = "…") -> str:
    """Shorten a text to so many columns."""
    if columns(text) <= width:
        return text
    kept = text
    while kept and columns(kept) > width - len(ellipsis):
        kept = kept[:-1]
    return (kept + ellipsis)[: max(0, width)]
