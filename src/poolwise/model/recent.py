"""What the items that were finished lately say."""

from __future__ import annotations

from poolwise.model.classes import frozen
from poolwise.model.options import BackendName
from poolwise.model.units import Seconds


@frozen(kw_only=True)
class Recent:
    """Items that ran side by side in the last moment, on workers of one kind."""

    kind: BackendName
    seconds: Seconds
    """How long the moment was."""
    items: int
    wall_s: Seconds
    """What an item took, mean; what it waited for its turn (a core, the GIL) counts."""
    cpu_s: Seconds
    """What an item computed, mean."""
    typical_s: Seconds
    """What an item took, median."""
    wait_s: Seconds
    """What an item waits for the world, and not for its turn: as the kernel sees its thread; where it does not tell, at
    least: the least of all that is not computing."""
    line_s: Seconds = 0.0
    """What an item may wait besides: for a lock within, or for its turn, nobody can tell."""
    busy: float
    """Cores that the workers kept busy, those of this process together with all else in it."""

    locked: float = 0.0
    """Share of the workers at work that wait for a lock of this process; 0 where nobody tells."""

    @property
    def waiting(self) -> float:
        """Share of the items' time in which they did not compute, 0 to 1."""
        return min(1.0, max(0.0, 1 - self.cpu_s / self.wall_s)) if self.wall_s > 0 else 0.0

    @property
    def rate(self) -> float:
        """Items a second."""
        return self.items / self.seconds if self.seconds > 0 else 0.0
