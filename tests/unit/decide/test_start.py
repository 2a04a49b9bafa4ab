"""How workers are started: fork only where no other thread could be missed in the child."""

from __future__ import annotations

import itertools

import pytest

from poolwise.decide.start import choose_start_method
from poolwise.model.machine import NativePool
from poolwise.model.options import Options
from poolwise.model.plan import StartsBy
from tests.unit.decide.facts import make_machine

ALL = ("fork", "forkserver", "spawn")
OPENBLAS = NativePool("OpenBLAS", 3, survives_fork=True)
OPENMP = NativePool("GNU OpenMP", 2, survives_fork=False)


@pytest.mark.parametrize(
    ("methods", "python_threads", "native_threads", "expected"),
    [
        (ALL, 1, 0, "fork"),
        (ALL, 2, 0, "forkserver"),
        (ALL, 1, 1, "forkserver"),
        (("forkserver", "spawn"), 1, 0, "forkserver"),
        (("fork", "spawn"), 2, 0, "spawn"),
        (("spawn",), 1, 0, "spawn"),
    ],
)
def test_the_safest_method_that_exists(methods, python_threads, native_threads, expected):
    """Fork needs a process with one thread; else a fork server, else spawn."""
    machine = make_machine(start_methods=methods, python_threads=python_threads, native_threads=native_threads)
    assert choose_start_method(machine, Options()) == StartsBy(expected, python_threads, native_threads)


@pytest.mark.parametrize("pools", [(), (OPENBLAS,), (OPENMP,), (OPENBLAS, OPENMP)])
def test_fork_needs_every_thread_accounted_for(pools):
    """Over all kinds of threads: fork exactly where there is none but this one and those known to survive it."""
    owned = sum(pool.threads for pool in pools)
    for python_threads, nobodys in itertools.product((1, 2), (-1, 0, 1)):
        machine = make_machine(python_threads=python_threads, native_threads=owned + nobodys, native_pools=pools)
        safe = python_threads == 1 and nobodys == 0 and OPENMP not in pools
        starts = choose_start_method(machine, Options())
        expected = StartsBy("fork" if safe else "forkserver", python_threads, owned + nobodys, native_pools=pools)
        assert starts == expected


def test_the_callers_method_wins():
    """A method that the caller asks for is taken, threads or not."""
    machine = make_machine(python_threads=9)
    assert choose_start_method(machine, Options(start_method="fork")) == StartsBy("fork", 9, 0, forced=True)


def test_a_method_that_does_not_exist_is_told():
    """What does not exist here is not available, asked for or not."""
    asked = choose_start_method(make_machine(start_methods=("spawn",)), Options(start_method="fork"))
    assert (asked.forced, asked.available) == (True, False)
    assert not choose_start_method(make_machine(start_methods=()), Options()).available
