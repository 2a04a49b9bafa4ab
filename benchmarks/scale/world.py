"""What a simulated cluster is like: how long items take, who is slow, who dies, what a message costs."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from poolwise.model.units import Seconds


@dataclass(frozen=True, kw_only=True)
class World:
    """A cluster and the work that it is given."""

    item_s: Seconds = 0.01
    """An item's mean on a healthy worker ..."""
    spread: float = 1.0
    """... and its standard deviation, as a part of the mean; items are lognormal."""
    round_trip_s: Seconds = 0.001
    """From the parent to a worker and back."""
    start_s: Seconds = 1.0
    restart_s: Seconds = 10.0
    """What a worker takes to be there that comes in the place of one that was lost."""
    slow_share: float = 0.0
    """This part of the workers is ``slow_times`` as slow as the others, from its start to its end."""
    slow_times: float = 10.0
    deaths_per_hour: float = 0.0
    """Of one worker that is at work."""
    node_losses: tuple[tuple[Seconds, int], ...] = ()
    """At these times so many workers go at once."""
    detect_s: Seconds = 1.0
    """Until the parent hears of a death."""
    hangs_per_hour: float = 0.0
    """Of one worker that is at work: it does not answer any more ..."""
    silence_s: Seconds = 60.0
    """... and is given up when it has not brought its chunk for so long."""
    cuts: bool = False
    """A worker hears between two items that what it has not begun of its chunk is wanted back."""
    shipping_s: Seconds = 0.0
    """What the backend takes of the parent for a chunk: to pack it, to send it, to unpack what comes back."""
    message_s: Seconds | None = None
    """What the scheduler and the driver take for a message, in and out; None: what they really take, measured."""

    def duration(self, count: int, rng: random.Random) -> Seconds:
        """Draw what ``count`` items take together on a healthy worker.

        A sum of lognormals is taken as the lognormal of the same mean and variance (Fenton, IRE Transactions on
        Communications Systems CS-8, 1960): exact for one item, and for many as good as normal.
        """
        if not count:
            return 0.0
        variance = math.log1p(self.spread**2 / count)
        return self.item_s * count * math.exp(math.sqrt(variance) * rng.gauss(0.0, 1.0) - variance / 2)

    def speed(self, workers: int) -> float:
        """Say how many healthy workers so many are worth."""
        slow = round(workers * self.slow_share)
        return workers - slow + slow / self.slow_times
