"""A handful of kills, one of each kind; ``python -m tests.kill.campaign`` does hundreds."""

from __future__ import annotations

import os
import random

import pytest

from tests.kill.campaign import BACKENDS, FETCH, play

pytestmark = [pytest.mark.timeout(300), pytest.mark.skipif(os.name != "posix", reason="kills by POSIX signals")]
# Any will do; another one each day would be a test that fails now and then for reasons that nobody can repeat.
SEED = 20


def assert_good(scene):
    """Nothing was lost, nothing was damaged, and only what was under way ran again."""
    assert scene.problems == []


@pytest.mark.parametrize("backend", ["loop", "processes"])
def test_a_run_that_is_killed_goes_on_where_it_was(backend):
    """SIGKILL of the whole program, up to four times: the results are right in the end."""
    assert_good(play(SEED, 150, backend, "kill"))


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", ["kill", "term", "int"])
def test_no_signal_costs_a_result(backend, kind):
    """However the program is ended, on every backend."""
    assert_good(play(SEED + 1, 150, backend, kind))


@pytest.mark.parametrize("kind", ["kill", pytest.param("term", marks=pytest.mark.slow), "int"])
def test_a_fetch_that_is_ended_goes_on_where_it_was(kind):
    """Every page is there once, whole, with its record; only what was under way is asked for again."""
    assert_good(play(SEED, 100, FETCH, kind))


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_what_it_was_at():
    """SIGKILL of workers, in the middle of a run with a journal."""
    assert_good(play(SEED + 2, 150, "processes", "worker"))


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["loop", "processes"])
def test_a_full_disk_is_told_and_costs_no_result(backend):
    """Where a small disk can be mounted: what was kept before it was full is not run again."""
    scene = play(SEED + 3, 400, backend, "full")
    if scene.disk == scene.folder:
        pytest.skip("a small disk cannot be mounted here")
    assert_good(scene)


@pytest.mark.slow
def test_any_mixture_will_do():
    """Kinds, backends and verbs by chance."""
    for seed in random.Random(SEED).sample(range(1000), 5):
        assert_good(play(seed, 150))
