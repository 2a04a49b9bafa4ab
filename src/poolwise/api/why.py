"""``why`` and ``machine``: what would be done, and why, without doing it all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from poolwise.api.map import make_execution
from poolwise.model.machine import Machine
from poolwise.model.report import Diagnosis


def why(function: Callable[..., Any], *iterables: Iterable[Any], **options: Any) -> Diagnosis:
    """Measure the first items and say how ``map`` would run them all, and why.

    The sample is run for real: what the function does, it does. A few items are run, for some 20 ms or one slow item;
    an iterator is read that far.
    """
    execution = make_execution("why", function, iterables, options)
    return execution.diagnose()


def machine() -> Machine:
    """Say what this process may use of the computer: cores, memory, the GIL."""
    from poolwise.measure.machine import find_machine  # noqa: PLC0415 - needs psutil, which takes 10 ms to import

    return find_machine()
