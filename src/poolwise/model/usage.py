"""What a stretch of time cost: this process and all its descendants, those that still live included."""

from __future__ import annotations

from poolwise.model.classes import frozen
from poolwise.model.units import Bytes, Seconds


@frozen(kw_only=True)
class Usage:
    """Clocks and counters over a stretch of time. None: the system does not tell, or nobody looked."""

    wall_s: Seconds
    cpu_own_s: Seconds
    """CPU of this process, all its threads."""
    cpu_children_s: Seconds
    """CPU of its descendants: those that were waited for, those that still live, and theirs."""
    peak_bytes: Bytes | None = None
    """The highest sum of memory over the processes that was seen. Shared pages count once where the system tells of
    shares (Linux), else for each process that has them."""
    switches_involuntary: int | None = None
    """How often a thread lost its core although it could have gone on; descendants included."""
    switches_voluntary: int | None = None
    """How often a thread gave its core away, to wait; descendants included."""
    queued_s: Seconds | None = None
    """Time for which threads were ready and had no core, summed over the threads; descendants included, as far as they
    were seen. What makes a program slow that has more workers than cores, or busy neighbours."""
    stolen_s: Seconds | None = None
    """CPU time that the host of this virtual machine gave to others, over all cores (steps of 10 ms)."""
    throttled_s: Seconds | None = None
    """Time for which the quota of the cgroup kept us from running, summed over the cores."""
    others_s: Seconds | None = None
    """CPU seconds of other programs of this machine meanwhile (steps of 10 ms)."""

    @property
    def cpu_s(self) -> Seconds:
        """CPU of this process and of its descendants."""
        return self.cpu_own_s + self.cpu_children_s

    @property
    def cores(self) -> float:
        """Cores in use on average."""
        return self.cpu_s / self.wall_s if self.wall_s > 0 else 0.0
