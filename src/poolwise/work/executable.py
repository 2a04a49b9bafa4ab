"""The Python that a fresh worker is started by."""

from __future__ import annotations

import os
import sys
from typing import Final

FROZEN: Final = (
    "this program is frozen (PyInstaller, cx_Freeze): its executable is the program itself, no Python, and to start it "
    "again would run the program again"
)


def python() -> str | None:
    """Give the interpreter; None where there is none: a frozen program would start itself, and so on without end.

    Whoever ships an interpreter with the program says so to ``multiprocessing.set_executable``.
    """
    spawn = sys.modules.get("multiprocessing.spawn")
    told = spawn.get_executable() if spawn is not None else None
    told = os.fsdecode(told) if told else None
    if is_frozen():
        return told if told != sys.executable else None
    return told or sys.executable or None


def is_frozen() -> bool:
    """Tell whether the program was made one with its interpreter."""
    return bool(getattr(sys, "frozen", False))
