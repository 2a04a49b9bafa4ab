"""Whether somebody looks on with a debugger.

Only what stops a program counts: coverage, profilers and ``trace`` are tracers too, and are not meant.
"""

from __future__ import annotations

import sys
import time
from types import FrameType
from typing import Any, Final

from poolwise.model.units import Seconds

# pydevd is the debugger in VS Code (debugpy), PyCharm and Jupyter.
OF_AN_IDE: Final = ("pydevd", "_pydevd", "debugpy")
PDB: Final = ("pdb", "bdb")
# What the standard library's own debugger calls itself since Python 3.14.
NAMES: Final = {"bdbtracer": "pdb"}


# ``breakpoint()`` imports the debugger first, which reads some dozen files and takes up to 50 ms on a busy machine.
COMES_WITHIN_S: Seconds = 0.1


class Coming:
    """Whether a debugger may be about to stop the program: it is being imported, or was a moment ago."""

    def __init__(self) -> None:
        """Look whether it is there already."""
        self._known = any(name in sys.modules for name in PDB)
        self._since: Seconds | None = None

    def is_coming(self) -> bool:
        """Tell whether it came a moment ago; a library that merely imports it delays whoever asks by no more."""
        if self._known:
            return False
        if self._since is None and (any(name in sys.modules for name in PDB)):
            self._since = time.monotonic()
        self._known = self._since is not None and time.monotonic() - self._since > COMES_WITHIN_S
        return self._since is not None and not self._known


def debugger_here() -> str | None:
    """Name the debugger that follows the calling thread; None: there is none."""
    return _by_events() or _name(sys.gettrace())


def debugger_in(thread: int) -> str | None:
    """Name the debugger that has stopped in another thread, or steps through it."""
    if (found := _by_events()) is not None:
        return found
    frame: FrameType | None = sys._current_frames().get(thread)  # noqa: SLF001 - nothing else tells
    while frame is not None:
        if (found := _name(frame.f_trace)) is not None:
            return found
        # It reads its settings before it stops anybody.
        if frame.f_globals.get("__name__") in PDB:
            return "pdb"
        frame = frame.f_back
    return None


def _by_events() -> str | None:
    """Look for one that uses ``sys.monitoring`` (Python 3.12 and newer), which tells it of all threads."""
    monitoring: Any = getattr(sys, "monitoring", None)
    name: str | None = monitoring.get_tool(monitoring.DEBUGGER_ID) if monitoring is not None else None
    return NAMES.get(name, name) if name is not None else None


def _name(trace: Any) -> str | None:  # noqa: ANN401 - a trace function, whatever it is made of
    if trace is None:
        return None
    owner, bdb = getattr(trace, "__self__", None), sys.modules.get("bdb")
    if bdb is not None and isinstance(owner, bdb.Bdb):
        return type(owner).__module__.partition(".")[0]
    module = getattr(trace, "__module__", None) or type(owner if owner is not None else trace).__module__
    return "pydevd" if module.startswith(OF_AN_IDE) else None
