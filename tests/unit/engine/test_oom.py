"""Who sent SIGKILL, by the kernel's counters, in file systems of our own making."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from poolwise.engine.deaths import describe_death
from poolwise.engine.oom import OomCounters, OomFinding

GIB = 1 << 30


class Kernel:
    """A file system that tells what a kernel tells, in version 1 or 2 of control groups."""

    def __init__(self, folder: Path, version: int) -> None:
        self.proc, self.cgroup = folder / "proc", folder / "cgroup"
        self.version = version
        self.machine(0)

    def machine(self, kills: int) -> None:
        write(self.proc / "vmstat", f"nr_free_pages 5\noom_kill {kills}\nswap_ra 0\n")

    def group(self, name: str, kills: int, limit: int | None = None) -> None:
        if self.version == 1:
            folder = self.cgroup / "memory" / name
            write(folder / "memory.oom_control", f"oom_kill_disable 0\nunder_oom 0\noom_kill {kills}\n")
            write(folder / "memory.limit_in_bytes", f"{limit or 9223372036854771712}\n")
        else:
            folder = self.cgroup / name
            write(folder / "memory.events", f"low 0\noom {kills}\noom_kill {kills}\noom_group_kill 0\n")
            write(folder / "memory.max", f"{limit or 'max'}\n")

    def member(self, who: str, name: str) -> None:
        lines = f"5:cpu:/{name}\n4:memory:/{name}\n0::/\n" if self.version == 1 else f"0::/{name}\n"
        write(self.proc / who / "cgroup", lines)

    def counters(self) -> OomCounters:
        return OomCounters(root=str(self.cgroup), proc=str(self.proc))


def write(path: Path, text: str) -> None:
    """Write a file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture(params=[1, 2], ids=["v1", "v2"])
def kernel(request: pytest.FixtureRequest, tmp_path: Path) -> Kernel:
    """Give a kernel with this process in a group below another that has the limit."""
    made = Kernel(tmp_path, request.param)
    made.member("self", "outer/inner")
    made.group("outer", kills=0, limit=2 * GIB)
    made.group("outer/inner", kills=7)
    return made


def test_a_counter_that_went_up_names_the_oom_killer(kernel: Kernel) -> None:
    """Kills counted in the worker's group since the pool started are told, with the tightest limit above it."""
    counters = kernel.counters()
    kernel.group("outer/inner", kills=8)
    kernel.machine(1)
    assert counters.find(100) == OomFinding(in_group=1, on_machine=1, limit=2 * GIB)


def test_a_kill_explains_one_death(kernel: Kernel) -> None:
    """Two workers killed together use up two kills; a third death is nobody's but its sender's."""
    counters = kernel.counters()
    kernel.group("outer/inner", kills=9)
    assert [counters.find(pid).in_group for pid in (100, 101, 102)] == [2, 1, 0]


def test_a_worker_in_another_group_is_judged_by_that_group(kernel: Kernel) -> None:
    """A worker that has moved while it started is counted where it is, though the dead do not tell it."""
    counters = kernel.counters()
    kernel.member("100", "elsewhere")
    kernel.group("elsewhere", kills=3, limit=GIB)
    counters.note(100)
    kernel.member("100", "")
    kernel.group("elsewhere", kills=4, limit=GIB)
    assert counters.find(100) == OomFinding(in_group=1, on_machine=0, limit=GIB)
    assert counters.find(101) == OomFinding(in_group=0, on_machine=0, limit=2 * GIB)


def test_in_a_container_the_own_group_is_the_root(tmp_path: Path) -> None:
    """Where the group's name leads nowhere, the mounted root is the group."""
    kernel = Kernel(tmp_path, 2)
    kernel.member("self", "../somewhere/outside")
    kernel.group("", kills=0, limit=GIB)
    counters = kernel.counters()
    kernel.group("", kills=1, limit=GIB)
    assert counters.find(100) == OomFinding(in_group=1, on_machine=0, limit=GIB)


def test_without_groups_the_machine_tells(tmp_path: Path) -> None:
    """Where no group counts, the machine's counter is left."""
    kernel = Kernel(tmp_path, 2)
    counters = kernel.counters()
    kernel.machine(2)
    assert counters.find(100) == OomFinding(in_group=None, on_machine=2, limit=None)


def test_where_nothing_counts_nothing_is_said(tmp_path: Path) -> None:
    """On a system without these files there is no finding, and no error."""
    assert OomCounters(root=str(tmp_path), proc=str(tmp_path)).find(100) == OomFinding()


@pytest.mark.parametrize(
    ("oom", "words"),
    [
        (
            OomFinding(1, 1, 2 * GIB),
            "ran out of memory (its cgroup's limit is 2,048 MiB; the kernel's OOM killer ended",
        ),
        (OomFinding(1, 1), "ran out of memory (the kernel's OOM killer ended it)"),
        (OomFinding(None, 3), "the kernel's OOM killer ended 3 on this machine meanwhile"),
        (OomFinding(0, 0), "somebody sent it (no OOM kill was counted here)"),
        (OomFinding(0, 2), "somebody sent it (no OOM kill was counted in its cgroup (2 elsewhere on this machine))"),
        (OomFinding(None, 0), "somebody sent it (no OOM kill was counted here)"),
        (None, "somebody killed it; where nobody did, the system ran out of memory"),
    ],
)
def test_the_words_follow_the_finding(oom: OomFinding | None, words: str) -> None:
    """The likely cause of a SIGKILL is what the counters say."""
    assert words in str(describe_death(0, 100, -signal.SIGKILL, 3, oom))
