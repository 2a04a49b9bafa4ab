"""What a stretch of time cost: the clocks and counters of this process, its descendants and the machine.

CPU of the descendants is what the system has booked to this process for those that it waited for, and what those that
live have used so far. Who is waited for moves from the second sum to the first, so that nothing counts twice
(``tree.Books`` tells of the exceptions).
"""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import NamedTuple, Self

from poolwise.measure.tree import IS_LINUX, TICKS, Tree
from poolwise.measure.watcher import Seen, Watcher
from poolwise.model.units import Bytes, Seconds
from poolwise.model.usage import Usage
from poolwise.work import cgroup

if sys.platform != "win32":
    import resource

# While the one looks another thread may wait for a child; then it is looked again.
MOST_LOOKS = 3
PROC_STAT = "/proc/stat"


class _Clocks(NamedTuple):
    """What the system has booked to this process."""

    own_s: Seconds
    reaped_s: Seconds
    voluntary: int | None
    involuntary: int | None
    peak_bytes: Bytes
    """The most memory that this process ever had."""

    @classmethod
    def read(cls) -> _Clocks:
        if sys.platform == "win32":
            times = os.times()
            return cls(times.user + times.system, times.children_user + times.children_system, None, None, 0)
        own, reaped = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        return cls(
            own.ru_utime + own.ru_stime,
            reaped.ru_utime + reaped.ru_stime,
            own.ru_nvcsw + reaped.ru_nvcsw,
            own.ru_nivcsw + reaped.ru_nivcsw,
            own.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        )


class _Surroundings(NamedTuple):
    """What the system tells of the whole machine, and of our group."""

    busy_s: Seconds | None
    stolen_s: Seconds | None
    throttled_s: Seconds | None

    @classmethod
    def read(cls) -> _Surroundings:
        return cls(*_machine(), _throttled())


class UsageClock:
    """Measures from ``with`` on; ``usage()`` may be read meanwhile, and gives the whole afterwards.

    ``watch`` tells of the memory, and sees descendants that end without being waited for; without it, who lives at the
    beginning and the end is seen from here.
    """

    def __init__(self, *, watch: Watcher | None = None) -> None:
        """Measure nothing yet."""
        self._watch = watch if watch is not None and watch.is_here else None
        self._tree = Tree(
            os.getpid(), [*watch.leave_out, *([watch.pid] if watch.pid is not None else [])] if watch else []
        )
        self._stretch = 0
        self._final: Usage | None = None
        self._away = (0.0, 0.0, 0.0)
        self._left: tuple[Seconds, Seconds, Seconds] | None = None

    def __enter__(self) -> Self:
        """Begin."""
        self._final, self._left, self._away = None, None, (0.0, 0.0, 0.0)
        self._around = _Surroundings.read()
        if self._watch is not None:
            self._stretch = self._watch.new_stretch()
        self._clocks, self._seen = self._look("begin")
        self._begun = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        self._final = self._usage("end")

    def pause(self) -> None:
        """Count nothing from now on of this process; what its descendants that live go on with is counted.

        Two clocks are read, 2 µs, so that a generator can be measured without who takes what it gives.
        """
        self._left = _own_and_wall()

    def resume(self) -> None:
        """Count again."""
        if self._left is not None:
            now = _own_and_wall()
            away = [each + later - earlier for each, later, earlier in zip(self._away, now, self._left, strict=True)]
            self._away = (away[0], away[1], away[2])
            self._left = None

    @property
    def has_paused(self) -> bool:
        """Whether there was a pause."""
        return self._left is not None or self._away != (0.0, 0.0, 0.0)

    def usage(self) -> Usage:
        """Give what the stretch has cost: up to now while it lasts, else in all."""
        return self._final if self._final is not None else self._usage("look")

    def _usage(self, verb: str) -> Usage:
        # First of all, so that the looking does not count.
        now_s, own_s, _ = _own_and_wall() if self._left is None else self._left
        away_s, own_away_s, reaped_away_s = self._away
        wall_s = now_s - self._begun - away_s
        own_s -= self._clocks.own_s + own_away_s
        clocks, seen = self._look(verb)
        around = _Surroundings.read()
        reaped_s = clocks.reaped_s - self._clocks.reaped_s - reaped_away_s
        live_s = seen.live_s + seen.lost_s - self._seen.live_s - self._seen.lost_s
        children_s = max(0.0, reaped_s + live_s)
        busy_s = _less(around.busy_s, self._around.busy_s)
        return Usage(
            wall_s=wall_s,
            cpu_own_s=own_s,
            cpu_children_s=children_s,
            peak_bytes=self._peak(clocks, seen) if self._watch is not None else None,
            switches_voluntary=_switches(
                clocks.voluntary, seen.voluntary, self._clocks.voluntary, self._seen.voluntary
            ),
            switches_involuntary=_switches(
                clocks.involuntary, seen.involuntary, self._clocks.involuntary, self._seen.involuntary
            ),
            queued_s=max(0.0, seen.queued_s - self._seen.queued_s) if IS_LINUX else None,
            stolen_s=_less(around.stolen_s, self._around.stolen_s),
            throttled_s=_less(around.throttled_s, self._around.throttled_s),
            others_s=max(0.0, busy_s - own_s - children_s) if busy_s is not None else None,
        )

    def _look(self, verb: str) -> tuple[_Clocks, Seen]:
        """Read the books of this process and look at who lives, with nobody going from the one to the other between."""
        peak, looks = 0, 0
        while True:
            reaped_s = _Clocks.read().reaped_s
            seen = self._seen_now(verb)
            clocks = _Clocks.read()
            peak, looks, verb = max(peak, seen.peak_bytes), looks + 1, "look"
            if reaped_s == clocks.reaped_s or looks == MOST_LOOKS:
                return clocks, seen._replace(peak_bytes=peak)

    def _seen_now(self, verb: str) -> Seen:
        if self._watch is not None:
            seen = self._watch.ask(verb, self._stretch)
            if seen is not None:
                return seen
            # It was ended by somebody.
            self._watch = None
        self._tree.look()
        books = self._tree.books
        return Seen(books.live_s, books.lost_s, books.queued_s, 0, *self._tree.switches())

    def _peak(self, clocks: _Clocks, seen: Seen) -> Bytes:
        """Give the highest that was seen, or what this process alone had between two looks, where that is more."""
        own = clocks.peak_bytes if clocks.peak_bytes > self._clocks.peak_bytes else 0
        return max(seen.peak_bytes, own if self._watch is not None and self._watch.with_root else 0)


def _own_and_wall() -> tuple[Seconds, Seconds, Seconds]:
    """Give the time, the CPU of this process and that of those it has waited for."""
    now_s, clocks = time.perf_counter(), _Clocks.read()
    return now_s, clocks.own_s, clocks.reaped_s


def _not_ours(watch: Watcher | None) -> list[int]:
    if watch is None:
        return []
    return [*watch.leave_out, *([watch.pid] if watch.pid is not None else [])]


def _less(later: float | None, earlier: float | None) -> float | None:
    return None if later is None or earlier is None else max(0.0, later - earlier)


def _switches(own: int | None, live: int, own_before: int | None, live_before: int) -> int | None:
    return None if own is None or own_before is None else max(0, own + live - own_before - live_before)


def _machine() -> tuple[Seconds | None, Seconds | None]:
    """Give the CPU seconds of all programs, and those that went to others than this virtual machine."""
    # user nice system idle iowait irq softirq steal ...: proc(5)
    ticks = [*map(int, cgroup.read_text(PROC_STAT).partition("\n")[0].split()[1:9])]
    if len(ticks) == 8:  # noqa: PLR2004 - see above
        user, nice, system, _, _, irq, softirq, steal = (each / TICKS for each in ticks)
        return user + nice + system + irq + softirq, steal
    if sys.platform == "linux":
        return None, None
    import psutil  # noqa: PLC0415 - Linux does without

    times = psutil.cpu_times()
    return times.user + times.system, None


def _throttled() -> Seconds | None:
    """Give the time for which the quota of our group, or of one around it, has stopped us; None without a quota."""
    found = []
    for group in cgroup.groups("cpu", cgroup.membership()):
        for line in group.read("cpu.stat").splitlines():
            name, _, value = line.partition(" ")
            if name in ("throttled_usec", "throttled_time"):
                found.append(int(value) / (1e6 if name == "throttled_usec" else 1e9))
    return max(found, default=None)
