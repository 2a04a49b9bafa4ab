"""Free-threaded builds of Python (PEP 703): whether the GIL is off, and if it is on, what has turned it on.

Such a build turns its GIL on, for the rest of the process, when it imports an extension module that does not declare
that it can do without (the slot ``Py_mod_gil``), and warns of that once. From then on threads take turns. The warning
names the module, and nothing else does: so it is looked for among those that the import system has given. Where it was
ignored or shown each time, it is not kept, and the module is not known.

While any extension module is being loaded, the GIL is on for some moments. What is on for longer stays on.
"""

from __future__ import annotations

import os
import sys
import time

from poolwise.model.units import Seconds

FREE_THREADED = "free-threading" in sys.version
"""This build can run without a GIL; so the documentation of CPython says how to tell."""
# The words of CPython's import system (Python/import.c) on both sides of the module's name.
WARNING = "The global interpreter lock (GIL) has been enabled to load module '"
WARNING_ENDS = "', which has not declared"
ASKED_FOR = "PYTHON_GIL"
"""Stands for the environment variable, and for ``-X gil``."""
# The GIL is on for some 0.1 ms while a module is loaded that can do without, and for as long as it waits for a core.
MOMENT_S: Seconds = 0.005
NAP_S: Seconds = 0.0005

_known: str | None = None
"""What has turned it on, for good."""


def gil_enabled() -> bool:
    """Tell whether this interpreter runs with its GIL, at this moment."""
    is_enabled = getattr(sys, "_is_gil_enabled", None)
    return True if is_enabled is None else bool(is_enabled())


def gil_turned_on_by() -> str | None:
    """Say what has turned the GIL of a free-threaded build on; None where it is off, or where it cannot be.

    The name of an extension module; ``PYTHON_GIL``, where the user has asked for it; "" where it is not known.
    """
    global _known  # noqa: PLW0603 - what is on stays on, for the process
    if not FREE_THREADED or not gil_enabled():
        return None
    if _known is None:
        found = ASKED_FOR if _asked_for() else _warned_of()
        _known = found if found or _stays_on() else None
    return _known


def gil_stays() -> bool:
    """Tell whether there is a GIL, and it is not on for some moments only."""
    return gil_turned_on_by() is not None if FREE_THREADED else gil_enabled()


def _asked_for() -> bool:
    asked = sys._xoptions.get("gil")  # noqa: SLF001 - documented, for this use
    if asked is None and not sys.flags.ignore_environment:
        asked = os.environ.get("PYTHON_GIL")
    return asked == "1"


def _warned_of() -> str:
    """Find the module in the warning, which CPython keeps with the module that has given it: its import system."""
    kept = getattr(sys.modules.get("_frozen_importlib"), "__warningregistry__", {})
    for key in [*kept]:
        text = key[0] if isinstance(key, tuple) else ""
        if isinstance(text, str) and text.startswith(WARNING):
            return text.removeprefix(WARNING).partition(WARNING_ENDS)[0]
    return ""


def _stays_on() -> bool:
    """Tell it from a GIL that is on while somebody loads a module."""
    until = time.monotonic() + MOMENT_S
    while time.monotonic() < until:
        if not gil_enabled():
            return False
        time.sleep(NAP_S)
    return gil_enabled()
