"""A task that is measured while it runs in one of several threads: what it computes, waits for and needs of the GIL.

Other threads of the process compute meanwhile, and the task may stand still for a core or for the GIL that one of them
has. That is no waiting of its own: it would take less time alone. So what they have computed is taken off its time, as
what the system tells of the queue for a core is; the rest of it, beyond its own CPU, is waiting.
"""

from __future__ import annotations

import _thread
import time
from typing import Any

from poolwise.measure.cpu import ThreadClock
from poolwise.measure.gil_meter import GilMeter
from poolwise.measure.payload import measure_payload
from poolwise.model.classes import replace
from poolwise.model.profile import Payload, Profile
from poolwise.model.units import Seconds
from poolwise.work.proc import queued_s

# Where more of the time than this went to others, looks at the GIL tell of them, or of the queue for a core.
DISTURBED = 0.25
# And there, what computes for so much of the rest is taken to do nothing else: not all that holds it up can be seen
# (the host of a virtual machine, the quota of a cgroup).
COMPUTES = 1 / 3

# One thread looks for all tasks that are measured at a time.
_meter = GilMeter()


class TrialWatch:
    """Measures one task from its making on, which is in the task's thread; ``so_far`` may be asked by any other."""

    def __init__(self) -> None:
        """Begin."""
        _meter.enter()
        self._schedstat = f"/proc/self/task/{_thread.get_native_id()}/schedstat"
        self._thread = ThreadClock()
        self._gil, self._queued_s = _meter.reading(), queued_s(self._schedstat)
        self._process_s, self._own_s = time.process_time(), time.thread_time()
        self._held_of_cpu: float | None = None
        """Share of its computing for which it held the GIL, as it was seen last while nobody disturbed."""
        self._begun = time.perf_counter()

    def age_s(self) -> Seconds:
        """Say how long it has run."""
        return time.perf_counter() - self._begun

    def so_far(self) -> Profile | None:
        """Give what is known while it runs; None where the system does not tell it of another thread."""
        cpu_s = self._thread.cpu_s()
        return None if cpu_s is None else self._profile(cpu_s - self._own_s)

    def end(self) -> Profile:
        """Give what it was, in its own thread."""
        try:
            return self._profile(time.thread_time() - self._own_s)
        finally:
            _meter.leave()

    def _profile(self, cpu_s: Seconds) -> Profile:
        wall_s = self.age_s()
        others_s = max(0.0, time.process_time() - self._process_s - cpu_s)
        late_s = others_s + max(0.0, queued_s(self._schedstat) - self._queued_s)
        alone_s = max(cpu_s, wall_s - late_s, 1e-9)
        share = _meter.reading().share_since(self._gil, wall_s)
        if late_s > DISTURBED * wall_s:
            alone_s = cpu_s if cpu_s >= COMPUTES * alone_s else alone_s
        elif share is not None:
            self._held_of_cpu = min(1.0, share * wall_s / max(cpu_s, 1e-9))
        held = self._held_of_cpu
        return Profile(
            items=1,
            wall_s=alone_s,
            first_s=alone_s,
            spread=0.0,
            thread_cpu_s=cpu_s,
            process_cpu_s=cpu_s,
            gil_held=None if held is None else held * cpu_s / alone_s,
        )


def with_payloads(profile: Profile, arguments: Any, result: Any) -> Profile:  # noqa: ANN401 - whatever was called
    """Add what it costs to ship the arguments and the result of the task."""
    return replace(profile, argument=_measure(arguments), result=_measure(result))


def _measure(thing: Any) -> Payload:  # noqa: ANN401 - see above
    try:
        return measure_payload(thing)
    except SystemExit as error:
        # From somebody's __reduce__; the task has its result all the same.
        return Payload(0, 0.0, f"pickling it raises {error!r}")


def with_function(profile: Profile, problem: str | None) -> Profile:
    """Add that the function can travel, or why it cannot."""
    return replace(profile, function=Payload(0, 0.0, problem))
