"""``poolwise machine``, as people see it."""

from poolwise.cli.machine import draw, rows
from poolwise.model.machine import Machine


def test_the_machine_is_an_aligned_table():
    """Every figure has a row, and the texts stand under each other."""
    machine = Machine(cores=2, cores_from="cgroup", cores_installed=8, memory_bytes=2**34, memory_free_bytes=2**33)
    lines = draw(machine).splitlines()
    assert lines[0] == "cores          2 of 8 (by the cgroup's quota)"
    assert lines[1] == "memory         8.0 GiB free of 16.0 GiB"
    assert len(lines) == len(rows(machine))
