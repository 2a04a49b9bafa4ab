"""Facts to decide by: profiles and machines with sensible values for everything that a test does not care about."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from poolwise.decide.choose import decide
from poolwise.model.machine import Machine, NativePool
from poolwise.model.options import Options
from poolwise.model.plan import Plan
from poolwise.model.profile import Payload, Profile

CHEAP = Payload(20, 0.000002)


def make_profile(wall_s: float, *, cpu: float, gil: float | None = None, **more: Any) -> Profile:
    """Make the Profile of items of ``wall_s``; ``cpu`` and ``gil`` are the shares of computing and of the GIL."""
    fields: dict[str, Any] = {
        "items": 5,
        "wall_s": wall_s,
        "first_s": wall_s,
        "spread": 0.0,
        "thread_cpu_s": cpu * wall_s,
        "process_cpu_s": cpu * wall_s,
        "gil_held": cpu if gil is None else gil,
        "gil_samples": 20,
        "argument": CHEAP,
        "result": CHEAP,
    }
    return Profile(**{**fields, **more})


def make_machine(cores: int = 4, **more: Any) -> Machine:
    """Make a Linux machine on which forking is safe."""
    fields: dict[str, Any] = {
        "cores": cores,
        "cores_installed": 8,
        "memory_bytes": 8 << 30,
        "memory_free_bytes": 4 << 30,
        "python": "CPython 3.11.9",
        "platform": "Linux x86_64",
        "start_methods": ("fork", "forkserver", "spawn"),
    }
    return Machine(**{**fields, **more})


payloads = st.builds(
    Payload,
    bytes=st.integers(0, 1 << 30),
    seconds=st.floats(0, 0.05),
    problem=st.none()
    | st.none()
    | st.just("<lock> cannot be pickled (TypeError: cannot pickle '_thread.lock' object)"),
)


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    """Any work from 100 ns to 10 s an item, waiting, computing or both, shippable or not."""
    wall_s = draw(st.sampled_from([1e-7, 1e-5, 1e-3, 0.1]) | st.floats(1e-7, 10))
    cpu = draw(st.sampled_from([0.0, 0.5, 1.0]) | st.floats(0, 1))
    return make_profile(
        wall_s,
        cpu=cpu,
        gil_held=draw(st.none() | st.floats(0, 1)),
        spread=draw(st.floats(0, 2)),
        process_cpu_s=cpu * wall_s * draw(st.floats(1, 4)),
        coroutine=draw(st.booleans()),
        argument=draw(payloads),
        result=draw(st.none() | payloads),
        function=draw(st.none() | payloads),
    )


pools = st.lists(st.builds(NativePool, st.sampled_from(["OpenBLAS", "GNU OpenMP"]), st.integers(1, 3), st.booleans()))


@st.composite
def machines(draw: st.DrawFn) -> Machine:
    """Any machine up to 64 cores, some of them without fork, without any start method, or being a worker."""
    methods = st.sampled_from([("fork", "forkserver", "spawn"), ("spawn",), ()])
    return make_machine(
        draw(st.integers(1, 64)),
        gil=draw(st.booleans()),
        start_methods=draw(methods),
        python_threads=draw(st.integers(1, 3)),
        native_threads=draw(st.integers(0, 3)),
        native_pools=tuple(draw(pools)),
        in_worker=draw(st.integers(0, 4)) == 0,
        interpreters=draw(st.booleans()),
        foreign_modules=draw(st.sampled_from([(), ("numpy",), ("numpy", "pandas")])),
    )


options = st.builds(
    Options,
    max_workers=st.none() | st.integers(1, 200),
    timeout=st.none() | st.just(5.0),
    chunksize=st.none() | st.integers(1, 100),
)
lefts = st.none() | st.integers(1, 10) | st.integers(1, 1_000_000)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Whatever is decided by any facts."""
    return decide(draw(profiles()), draw(machines()), draw(options), draw(lefts), ships_items=draw(st.booleans()))
