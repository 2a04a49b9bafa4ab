"""``why`` and ``machine``: what would be done, and why, without doing it all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Unpack

from poolwise.api.keywords import Keywords
from poolwise.api.map import make_execution
from poolwise.measure.machine import find_machine
from poolwise.model.machine import Machine
from poolwise.model.report import Diagnosis


def why(function: Callable[..., object], /, *iterables: Iterable[object], **options: Unpack[Keywords]) -> Diagnosis:
    """Measure the first items and say how ``map`` would run them all, and why.

    >>> import poolwise
    >>> poolwise.why(abs, [-1, 2, -3]).plan.backend
    'loop'

    Arguments and options are those of ``poolwise.map``, and so is what it raises. ``print(poolwise.why(...))`` says in
    words what was found.

    The sample is run for real: what the function does, it does. Only the first items are run, for some 20 ms or one or
    two slow calls, and their results are dropped; an iterator is read that far and a little ahead. With a given
    ``backend`` nothing is run and nothing measured.
    """
    return make_execution("why", function, iterables, options).diagnose()


def machine() -> Machine:
    """Say what this process may use of the computer, now: cores, memory in bytes, the GIL, start methods.

    >>> import poolwise
    >>> poolwise.machine().cores >= 1
    True

    Cores are those that the affinity, the cgroup's quota and ``POOLWISE_MAX_CORES`` allow, whichever is least.
    """
    return find_machine()
