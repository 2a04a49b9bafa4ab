"""Where a run can be shown: asked before anything that shows it is imported, which most runs never need."""

from __future__ import annotations

import os
import sys
from typing import Any

from poolwise.work import role


def is_child() -> bool:
    """Tell whether somebody has started this process for work of its own: a worker of ours, or of multiprocessing."""
    multiprocessing = sys.modules.get("multiprocessing.process")
    return role.is_worker() or (multiprocessing is not None and multiprocessing.parent_process() is not None)


def in_notebook() -> bool:
    """Tell whether a notebook's kernel runs this: the shell of IPython in a terminal has no kernel."""
    shell_of = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return getattr(shell_of() if shell_of is not None else None, "kernel", None) is not None


def is_terminal(stream: Any) -> bool:  # noqa: ANN401 - whatever stands for a standard stream, None in programs without a console
    """Tell whether a stream leads to a terminal, and nobody else draws on that.

    Some editors' shells say that they are one and are none, and have no descriptor. Where the user shows a progress bar
    of rich, that has put a stand-in in the stream's place, which takes what is drawn through it for lines of text.
    """
    if type(stream).__module__ == "rich.file_proxy":
        return False
    try:
        return bool(stream.isatty()) and os.isatty(stream.fileno())
    except (AttributeError, OSError, ValueError):
        return False


def moves_cursor() -> bool:
    """Tell whether a line on this terminal can be drawn over; consoles of old Windows and ``TERM=dumb`` print only."""
    if os.name == "nt":
        return bool({"WT_SESSION", "ANSICON", "TERM_PROGRAM"} & os.environ.keys())
    return os.environ.get("TERM", "") not in {"dumb", "unknown"}


def shows_colour() -> bool:
    """Tell whether colour is wanted (https://no-color.org)."""
    return not os.environ.get("NO_COLOR")


def speaks_unicode(stream: Any) -> bool:  # noqa: ANN401 - see is_terminal
    """Tell whether a stream can write the characters that a bar is made of."""
    try:
        "━─–…".encode(stream.encoding or "ascii")
    except (AttributeError, LookupError, UnicodeError):
        return False
    return True
