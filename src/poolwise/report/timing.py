"""A ``Timing`` in words: a line of figures, and a line that says what kind of work it was."""

from __future__ import annotations

from html import escape

from poolwise.model.prose import say, say_html
from poolwise.model.timing import Gain, Hindrance, Kind, Timing
from poolwise.report.figures import counted, duration, share, size

KINDS: dict[Kind, str] = {
    "short": "too short to say what it was",
    "waited": "it waited, and hardly computed",
    "mixed": "it waited and computed in turns",
    "python": "it computed in Python code on one core, which held the GIL",
    "native": "it computed in native code on one core, and let the GIL go",
    "one_core": "it computed on one core",
    "threads": "it computed on several cores in this process",
    "processes": "it computed in other processes",
}
GAINS: dict[Gain, str] = {
    "longer": "time more of it",
    "overlap": "if it waits for one thing after the other, threads or asyncio would wait for many at once",
    "threads": "threads would use more cores",
    "processes": "processes would use more cores, threads would not",
    "parallel": "processes (threads, where it lets the GIL go) would use more cores",
    "more": "it leaves cores idle: more workers, or larger pieces of work, would use them",
    "all_cores": "it uses all the cores that there are; only less work would be faster",
    "one_core_only": "there is one core, so that company would not help",
}
HINDRANCES: dict[Hindrance, str] = {
    "throttled": "the cgroup's quota stopped it for a while",
    "stolen": "the host of this virtual machine gave its cores to others",
    "queued": "other programs had its cores for a while",
}
INDENT = "  "


@say.register
def say_timing(timing: Timing) -> str:
    """Say the figures in a line, and in another what they mean."""
    return f"{title(timing)}: {figures(timing)}\n{INDENT}{meaning(timing)}"


def title(timing: Timing) -> str:
    """Name it, and say if an exception ended it."""
    return f"{timing.label} ({timing.failed})" if timing.failed else timing.label


def figures(timing: Timing) -> str:
    """Say what was measured, and nothing of what was not."""
    told = [duration(timing.wall_s), _cpu(timing)]
    if timing.verdict.kind != "short":
        told += [_cores(timing), f"waiting {share(timing.waiting_share)}"]
    if timing.gil_share is not None:
        told.append(f"GIL held {share(timing.gil_share)}")
    if timing.peak_bytes is not None:
        told.append(f"peak memory {size(timing.peak_bytes)}")
    return ", ".join(told)


def meaning(timing: Timing) -> str:
    """Say what kind of work it was, and whether and how it would gain."""
    verdict = timing.verdict
    told = f"{KINDS[verdict.kind]}: {GAINS[verdict.gain]}"
    if verdict.factor is not None:
        told += f" (up to {verdict.factor:.1f} times faster here, if it can all be done at once)"
    return told if verdict.hindrance is None else f"{told}; {HINDRANCES[verdict.hindrance]}"


def indented(text: str, depth: int) -> str:
    """Move a text to the right, by how many timings it is inside of."""
    return "\n".join(INDENT * depth + line for line in text.splitlines())


def _cpu(timing: Timing) -> str:
    own, children = timing.usage.cpu_own_s, timing.usage.cpu_children_s
    return f"CPU {duration(own)} + {duration(children)} in children" if children > 0 else f"CPU {duration(own)}"


def _cores(timing: Timing) -> str:
    return f"{timing.cores:.1f} of {counted(timing.cores_usable, 'core')} in use"


@say_html.register
def show_timing(timing: Timing) -> str:
    """Draw a small table; the label is the user's, and is escaped."""
    rows = "".join(_row(name, value) for name, value in _rows(timing))
    inner = "".join(f"<li>{show_timing(each)}</li>" for each in timing.within)
    return (
        f"<div><b>{escape(title(timing))}</b>: {escape(duration(timing.wall_s))}<br>{escape(meaning(timing))}"
        f"<table>{rows}</table>{f'<ul>{inner}</ul>' if inner else ''}</div>"
    )


def _row(name: str, value: str) -> str:
    return f'<tr><th style="text-align:left">{escape(name)}</th><td style="text-align:left">{escape(value)}</td></tr>'


def _rows(timing: Timing) -> list[tuple[str, str]]:
    usage = timing.usage
    rows = [
        ("CPU of this process", duration(usage.cpu_own_s)),
        ("CPU of its children", duration(usage.cpu_children_s)),
        ("cores", _cores(timing)),
        ("waiting", share(timing.waiting_share)),
    ]
    if timing.gil_share is not None:
        rows.append(("GIL held", share(timing.gil_share)))
    if timing.peak_bytes is not None:
        rows.append(("peak memory", size(timing.peak_bytes)))
    return rows
