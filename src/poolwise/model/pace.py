"""How the first items get on while they run."""

from __future__ import annotations

from poolwise.model.classes import frozen
from poolwise.model.units import Seconds


@frozen(kw_only=True)
class Pace:
    """What has been seen so far, and in the last moment."""

    wall_s: Seconds
    """For how long items have run."""
    busy_s: Seconds
    """For how long of this they have computed, or had to wait for a core ..."""
    recent_s: Seconds
    """The last moment: how long it was ..."""
    recent_busy_s: Seconds
    """... and for how long of it they were busy."""
    cpu_s: Seconds
    """What they have computed in all."""
    process_cpu_s: Seconds
    """What the whole process has computed meanwhile."""

    @property
    def waited_s(self) -> Seconds:
        """For how long nothing was computed, nor wanted to be."""
        return max(0.0, self.wall_s - self.busy_s)

    asleep: bool
    """Whoever runs them waits now, and not for a core."""

    @property
    def inner(self) -> float:
        """CPU of the process for each second of the runner's: more than 1 where the function has threads inside."""
        return max(1.0, self.process_cpu_s / self.cpu_s) if self.cpu_s > 0 else 1.0

    @property
    def waits(self) -> float:
        """Share of the last moment in which nothing was computed, 0 to 1."""
        return min(1.0, max(0.0, 1 - self.recent_busy_s / self.recent_s)) if self.recent_s > 0 else 0.0
