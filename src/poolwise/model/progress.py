"""How far a run is."""

from __future__ import annotations

from poolwise.model.classes import frozen
from poolwise.model.units import Seconds


@frozen
class Progress:
    """A moment of a run: what a ``progress`` function is called with, a few times a second."""

    done: int
    """Items that are finished, failed ones included."""
    total: int | None
    """Items in all; None while that is not known."""
    failed: int
    """Items that ended in a failure."""
    retried: int
    """Times that an item was tried again."""
    workers: int
    """Workers that have something to do."""
    elapsed_s: Seconds
    """Seconds since the run began."""
    finished: bool
    """True in the last call of a run."""
