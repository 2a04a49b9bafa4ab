"""Our values as plain data."""

import json
import math

from poolwise.cli.machine import draw, rows
from poolwise.cli.plain import to_plain
from poolwise.model.machine import Machine
from poolwise.model.plan import Candidate, Estimate, OneCore, Plan, StartsBy


def test_reasons_are_named_by_their_class():
    """Which reason it is would be lost in its fields."""
    plan = Plan(
        backend="processes",
        reasons=(StartsBy("fork"),),
        rejected=(Candidate("threads", 2, Estimate(0.0, math.inf, 0.0), why_not=OneCore("cgroup")),),
    )
    told = to_plain(plan)
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert told["reasons"][0]["reason"] == "StartsBy"
    assert told["rejected"][0]["why_not"] == {"reason": "OneCore", "source": "cgroup"}
    assert told["rejected"][0]["estimate"]["work_s"] is None


def test_the_machine_is_an_aligned_table():
    """Every figure has a row, and the texts stand under each other."""
    machine = Machine(cores=2, cores_from="cgroup", cores_installed=8, memory_bytes=2**34, memory_free_bytes=2**33)
    lines = draw(machine).splitlines()
    assert lines[0] == "cores          2 of 8 (by the cgroup's quota)"
    assert lines[1] == "memory         8.0 GiB free of 16.0 GiB"
    assert len(lines) == len(rows(machine))
