"""Which control groups hold for a process, by the kernel's words."""

from __future__ import annotations

from pathlib import Path

import pytest

from poolwise.work.cgroup import Group, groups, membership, read_text, whole


def test_version_2_has_one_tree() -> None:
    """A group's folder lies below the root, those around it above; the mounted root comes last."""
    assert groups("memory", "0::/a/b\n", "/r") == [
        Group("/r/a/b", 2),
        Group("/r/a", 2),
        Group("/r/memory", 1),
        Group("/r", 2),
    ]


def test_version_1_has_a_tree_for_each_controller() -> None:
    """Only the controller's own line counts, in whatever order controllers are named that share a tree."""
    words = "7:pids:/x\n5:cpuacct,cpu:/jobs\n4:memory:/other\n1:name=systemd:/init.scope\n"
    assert groups("cpu", words, "/r") == [Group("/r/cpu/jobs", 1), Group("/r/cpu", 1), Group("/r", 2)]
    assert groups("memory", words, "/r") == [Group("/r/memory/other", 1), Group("/r/memory", 1), Group("/r", 2)]


@pytest.mark.parametrize("words", ["", "x", "::", "0::/", "0::/../..", "5:cpu:/x"])
def test_without_a_group_of_its_own_the_roots_are_left(words: str) -> None:
    """In a container, or where nothing is told, what is mounted as the root may be the own group."""
    assert groups("memory", words, "/r") == [Group("/r/memory", 1), Group("/r", 2)]


@pytest.mark.parametrize(
    ("version", "name", "text", "limit"),
    [
        (2, "memory.max", "4096\n", 4096),
        (2, "memory.max", "max\n", None),
        (1, "memory.limit_in_bytes", "4096\n", 4096),
        (1, "memory.limit_in_bytes", "9223372036854771712\n", None),
        (1, "memory.max", "4096\n", None),
    ],
)
def test_a_groups_memory_limit(tmp_path: Path, version: int, name: str, text: str, limit: int | None) -> None:
    """Each version has a file of its own for it, and its own way to say that there is none."""
    (tmp_path / name).write_text(text)
    assert Group(str(tmp_path), version).memory_limit() == limit


def test_what_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    """A missing file, one that is not text, a folder and an impossible name are nothing, and no error."""
    (tmp_path / "bytes").write_bytes(b"\xff")
    assert [read_text(f"{tmp_path}/{name}") for name in ("missing", "bytes", "", "\x00")] == [""] * 4
    assert membership(1, str(tmp_path)) == ""


@pytest.mark.parametrize(("text", "number"), [("12\n", 12), ("-1", -1), ("", None), ("max", None), ("1.5", None)])
def test_whole_numbers(text: str, number: int | None) -> None:
    """What is no whole number is none."""
    assert whole(text) == number
