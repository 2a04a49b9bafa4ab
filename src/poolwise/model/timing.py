"""What ``poolwise.timer`` tells of a stretch of a program: its figures, and what kind of work that was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from poolwise.model.classes import frozen
from poolwise.model.plain import as_dict, from_plain
from poolwise.model.prose import pretty, say, say_html
from poolwise.model.units import Bytes, Seconds
from poolwise.model.usage import Usage

Kind = Literal["short", "waited", "mixed", "python", "native", "one_core", "threads", "processes"]
Gain = Literal["longer", "overlap", "threads", "processes", "parallel", "more", "all_cores", "one_core_only"]
Hindrance = Literal["throttled", "stolen", "queued"]


@frozen(kw_only=True)
class Verdict:
    """What kind of work it was, and whether and how it would gain."""

    kind: Kind
    """"short": too short to say; "waited"; "mixed": waited and computed; "python": computed on one core with the GIL
    held; "native": on one core, the GIL let go; "one_core": the GIL is not known; "threads": on several cores in this
    process; "processes": mostly in other processes."""
    gain: Gain
    """What would make it faster: "longer": measure more; "overlap": wait for many at once; "threads", "processes", or
    either ("parallel"); "more" workers; nothing, as it uses "all_cores", or as there is "one_core_only"."""
    factor: float | None = None
    """So many times faster at most, on this machine, if all of it can be done at once; None: not known."""
    hindrance: Hindrance | None = None
    """What kept it from its cores: the quota of its cgroup, the host of a virtual machine, other programs."""


@frozen(kw_only=True)
class Timing:
    """What a stretch of a program has cost, children included."""

    label: str
    usage: Usage
    gil_share: float | None
    """Share of the time for which the GIL of this process was held, 0 to 1, from looks at it; None: not known."""
    queued_s: Seconds
    """Seconds for which the work was ready and had no core: those of its thread, or where most of it was done in other
    processes, of all their threads; 0 where the system does not tell."""
    cores_usable: int
    verdict: Verdict
    failed: str | None = None
    """The type of the exception that ended it."""
    within: tuple[Timing, ...] = ()
    """The timings inside of it, in the order in which they ended."""

    @property
    def wall_s(self) -> Seconds:
        """Seconds on the clock."""
        return self.usage.wall_s

    @property
    def cpu_s(self) -> Seconds:
        """CPU seconds of this process and of its descendants."""
        return self.usage.cpu_s

    @property
    def cores(self) -> float:
        """Cores in use on average."""
        return self.usage.cores

    @property
    def waiting_share(self) -> float:
        """Share of the time, 0 to 1, in which not even one core computed and none was waited for."""
        if self.wall_s <= 0:
            return 0.0
        return max(0.0, 1 - (self.cpu_s + self.queued_s) / self.wall_s)

    @property
    def peak_bytes(self) -> Bytes | None:
        """The most memory that this process and its descendants were seen to have together."""
        return self.usage.peak_bytes

    _repr_pretty_ = pretty

    def __str__(self) -> str:
        """Say the figures in a line, and in another what kind of work it was."""
        return say(self)

    def _repr_html_(self) -> str:
        """Show it in a notebook."""
        return say_html(self)

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data that JSON can carry; see ``model.plain``."""
        return as_dict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Timing:
        """Read what ``to_dict`` wrote; raises InputError where it is of another form or version."""
        return from_plain(cls, data)
