"""What this process may use: by affinity, cgroup, POOLWISE_MAX_CORES and role, whichever is least."""

from __future__ import annotations

import math
import os
import sys
import threading

import pytest

from poolwise.errors import OptionError
from poolwise.measure import machine
from poolwise.measure.machine import CgroupLimits, find_machine, start_methods, usable_cores
from poolwise.work import role

MIB = 1 << 20


@pytest.fixture
def limits(tmp_path):
    """Read the limits from a made-up file system: files by name, and the text of /proc/self/cgroup."""

    def read(files, membership="0::/\n"):
        for name, text in files.items():
            path = tmp_path / "cgroup" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return CgroupLimits(membership, str(tmp_path / "cgroup"))

    return read


def figures(found):
    """Give the figures of the limits."""
    return found.cores, found.memory, found.memory_free


# --- cgroups -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "cores"),
    [("150000 100000\n", 1.5), ("50000 100000", 0.5), ("400000 200000", 2.0), ("max 100000\n", None)],
)
def test_version_2_writes_quota_and_period_in_one_file(limits, text, cores):
    """The quota divided by its period is the number of cores; "max" is no limit."""
    assert limits({"cpu.max": text}).cores == cores


@pytest.mark.parametrize(
    ("quota", "period", "cores"), [("150000", "100000", 1.5), ("-1", "100000", None), ("50000", "", None)]
)
def test_version_1_writes_quota_and_period_in_two_files(limits, quota, period, cores):
    """The same in version 1, where -1 is no limit."""
    assert limits({"cpu/cpu.cfs_quota_us": quota, "cpu/cpu.cfs_period_us": period}).cores == cores


def test_version_2_memory(limits):
    """The limit less what is used is what may still be taken."""
    files = {"memory.max": f"{100 * MIB}\n", "memory.current": f"{30 * MIB}\n"}
    assert figures(limits(files)) == (None, 100 * MIB, 70 * MIB)


def test_version_1_memory(limits):
    """The same in version 1, in a folder of its own."""
    files = {"memory/memory.limit_in_bytes": f"{100 * MIB}", "memory/memory.usage_in_bytes": f"{30 * MIB}"}
    assert figures(limits(files)) == (None, 100 * MIB, 70 * MIB)


@pytest.mark.parametrize(
    "files",
    [
        {"memory.max": "max\n", "memory.current": "123"},
        {"memory/memory.limit_in_bytes": "9223372036854771712", "memory/memory.usage_in_bytes": "123"},
        {},
    ],
    ids=["version 2", "version 1", "no files"],
)
def test_without_a_memory_limit_there_is_none(limits, files):
    """Each version has its own way to say "no limit"."""
    assert figures(limits(files)) == (None, None, None)


def test_the_tightest_of_nested_groups_holds(limits):
    """A limit of an outer group holds for the inner ones, whichever is tighter."""
    files = {
        "a/cpu.max": "400000 100000",
        "a/b/cpu.max": "100000 100000",
        "a/b/c/cpu.max": "200000 100000",
        "elsewhere/cpu.max": "10000 100000",
    }
    assert limits(files, "0::/a/b/c\n").cores == 1.0


def test_the_room_left_is_the_least_of_all_groups(limits):
    """An outer group that its other members have nearly filled has less left than the own one with its lower limit."""
    files = {
        "a/memory.max": f"{1000 * MIB}",
        "a/memory.current": f"{990 * MIB}",
        "a/b/memory.max": f"{500 * MIB}",
        "a/b/memory.current": f"{100 * MIB}",
    }
    assert figures(limits(files, "0::/a/b\n")) == (None, 500 * MIB, 10 * MIB)


def test_what_is_used_beyond_the_limit_leaves_nothing(limits):
    """What is left is never below nothing."""
    assert limits({"memory.max": "100", "memory.current": "150"}).memory_free == 0


def test_version_1_groups_lie_in_their_controllers_folders(limits):
    """Each controller of version 1 has a tree of its own, named in /proc/self/cgroup."""
    files = {
        "cpu/jobs/one/cpu.cfs_quota_us": "300000",
        "cpu/jobs/one/cpu.cfs_period_us": "100000",
        "memory/jobs/memory.limit_in_bytes": "2000",
        "memory/jobs/memory.usage_in_bytes": "500",
    }
    membership = "5:cpu,cpuacct:/jobs/one\n4:memory:/jobs/one\n1:name=systemd:/init.scope\n"
    assert figures(limits(files, membership)) == (3.0, 2000, 1500)


def test_a_group_outside_of_the_own_namespace_is_read_from_the_root(limits):
    """In a container the path may climb out of what can be seen; the root that is mounted there is the own group."""
    assert limits({"cpu.max": "200000 100000"}, "0::/../../elsewhere\n").cores == 2.0


@pytest.mark.parametrize("garbage", ["", "x", "1 2 3", "-5 0", "100000 0", "100000 x", "--5", "\x00", "½ 1"])
def test_garbage_is_no_limit(limits, garbage):
    """What cannot be understood limits nothing and raises nothing."""
    files = dict.fromkeys(["cpu.max", "cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"], garbage)
    assert limits(files, f"{garbage}\n0:{garbage}\n::\n").cores is None


def test_garbage_in_memory_files_is_no_limit(limits):
    """The same for memory."""
    files = dict.fromkeys(["memory.max", "memory/memory.limit_in_bytes"], "a lot")
    assert figures(limits(files)) == (None, None, None)


def test_missing_files_are_no_limit(tmp_path):
    """On systems without cgroups there is nothing to read."""
    assert figures(CgroupLimits("", str(tmp_path / "none"))) == (None, None, None)


# --- Cores ---------------------------------------------------------------------------------------------------


@pytest.fixture
def computer(monkeypatch):
    """Make a computer of so many cores, of which affinity and quota allow so many."""

    def make(installed=8, affinity=8, quota=None, wanted=None):
        monkeypatch.setattr(os, "cpu_count", lambda: installed)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(affinity)), raising=False)
        found = CgroupLimits("", "/nowhere")
        found.cores = quota
        monkeypatch.setattr(machine, "_kept", (math.inf, found))
        monkeypatch.delenv("POOLWISE_MAX_CORES", raising=False)
        if wanted is not None:
            monkeypatch.setenv("POOLWISE_MAX_CORES", wanted)

    return make


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, (8, "os")),
        ({"affinity": 3}, (3, "affinity")),
        ({"quota": 2.0}, (2, "cgroup")),
        ({"quota": 1.5}, (2, "cgroup")),
        ({"quota": 0.3}, (1, "cgroup")),
        ({"quota": 64.0}, (8, "os")),
        ({"affinity": 3, "quota": 2.0, "wanted": "1"}, (1, "POOLWISE_MAX_CORES")),
        ({"wanted": " 5 "}, (5, "POOLWISE_MAX_CORES")),
        ({"wanted": "64"}, (8, "os")),
        ({"wanted": ""}, (8, "os")),
    ],
    ids=str,
)
def test_the_least_limit_sets_the_cores(computer, facts, expected):
    """Cores are the least of what is there and what each limit allows, and the limit is named."""
    computer(**facts)
    assert usable_cores() == expected


@pytest.mark.parametrize("wanted", ["0", "-2", "two", "1.5", "²", "4 cores"])
def test_a_wrong_max_cores_is_refused_by_name(computer, wanted):
    """A setting that cannot be meant is not passed over in silence."""
    computer(wanted=wanted)
    with pytest.raises(OptionError, match=f"^POOLWISE_MAX_CORES='{wanted}': write a whole number, 1 or more"):
        usable_cores()


def test_a_worker_has_one_core(computer, monkeypatch):
    """Inside a worker the other cores belong to its siblings."""
    computer()
    monkeypatch.setattr(role, "_worker", True)
    assert usable_cores() == (1, "worker")


def test_where_the_system_says_nothing_there_is_one_core(computer):
    """A system that cannot count its cores has one at least."""
    computer(installed=None, affinity=1)
    assert usable_cores()[0] == 1


def test_limits_are_read_again_after_a_while(monkeypatch):
    """A quota that was changed is seen, but not at each call."""
    monkeypatch.setattr(machine, "_kept", None)
    first = machine._cached_cgroup()
    assert machine._cached_cgroup() is first
    monkeypatch.setattr(machine, "_kept", (machine._kept[0] - 2 * machine.KEEP_CGROUP_S, first))
    assert machine._cached_cgroup() is not first


# --- The rest ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "expected"),
    [("linux", ("fork", "forkserver", "spawn")), ("darwin", ("spawn",)), ("win32", ())],
)
def test_start_methods_by_system(monkeypatch, system, expected):
    """Fork is offered on Linux only: elsewhere system libraries do not survive it."""
    monkeypatch.setattr(sys, "platform", system)
    assert start_methods() == expected


def test_memory_is_the_least_of_machine_and_cgroup(computer, monkeypatch):
    """A container's limit holds where it is lower than the machine's memory."""
    computer()
    limits = machine._kept[1]
    limits.memory, limits.memory_free = 64 * MIB, 16 * MIB
    found = find_machine()
    assert (found.memory_bytes, found.memory_free_bytes) == (64 * MIB, 16 * MIB)
    limits.memory = limits.memory_free = 1 << 60
    found = find_machine()
    assert 0 < found.memory_free_bytes <= found.memory_bytes < 1 << 60


@pytest.mark.skipif(sys.platform != "linux", reason="the system tells it on Linux only")
@pytest.mark.parametrize(("cores", "looks", "busy"), [(2, [], 0), (8, [(8, 8)], 3), (3, [(8, 8)], 3)])
def test_others_are_looked_for_where_there_are_more_than_two_cores(computer, monkeypatch, cores, looks, busy):
    """Two cores are taken in any case; what affinity allows is what counts, whatever POOLWISE_MAX_CORES says."""
    computer(wanted=str(cores))
    asked = []
    monkeypatch.setattr(machine, "cores_busy", lambda *given: asked.append(given) or 3)
    found = find_machine()
    assert (asked, found.cores_busy) == (looks, busy)
    assert found.cores_free == max(2, cores - busy)


def test_this_machine():
    """What is found here agrees with what the standard library says."""
    found = find_machine()
    assert 1 <= found.cores <= found.cores_installed == os.cpu_count()
    assert found.python.endswith(sys.version.split()[0].split("+")[0])
    assert found.python_threads == threading.active_count()
    assert not found.in_worker
    assert found.open_files_limit is None or 0 < found.open_files < found.open_files_limit
    assert found.threads_limit is None or found.threads_limit > 0
