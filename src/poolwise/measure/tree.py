"""A process and all its descendants, as the system tells of them: the one place that knows how each system does.

Linux: the files of ``/proc``, read by ourselves, a tenth of a millisecond for a handful of processes. Elsewhere psutil.
``Tree`` keeps the books from look to look, so that the CPU of a process that ends between two looks is not counted
twice, and not lost where nobody waits for it. It runs in the process that is measured, or beside it (``watching.py``).
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from poolwise.model.units import Bytes, Seconds
from poolwise.work.cgroup import read_text, whole
from poolwise.work.proc import process_cpu_s, queued_s

PROC = "/proc"
IS_LINUX = sys.platform == "linux"
# ``/proc`` counts what was waited for in steps of 10 ms, computing and system calls apart, rounded down.
STEP_S: Seconds = 0.02
PAGE: Bytes = 4096 if sys.platform == "win32" else os.sysconf("SC_PAGE_SIZE")
TICKS = 100 if sys.platform == "win32" else os.sysconf("SC_CLK_TCK")


class Member(NamedTuple):
    """A process at the moment of a look."""

    pid: int
    parent: int
    begun: float
    """When it began, in the system's own count: with ``pid`` it names a process for good."""
    cpu_s: Seconds
    reaped_s: Seconds
    """CPU of those of its descendants that have ended and were waited for."""
    queued_s: Seconds = 0.0
    """Time for which its threads were ready and had no core, where the system tells."""

    @property
    def total_s(self) -> Seconds:
        """What its parent is told of when it waits for it."""
        return self.cpu_s + self.reaped_s


class Books:
    """What the descendants of a process have used, from look to look.

    A process that ends takes its CPU time to who waits for it: the parent, or where that has ended too, the nearest
    ancestor. Where that one's books do not show it (nobody waits: SIGCHLD is ignored, or the parent was not ours), what
    was last seen of it is kept here as lost.
    """

    def __init__(self, root: int) -> None:
        """Know of nobody yet."""
        self._root = root
        self._members: dict[int, Member] = {}
        self.lost_s: Seconds = 0.0
        self._gone_queued_s: Seconds = 0.0

    @property
    def live_s(self) -> Seconds:
        """CPU of the descendants that live, and of those that they have waited for."""
        return sum(each.total_s for each in self._members.values() if each.pid != self._root)

    @property
    def queued_s(self) -> Seconds:
        """Time for which threads of any of them were ready and had no core, as far as it was seen."""
        return self._gone_queued_s + sum(each.queued_s for each in self._members.values())

    @property
    def pids(self) -> list[int]:
        """Who lived at the last look, the first of all included."""
        return [*self._members]

    def known(self) -> Iterable[Member]:
        """Give those who lived at the last look."""
        return self._members.values()

    def enter(self, members: Iterable[Member]) -> None:
        """Take down who lives now."""
        before, now = self._members, {each.pid: each for each in members}
        missing: defaultdict[int, list[Seconds]] = defaultdict(list)
        for gone in before.values():
            later = now.get(gone.pid)
            if later is not None and _same(gone, later):
                # Threads that have ended take their time in the queue with them.
                self._gone_queued_s += max(0.0, gone.queued_s - later.queued_s)
            else:
                self._gone_queued_s += gone.queued_s
                heir = self._heir(gone, now)
                if heir is None:
                    self.lost_s += gone.total_s if gone.pid != self._root else 0.0
                else:
                    missing[heir].append(gone.total_s)
        for heir, each in missing.items():
            short_s = sum(each) - (now[heir].reaped_s - before[heir].reaped_s)
            if short_s > STEP_S * (1 + len(each)):
                self.lost_s += short_s
        self._members = now

    def _heir(self, gone: Member, now: dict[int, Member]) -> int | None:
        """Find who should have been told of an ended process: its nearest ancestor that lives."""
        seen = {gone.pid}
        parent = self._members.get(gone.parent)
        while parent is not None and parent.pid not in seen:
            if _same(parent, now.get(parent.pid)):
                return parent.pid
            seen.add(parent.pid)
            parent = self._members.get(parent.parent)
        return None


def children_of(root: int) -> list[int]:
    """Give the children of a process that live now."""
    return [member.pid for member in _members(root, frozenset()).values() if member.parent == root]


class Tree:
    """A process and its descendants, looked at again and again."""

    def __init__(self, root: int, leave_out: Iterable[int] = ()) -> None:
        """Take the process ``root``; what is below those to leave out is left out too."""
        self.root = root
        self._leave_out = frozenset(leave_out)
        self.books = Books(root)

    def look(self) -> None:
        """See who lives and what they have used. Who was seen before stays, also when its parent has ended."""
        members = _members(self.root, self._leave_out)
        for each in self.books.known():
            if each.pid not in members and _same(each, again := _member(each.pid)):
                assert again is not None  # noqa: S101 - for mypy: nobody is the same as None
                members[each.pid] = again
        self.books.enter(members.values())

    def memory_bytes(self, *, with_root: bool = True) -> Bytes:
        """Sum the memory of those who were there at the last look."""
        return sum(_memory(pid) for pid in self.books.pids if with_root or pid != self.root)

    def switches(self) -> tuple[int, int]:
        """Sum the switches of the living descendants: voluntary, involuntary."""
        counts = [_switches(pid) for pid in self.books.pids if pid != self.root]
        return sum(each for each, _ in counts), sum(each for _, each in counts)


def begun(pid: int) -> float | None:
    """Say when a process began, in the system's own count; None where it is gone."""
    member = _member(pid)
    return None if member is None else member.begun


def _same(one: Member, other: Member | None) -> bool:
    return other is not None and (one.pid, one.begun) == (other.pid, other.begun)


def _members(root: int, leave_out: frozenset[int]) -> dict[int, Member]:
    found: dict[int, Member] = {}
    below = _all_below(root)
    to_see = [root]
    while to_see:
        pid = to_see.pop()
        if pid in found or pid in leave_out or (member := _member(pid)) is None:
            continue
        found[pid] = member
        to_see += _children(pid) if below is None else below[pid]
    return found


# --- How each system tells -------------------------------------------------------------------------------------------


def _all_below(root: int) -> defaultdict[int, list[int]] | None:
    """List the children of every process, where the system cannot tell those of one; None where it can."""
    if IS_LINUX and os.path.exists(f"{PROC}/{root}/task/{root}/children"):  # noqa: PTH110 - pathlib takes 4 ms
        return None
    below: defaultdict[int, list[int]] = defaultdict(list)
    if IS_LINUX:
        for pid in _numbers(PROC):
            if (member := _member(pid)) is not None:
                below[member.parent].append(pid)
        return below
    import psutil  # noqa: PLC0415 - Linux does without

    with contextlib.suppress(psutil.Error):
        for each in psutil.Process(root).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                below[each.ppid()].append(each.pid)
    return below


def _children(pid: int) -> list[int]:
    """List the children of a process (Linux): each of its threads has its own."""
    told = (read_text(f"{PROC}/{pid}/task/{thread}/children") for thread in _numbers(f"{PROC}/{pid}/task"))
    return [int(child) for each in told for child in each.split()]


def _member(pid: int) -> Member | None:
    """See a process; None where it is gone."""
    if not IS_LINUX:
        return _member_by_psutil(pid)
    # Behind the name, which stands in brackets and may hold anything: proc(5), from "state" on.
    fields = read_text(f"{PROC}/{pid}/stat").rpartition(")")[2].split()
    if len(fields) < 20:  # noqa: PLR2004 - up to "starttime"
        return None
    user, system, child_user, child_system = (int(each) / TICKS for each in fields[11:15])
    cpu_s, reaped_s = process_cpu_s(pid) or user + system, child_user + child_system
    return Member(pid, int(fields[1]), int(fields[19]), cpu_s, reaped_s, _queued_s(pid))


def _queued_s(pid: int) -> Seconds:
    return sum(queued_s(f"{PROC}/{pid}/task/{thread}/schedstat") for thread in _numbers(f"{PROC}/{pid}/task"))


def _member_by_psutil(pid: int) -> Member | None:
    import psutil  # noqa: PLC0415 - Linux does without

    try:
        process = psutil.Process(pid)
        with process.oneshot():
            times = process.cpu_times()
            parent, begun = process.ppid(), process.create_time()
    except psutil.Error:
        return None
    # Only some systems tell of those that were waited for.
    reaped_s = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return Member(pid, parent, begun, times.user + times.system, reaped_s)


def _memory(pid: int) -> Bytes:
    """Give the memory of a process, of shared pages its part where the system tells; 0 where it is gone."""
    if not IS_LINUX:
        import psutil  # noqa: PLC0415 - Linux does without

        try:
            return int(psutil.Process(pid).memory_info().rss)
        except psutil.Error:
            return 0
    _, _, rest = read_text(f"{PROC}/{pid}/smaps_rollup").partition("\nPss:")
    if rest:
        return int(rest.split(None, 1)[0]) * 1024
    pages = read_text(f"{PROC}/{pid}/statm").split()
    return int(pages[1]) * PAGE if len(pages) > 1 else 0


def _switches(pid: int) -> tuple[int, int]:
    """Give how often the threads of a process gave their core away, and lost it."""
    if not IS_LINUX:
        import psutil  # noqa: PLC0415 - Linux does without

        try:
            counts = psutil.Process(pid).num_ctx_switches()
        except (psutil.Error, NotImplementedError):
            return 0, 0
        return counts.voluntary, counts.involuntary
    voluntary = involuntary = 0
    for thread in _numbers(f"{PROC}/{pid}/task"):
        for line in read_text(f"{PROC}/{pid}/task/{thread}/status").splitlines()[-2:]:
            name, _, count = line.partition(":")
            voluntary += int(count) if name == "voluntary_ctxt_switches" else 0
            involuntary += int(count) if name == "nonvoluntary_ctxt_switches" else 0
    return voluntary, involuntary


def _numbers(folder: str) -> list[int]:
    with contextlib.suppress(OSError):
        names = os.listdir(folder)  # noqa: PTH208 - pathlib takes 4 ms
        return [number for name in names if (number := whole(name)) is not None]
    return []
