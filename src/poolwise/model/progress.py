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
    """Items in all, known or, with the option ``total``, announced; None while neither is so."""
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
    desc: str = ""
    """What the run is called: the option ``desc``, or the function's name."""
    rate: float | None = None
    """Items a second: in the last quarter of the run so far (or more, until there are four), in the end over all of it;
    None before the first."""
    left_low_s: Seconds | None = None
    """Seconds until the end, if what is left goes as well as the work has gone so far; None while nobody can tell."""
    left_high_s: Seconds | None = None
    """Seconds until the end, if it goes as badly."""
    recalled: int = 0
    """Items of those that are done which a journal knew from an earlier run."""
    resting: Seconds | None = None
    """Seconds that nothing more is sent, because a service fails and is given a rest; None: it is not."""
    trouble: str = ""
    """How it fails, while the run rests: ``HTTP 503``."""
