import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.decide.verdict import judge
from poolwise.model.timing import Verdict
from poolwise.model.usage import Usage


def verdict(own, children=0.0, *, gil=None, queued=0.0, cores=8, has_gil=True, wall=1.0, **more):
    """Judge a second in which so many CPU seconds were used."""
    usage = Usage(wall_s=wall, cpu_own_s=own, cpu_children_s=children, **more)
    return judge(usage, gil_share=gil, queued_s=queued, cores=cores, gil=has_gil)


@pytest.mark.parametrize(
    ("found", "kind", "gain", "factor"),
    [
        (verdict(0.01), "waited", "overlap", None),
        (verdict(0.5, gil=0.5), "mixed", "overlap", 2.0),
        (verdict(1.0, gil=0.98), "python", "processes", 8.0),
        (verdict(1.0, gil=0.98, cores=1), "python", "one_core_only", None),
        (verdict(1.0, gil=0.03), "native", "threads", 8.0),
        (verdict(1.0), "one_core", "parallel", 8.0),
        (verdict(1.0, has_gil=False), "one_core", "threads", 8.0),
        (verdict(4.0, gil=0.1), "threads", "more", 2.0),
        (verdict(7.5, gil=0.1), "threads", "all_cores", None),
        (verdict(0.1, 3.9), "processes", "more", 2.0),
        (verdict(0.1, 7.5), "processes", "all_cores", None),
        (verdict(0.1, 0.4), "processes", "more", 8.0),
        (verdict(0.0005, wall=0.0005), "short", "longer", None),
        (verdict(0.009, wall=0.009), "short", "longer", None),
    ],
)
def test_what_figures_mean(found, kind, gain, factor):
    """Made-up figures of every kind of work, on eight cores and on one."""
    assert found == Verdict(kind=kind, gain=gain, factor=factor)


def test_children_that_wait_are_waiting():
    """Processes that were started and did next to nothing are no computing in other processes."""
    assert verdict(0.01, 0.02).kind == "waited"


def test_who_has_no_core_does_not_wait():
    """Half of the time in the queue for a core, half on it: that is computing, and others are told of."""
    found = verdict(0.5, gil=0.9, queued=0.5, others_s=7.0)
    assert (found.kind, found.gain, found.factor, found.hindrance) == ("python", "processes", 8.0, "queued")


def test_a_core_that_its_own_workers_had_is_nobodys_fault():
    """Other programs are blamed only where they have used cores."""
    assert verdict(0.1, 7.9, queued=0.5, others_s=0.0).hindrance is None


@pytest.mark.parametrize(
    ("figures", "hindrance"),
    [({"throttled_s": 0.3}, "throttled"), ({"stolen_s": 0.3}, "stolen"), ({"stolen_s": 0.05}, None)],
)
def test_what_kept_it_from_its_cores(figures, hindrance):
    """The quota of the cgroup and the host of a virtual machine are named from a tenth of the time on."""
    assert verdict(0.9, gil=0.9, **figures).hindrance == hindrance


amounts = st.floats(min_value=0, max_value=1000)


figures = st.fixed_dictionaries(
    {
        "wall": st.floats(min_value=0, max_value=1000),
        "own": amounts,
        "children": amounts,
        "gil": st.none() | st.floats(min_value=0, max_value=1),
        "queued": amounts,
        "cores": st.integers(min_value=1, max_value=512),
        "has_gil": st.booleans(),
    }
)


@given(given_figures=figures)
def test_whatever_the_figures_there_is_a_verdict_that_promises_no_more_than_there_is(given_figures):
    """A factor is at least 1; of computing it is never more than there are cores."""
    found = verdict(**given_figures)
    assert found.factor is None or found.factor >= 1
    if found.factor is not None and found.gain != "overlap":
        assert found.factor <= given_figures["cores"]
    assert (found.kind == "short") == (given_figures["wall"] < 0.01)
