"""Was it the kernel's OOM killer? Its counters say so: read when a pool starts, and again when a worker is killed.

The kernel counts a kill before it sends the signal: of the victim's control group in ``memory.events`` (version 2) or
``memory.oom_control`` (version 1), and of the whole machine in ``/proc/vmstat``. A counter that has gone up is used up
by the death that it explains, so that two workers that are killed together are both told right.
"""

from __future__ import annotations

from poolwise.model.classes import frozen
from poolwise.model.units import Bytes
from poolwise.work import cgroup

# Where each group's kills are counted: looked for once in a process, though every pool asks.
_counters: dict[tuple[str, str], str] = {}


@frozen
class OomFinding:
    """What the counters said at the death of a worker, compared with the start of its pool."""

    in_group: int | None = None
    """Kills in the worker's control group; None: not counted here."""
    on_machine: int | None = None
    """Kills on the whole machine, those of other containers too."""
    limit: Bytes | None = None
    """What the control group may have, by its own limit or an outer group's; None: no limit, or not known."""


class OomCounters:
    """The counters of one pool's workers."""

    def __init__(self, *, root: str = cgroup.ROOT, proc: str = cgroup.PROC) -> None:
        """Read what they say now; a worker starts in the groups of its parent."""
        self._root = root
        self._proc = proc
        self._own = cgroup.membership(proc=proc)
        self._moved: dict[int, str] = {}
        self._before: dict[str, int | None] = {}
        self._machine = f"{proc}/vmstat"
        for source in (_counter(self._own, root), self._machine):
            self._count(source)

    def note(self, pid: int) -> None:
        """Remember the groups of a worker that has come up: of the dead, version 1 does not tell them any more."""
        membership = cgroup.membership(pid, self._proc)
        if membership and membership != self._own:
            self._moved[pid] = membership
            self._count(_counter(membership, self._root))

    def find(self, pid: int) -> OomFinding:
        """Say what the counters tell of the death of a worker, and use it up."""
        membership = self._moved.pop(pid, self._own)
        source = _counter(membership, self._root)
        limit = _limit(membership, self._root) if source is not None else None
        return OomFinding(self._use(source), self._use(self._machine), limit)

    def _count(self, source: str | None) -> None:
        if source is not None and source not in self._before:
            self._before[source] = _kills(source)

    def _use(self, source: str | None) -> int | None:
        if source is None or (before := self._before.get(source)) is None or (now := _kills(source)) is None:
            return None
        if now > before:
            self._before[source] = before + 1
        return max(0, now - before)


def _counter(membership: str, root: str) -> str | None:
    """Find the file that counts the kills of a process's group; a group keeps its files for as long as it is there."""
    known = _counters.get((membership, root))
    if known is not None:
        return known
    for group in cgroup.groups("memory", membership, root):
        path = f"{group.folder}/{'memory.events' if group.version > 1 else 'memory.oom_control'}"
        if _kills(path) is not None:
            _counters[membership, root] = path
            return path
    return None


def _kills(path: str) -> int | None:
    """Read ``oom_kill`` of a machine's or a group's table of counters."""
    for line in cgroup.read_text(path).splitlines():
        name, _, value = line.partition(" ")
        if name == "oom_kill" and value.isdigit():
            return int(value)
    return None


def _limit(membership: str, root: str) -> Bytes | None:
    """Give the tightest limit from a process's group up to the root."""
    limits = (group.memory_limit() for group in cgroup.groups("memory", membership, root))
    return min((limit for limit in limits if limit is not None), default=None)
