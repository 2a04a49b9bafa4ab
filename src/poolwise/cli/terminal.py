"""Words for people, on standard error."""

from __future__ import annotations

import contextlib
import sys


def tell(text: str) -> None:
    """Write ``text`` to standard error; where that is closed, nobody wants to know."""
    if sys.stderr is None:
        return
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def tell_error(text: str) -> None:
    """Say what went wrong, in the form that every command of ours uses."""
    tell(f"poolwise: error: {text}")
