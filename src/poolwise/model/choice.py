"""What a pool that chooses has found out about a function, and which of its workers it gives it to."""

from __future__ import annotations

from typing import Literal

from poolwise.model.classes import frozen
from poolwise.model.plan import Reason
from poolwise.model.profile import Profile
from poolwise.model.prose import pretty, say
from poolwise.model.units import Seconds


@frozen(kw_only=True)
class Choice:
    """Which workers of a ``Pool("auto")`` a function's tasks go to, and why; ``print(choice)`` says it in words."""

    function: str
    backend: Literal["threads", "processes"]
    profile: Profile
    """What was measured of one task, which ran on a thread."""
    reasons: tuple[Reason, ...] = ()
    threads_s: Seconds
    """Seconds for a task, by estimate, where many are there and threads take them."""
    processes_s: Seconds | None
    """Likewise, processes; None: it cannot run there."""

    def __str__(self) -> str:
        """Say it in words."""
        return say(self)

    _repr_pretty_ = pretty
