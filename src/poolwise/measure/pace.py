"""How the first items get on while they run: do they wait or compute, seen from another thread.

The CPU clock of a thread can be read from outside (``pthread_getcpuclockid``, POSIX), so that an item need not have
ended to tell what it does.
"""

from __future__ import annotations

import threading
import time
from collections import deque

from poolwise.measure.debugger import debugger_in
from poolwise.measure.locks import waits_alone
from poolwise.model.classes import frozen
from poolwise.model.pace import Pace
from poolwise.model.units import Seconds
from poolwise.work.proc import queued_s, read_proc

# What the work has done for so long says what it does now.
WINDOW_S: Seconds = 0.001
# So much may be lost to the clocks themselves.
DOUBTFUL_S: Seconds = 0.0002
# Who was busy for less than this share of the last moment is asked whether he sleeps, or is in the queue for a core:
# the system counts that only once it is over.
ASLEEP_BELOW = 0.5


class Runner:
    """The clocks of a thread, which any other thread can read."""

    def __init__(self, ident: int, native_id: int) -> None:
        """Read the thread with these numbers, Python's and the system's; OSError where that cannot be."""
        if not hasattr(time, "pthread_getcpuclockid"):
            raise OSError("this system has no clocks of other threads")
        self._clock = time.pthread_getcpuclockid(ident)
        self._ident = ident
        self._native_id = native_id
        self._files = f"/proc/self/task/{native_id}/"

    def is_here(self) -> bool:
        """Tell whether this is the thread that calls now: a generator can be resumed by another."""
        return threading.get_native_id() == self._native_id

    def cpu_s(self) -> Seconds:
        """Give its CPU time."""
        return time.clock_gettime(self._clock)

    def queued_s(self) -> Seconds:
        """Give the seconds for which it was ready to run and waited for a core (Linux tells; elsewhere 0)."""
        return queued_s(f"{self._files}schedstat")

    def debugger(self) -> str | None:
        """Name the debugger that has stopped in it; None: there is none."""
        return debugger_in(self._ident)

    def waits_alone(self) -> bool:
        """Tell whether it waits for the clock or a program of its own (Linux tells; elsewhere: no)."""
        return waits_alone(self._native_id)

    def is_asleep(self) -> bool:
        """Tell whether it waits for something else than a core (Linux tells; elsewhere it is believed to)."""
        try:
            # The name in parentheses may hold anything (proc_pid_stat(5)).
            return read_proc(f"{self._files}stat").rpartition(b")")[2].split()[0] != b"R"
        except (OSError, IndexError):
            return True


class Pacer:
    """Takes the time and the CPU time of whoever runs the first items, as often as it is asked."""

    def __init__(self, runner: Runner) -> None:
        """Read the clocks of ``runner``."""
        self._runner = runner
        # One value, since another thread reads it: what has gone by, and since when items run again.
        self._so_far: tuple[_Reading, _Reading | None] = _Reading(), None
        self._queued_before_s = runner.queued_s()
        self._queued_s: Seconds = 0.0
        self._alone = True
        self._looker: int | None = None
        self._looking_s: Seconds = 0.0
        self._looked_until_s: Seconds = 0.0
        self._marks: deque[_Reading] = deque([_Reading()], maxlen=64)

    def go(self) -> None:
        """Items run from now on."""
        self._so_far = self._so_far[0], self._now()

    def stop(self) -> None:
        """None run any more."""
        self._so_far = self._read(), None

    def is_here(self) -> bool:
        """Tell whether the calling thread is the one whose clocks are read."""
        return self._runner.is_here()

    def waits_alone(self) -> bool:
        """Tell whether nobody else is what the work waits for, at this very moment."""
        return self._runner.waits_alone()

    def debugger(self) -> str | None:
        """Name the debugger that has stopped in the thread that runs the items."""
        return self._runner.debugger()

    def crowd(self) -> None:
        """Others compute in this process from now on, we among them when we start these: its clock tells no more."""
        self._alone = False

    def look(self) -> Pace:
        """Say how it goes. Time in the queue for a core counts as computing: it is not what the work waits for."""
        read, own_s = self._read(), self._own_s()
        if read.wall_s - read.cpu_s - self._queued_s > DOUBTFUL_S:
            # Asking takes 20 microseconds, and is only needed where something else than computing goes on.
            self._queued_s = self._runner.queued_s() - self._queued_before_s
        used_s, marks = read.cpu_s + self._queued_s, self._marks
        while len(marks) > 1 and read.wall_s - marks[1].wall_s >= WINDOW_S:
            marks.popleft()
        then = marks[0]
        marks.append(_Reading(read.wall_s, used_s, read.process_s - own_s))
        # What threads inside the function compute while it waits for them is the function's computing.
        recent_used_s = used_s - then.cpu_s
        if self._alone:
            recent_used_s = max(recent_used_s, read.process_s - own_s - then.process_s)
        return Pace(
            wall_s=read.wall_s,
            busy_s=used_s,
            recent_s=read.wall_s - then.wall_s,
            recent_busy_s=recent_used_s,
            cpu_s=read.cpu_s,
            process_cpu_s=read.process_s - own_s,
            asleep=self._runner.is_asleep() if recent_used_s < ASLEEP_BELOW * (read.wall_s - then.wall_s) else False,
        )

    def _own_s(self) -> Seconds:
        """Give what those have computed who looked, from one look to the next: of a millisecond, it is a good part."""
        looker, until_s = threading.get_ident(), time.thread_time()
        if looker == self._looker:
            self._looking_s += until_s - self._looked_until_s
        self._looker, self._looked_until_s = looker, until_s
        return self._looking_s

    def _now(self) -> _Reading:
        return _Reading(time.perf_counter(), self._runner.cpu_s(), time.process_time())

    def _read(self) -> _Reading:
        gone, since = self._so_far
        if since is None:
            return gone
        now = self._now()
        return _Reading(
            gone.wall_s + now.wall_s - since.wall_s,
            gone.cpu_s + now.cpu_s - since.cpu_s,
            gone.process_s + now.process_s - since.process_s,
        )


@frozen
class _Reading:
    """What three clocks show."""

    wall_s: Seconds = 0.0
    cpu_s: Seconds = 0.0
    process_s: Seconds = 0.0
