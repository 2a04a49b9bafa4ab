"""What measurements with more and more workers say; all of these are made up."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from poolwise.decide.law import LEAST_ONE, Law, find_peak, solve
from poolwise.decide.scaling import FEWEST_WORKERS, judge
from poolwise.model.lap import Lap
from poolwise.model.sweep import Dropoff, Interval, NoFit, Point, Scaling, Worth

DOUBLING = (1, 2, 4, 8, 16)
ITEMS = 100
CORES = 8


def points_of(walls: Mapping[int, list[float]]) -> tuple[Point, ...]:
    """Make points of wall times by the number of workers."""
    return tuple(
        Point(
            workers=workers,
            warmup=Lap(round=0, wall_s=1e3),
            laps=tuple(Lap(round=at, wall_s=wall) for at, wall in enumerate(each, 1)),
        )
        for workers, each in walls.items()
    )


def noisy(
    law: Law | Callable[[int], float], workers: tuple[int, ...], rounds: int, noise: float, seed: int
) -> tuple[Point, ...]:
    """Make up laps that follow a law, but for noise of so much."""
    rng = random.Random(seed)
    time_s = law.time_s if isinstance(law, Law) else law
    return points_of({n: [time_s(n) * math.exp(rng.gauss(0, noise)) for _ in range(rounds)] for n in workers})


def exactly(walls: Mapping[int, float]) -> tuple[Point, ...]:
    """Make up three equal laps of each number of workers."""
    return points_of({workers: [wall] * 3 for workers, wall in walls.items()})


def contains(interval: Interval, value: float) -> bool:
    """Tell whether a value lies inside, but for rounding."""
    slack = 1e-9 * max(1.0, abs(value))
    return interval.low - slack <= value and (interval.high is None or value <= interval.high + slack)


# --- The law -----------------------------------------------------------------------------------------------------

laws = st.builds(
    Law,
    one_s=st.floats(1e-3, 1e4),
    sigma=st.one_of(st.just(0.0), st.floats(1e-4, 0.6)),
    kappa=st.one_of(st.just(0.0), st.floats(1e-5, 0.02)),
)


@given(laws, st.lists(st.integers(1, 128), min_size=4, max_size=9, unique=True))
def test_without_noise_the_law_is_found_exactly(law: Law, workers: list[int]) -> None:
    """Its three coefficients come out as they went in, whichever numbers of workers were measured."""
    found = solve({n: law.time_s(n) for n in workers})
    assert found.one_s == pytest.approx(law.one_s, rel=1e-4)
    assert found.sigma == pytest.approx(law.sigma, rel=1e-3, abs=1e-4)
    assert found.kappa == pytest.approx(law.kappa, rel=1e-3, abs=1e-5)


@given(st.dictionaries(st.integers(1, 100), st.floats(0.1, 10.0), min_size=4, max_size=8), st.floats(1e-6, 1e4))
def test_the_law_does_not_depend_on_the_unit_of_time_nor_on_the_order(walls: dict[int, float], factor: float) -> None:
    """Whatever was measured: σ and κ are numbers without a unit, and λ goes with the time."""
    law = solve(walls)
    other = solve({n: factor * walls[n] for n in reversed(walls)})
    assert other.one_s == pytest.approx(factor * law.one_s, rel=1e-6)
    assert [other.time_s(n) for n in walls] == pytest.approx([factor * law.time_s(n) for n in walls], rel=1e-6)


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(st.integers(1, 64), st.floats(0.1, 10.0), min_size=4, max_size=8),
    st.floats(0.5, 2.0),
    st.floats(0, 0.5),
    st.floats(0, 0.1),
)
@example({3: 3.5, 4: 4.0, 5: 5.0, 16: 5.0}, 0.5, 0.5, 0.0)
def test_no_other_law_is_nearer(walls: dict[int, float], one: float, sigma: float, kappa: float) -> None:
    """The least squares of the relative errors are the least, over all laws that are allowed, odd ones included."""

    def error(law: Law) -> float:
        return sum((law.time_s(n) / wall - 1) ** 2 for n, wall in walls.items())

    best = solve(walls)
    least_s = LEAST_ONE * min(n * wall for n, wall in walls.items())
    other = Law(max(least_s, best.one_s * one), best.sigma * one + sigma, best.kappa * one + kappa)
    assert error(best) <= error(other) * (1 + 1e-9) + 1e-9


@settings(max_examples=25, deadline=None)
@given(laws, st.integers(3, 7), st.floats(0.001, 0.03), st.integers(0, 2**32))
def test_known_parameters_are_recovered_from_noisy_laps(law: Law, rounds: int, noise: float, seed: int) -> None:
    """λ, σ and κ come out within what the noise allows: σ and κ move the time by σ(N-1) and κN(N-1)."""
    scaling = judge(noisy(law, DOUBLING, rounds, noise, seed), ITEMS, CORES)
    fit = scaling.fit
    if fit is None:
        # A curve that is nearly flat, for this noise; never another reason.
        assert scaling.no_fit is not None
        assert scaling.no_fit.what in {"noise", "flat"}
        return
    assert fit.rate.value == pytest.approx(ITEMS / law.one_s, rel=6 * noise)
    assert fit.contention.value == pytest.approx(law.sigma, abs=12 * noise * (1 + law.sigma))
    assert fit.crosstalk.value == pytest.approx(law.kappa, abs=2 * noise * (0.1 + law.kappa + law.sigma))
    for n in DOUBLING:
        assert ITEMS / fit.speed(n) == pytest.approx(law.time_s(n), rel=6 * noise)


@pytest.mark.parametrize(("rounds", "noise"), [(2, 0.01), (3, 0.05)])
def test_the_intervals_hold_the_true_values_about_as_often_as_they_say(rounds: int, noise: float) -> None:
    """Of 30 sweeps with known parameters, each 95 % interval holds its own in 25 at least."""
    law = Law(10.0, 0.05, 0.004)
    true = {"rate": ITEMS / law.one_s, "contention": law.sigma, "crosstalk": law.kappa, "peak": find_peak(law)}
    held = dict.fromkeys(true, 0)
    for seed in range(30):
        fit = judge(noisy(law, DOUBLING, rounds, noise, seed), ITEMS, CORES).fit
        assert fit is not None
        for name, value in true.items():
            held[name] += contains(getattr(fit, name), value)
    assert min(held.values()) >= 25, held


def test_more_noise_makes_wider_intervals() -> None:
    """The interval of σ grows with what it comes from."""
    law = Law(10.0, 0.05, 0.004)

    def width(noise: float) -> float:
        fit = judge(noisy(law, DOUBLING, 3, noise, 7), ITEMS, CORES).fit
        assert fit is not None
        assert fit.contention.high is not None
        return fit.contention.high - fit.contention.low

    assert width(0.002) < width(0.01) < width(0.05)


def test_the_same_measurements_give_the_same_figures() -> None:
    """Chance is seeded: a sweep that is read back from a file is judged as it was."""
    points = noisy(Law(10.0, 0.05, 0.004), DOUBLING, 3, 0.03, 3)
    assert judge(points, ITEMS, CORES) == judge(points, ITEMS, CORES)


def test_one_lap_that_was_held_up_does_not_bend_the_law() -> None:
    """Medians are fitted: one lap of three that took three times as long changes no coefficient."""
    law = Law(10.0, 0.05, 0.004)
    walls = {n: [law.time_s(n)] * 3 for n in DOUBLING}
    walls[4][1] *= 1.5
    fit = judge(points_of(walls), ITEMS, CORES).fit
    assert fit is not None
    assert fit.contention.value == pytest.approx(0.05, abs=1e-6)
    assert fit.crosstalk.value == pytest.approx(0.004, abs=1e-6)


@pytest.mark.parametrize(
    ("sigma", "kappa", "peak"),
    [(0.0, 0.01, 10.0), (0.19, 0.01, 9.0), (0.3, 0.0, None), (1.0, 0.0, 1.0), (1.4, 0.1, 1.0), (0.0, 4.0, 1.0)],
)
def test_the_peak_is_where_the_derivative_is_zero(sigma: float, kappa: float, peak: float | None) -> None:
    """N* = sqrt((1 - σ) / κ); no crosstalk, no peak; where the second worker already harms, it is one."""
    law = Law(1.0, sigma, kappa)
    assert find_peak(law) == (None if peak is None else pytest.approx(peak))
    if peak is not None and peak > 1:
        speeds = [1 / law.time_s(n) for n in (round(peak) - 1, round(peak), round(peak) + 1)]
        assert max(speeds) == speeds[1]


def test_a_peak_that_may_not_exist_has_no_upper_end() -> None:
    """Where κ may be zero, the peak may be anywhere above."""
    fit = judge(noisy(Law(10.0, 0.05, 0.0001), DOUBLING, 3, 0.05, 1), ITEMS, CORES).fit
    assert fit is not None
    assert fit.crosstalk.low == 0
    assert fit.peak is not None
    assert fit.peak.high is None


# --- What is refused ---------------------------------------------------------------------------------------------


def test_three_numbers_of_workers_are_too_few() -> None:
    """Any three points lie on some law."""
    scaling = judge(exactly({1: 8.0, 2: 4.2, 4: 2.4}), ITEMS, CORES)
    assert (scaling.fit, scaling.no_fit) == (None, NoFit("few workers", 3, FEWEST_WORKERS))
    assert (scaling.best, scaling.worth) == (4, Worth(4, 1.0))


def test_one_lap_of_each_is_too_few() -> None:
    """How much a lap varies is not known then."""
    points = points_of({n: [Law(8.0, 0.1, 0.01).time_s(n)] for n in DOUBLING})
    assert judge(points, ITEMS, CORES).no_fit == NoFit("few rounds", 1, 2)


def test_laps_that_were_stopped_or_warmed_up_count_for_nothing() -> None:
    """A stopped lap is no measurement of what the work takes."""
    stopped = tuple(Lap(round=at, wall_s=1.0, stopped=True) for at in (1, 2))
    points = [Point(workers=n, warmup=Lap(round=0, wall_s=1.0), laps=stopped) for n in DOUBLING]
    assert judge(points, ITEMS, CORES) == Scaling(no_fit=NoFit("few workers", 0, FEWEST_WORKERS))


def test_flat_laps_are_not_fitted() -> None:
    """Where the number of workers makes no difference, a law would be about nothing."""
    scaling = judge(exactly(dict.fromkeys(DOUBLING, 2.0)), ITEMS, CORES)
    assert (scaling.fit, scaling.no_fit) == (None, NoFit("flat", 0.0, 0.05))
    assert (scaling.worth, scaling.knee, scaling.dropoff) == (
        Worth(1, 1.0),
        None,
        Dropoff(workers=16, best=1, share=0.0, least=0.0, most=0.0, rounds=3),
    )


@pytest.mark.parametrize("noise", [0.1, 0.4])
def test_noise_is_seldom_taken_for_an_effect(noise: float) -> None:
    """Of 60 sweeps in which nothing but noise differs, at most six are fitted."""
    fitted = [judge(noisy(lambda _: 1.0, DOUBLING, 3, noise, seed), ITEMS, CORES).fit for seed in range(60)]
    assert sum(fit is not None for fit in fitted) <= 6


@pytest.mark.parametrize("cores", [2, 4])
def test_a_corner_where_the_cores_run_out_is_not_the_law(cores: int) -> None:
    """Work that computes gains up to the cores and nothing after, which the smooth law does not do: no figures then."""
    workers = [n for n in (1, 2, 4, 8, 16) if n <= 4 * cores]
    scaling = judge(exactly({n: 12 / min(n, cores) for n in workers}), ITEMS, cores)
    assert scaling.fit is None
    assert scaling.no_fit is not None
    assert scaling.no_fit.what == "shape"
    assert scaling.no_fit.found > scaling.no_fit.needed
    assert (scaling.best, scaling.worth) == (cores, Worth(cores, 1.0))


def test_beyond_a_corner_the_law_of_the_cores_is_left() -> None:
    """With enough points up to the cores, it is fitted to these, and says so."""
    law = Law(12.0, 0.02, 0.001)
    fit = judge(exactly({n: law.time_s(min(n, 16)) * max(1, n / 16) for n in (1, 2, 4, 8, 16, 32, 64)}), ITEMS, 16).fit
    assert fit is not None
    assert fit.most_workers == 16
    assert fit.contention.value == pytest.approx(0.02, abs=1e-6)


# --- Knee, worth, drop-off ---------------------------------------------------------------------------------------


def test_the_fewest_workers_with_nine_tenths_of_the_best_speed_are_worth_it() -> None:
    """Eight give 93 % here; sixteen are the best."""
    scaling = judge(exactly({1: 100.0, 2: 51.0, 4: 27.0, 8: 15.0, 16: 14.0}), ITEMS, 16)
    assert scaling.worth == Worth(8, pytest.approx(14 / 15))
    assert scaling.best == 16


def test_what_noise_could_have_made_faster_is_not_paid_for() -> None:
    """Where laps vary by a third, three quarters of the speed cannot be told from all of it."""
    walls = {1: [9.0, 10.0, 11.0], 2: [3.0, 5.0, 7.0], 4: [3.0, 4.0, 5.0]}
    worth = judge(points_of(walls), ITEMS, CORES).worth
    assert worth == Worth(2, pytest.approx(0.8), in_noise=True)


def test_the_knee_is_where_the_gain_bends() -> None:
    """Four workers bring 4 ×; twelve more bring a little."""
    assert judge(exactly({1: 8.0, 2: 4.0, 4: 2.0, 8: 1.9, 16: 1.8}), ITEMS, CORES).knee == 4


def test_an_even_gain_has_no_knee() -> None:
    """Where each worker brings as much as the last, there is no bend."""
    assert judge(exactly({n: 16 / n for n in DOUBLING}), ITEMS, CORES).knee is None


def test_the_drop_off_compares_rounds_with_each_other() -> None:
    """A machine that slows down for a round slows down both; the loss is the same in each."""
    walls = {1: [8.0, 16.0, 8.0], 2: [4.0, 8.0, 4.0], 4: [5.0, 10.0, 5.0]}
    assert judge(points_of(walls), ITEMS, 2).dropoff == Dropoff(4, 2, *[pytest.approx(0.2)] * 3, rounds=3)


def test_a_drop_off_in_some_rounds_only_is_not_clear() -> None:
    """If the many were faster once, the loss may be chance."""
    dropoff = judge(points_of({1: [8.0] * 3, 2: [4.0] * 3, 4: [5.0, 4.4, 3.9]}), ITEMS, 2).dropoff
    assert dropoff is not None
    assert not dropoff.clear
    assert dropoff.least < 0 < dropoff.share < dropoff.most


def test_one_round_makes_no_drop_off_clear() -> None:
    """How much a lap varies is not known then."""
    dropoff = judge(points_of({1: [8.0], 2: [4.0], 4: [8.0]}), ITEMS, 2).dropoff
    assert dropoff == Dropoff(4, 2, 0.5, 0.5, 0.5, rounds=1)
    assert not dropoff.clear


def test_without_a_drop_there_is_none() -> None:
    """The most workers are the fastest."""
    assert judge(exactly({n: 16 / n for n in DOUBLING}), ITEMS, CORES).dropoff is None


# --- Whatever was measured ---------------------------------------------------------------------------------------

laps = st.lists(
    st.builds(Lap, round=st.integers(0, 5), wall_s=st.floats(1e-7, 1e6), stopped=st.booleans()), max_size=5
).map(tuple)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.builds(Point, workers=st.integers(1, 10_000), laps=laps), max_size=8, unique_by=lambda p: p.workers),
    st.integers(1, 10**9),
    st.integers(1, 256),
)
@example([Point(workers=n, laps=(Lap(round=1, wall_s=0.0), Lap(round=2, wall_s=0.0))) for n in DOUBLING], 1, 1)
def test_whatever_was_measured_is_judged(points: list[Point], items: int, cores: int) -> None:
    """There is a law or the reason why there is none; what is told was measured and is in its range."""
    scaling = judge(points, items, cores)
    assert (scaling.fit is None) != (scaling.no_fit is None)
    if scaling.best is None:
        assert (scaling.worth, scaling.knee, scaling.dropoff) == (None, None, None)
        return
    assert scaling.worth is not None
    assert scaling.worth.workers <= scaling.best or scaling.worth.share == 1
    assert 0 < scaling.worth.share <= 1
    assert scaling.knee is None or scaling.knee <= scaling.best
    assert scaling.dropoff is None or (scaling.dropoff.workers > scaling.best and scaling.dropoff.share < 1)
    if scaling.fit is not None:
        for interval in (scaling.fit.rate, scaling.fit.contention, scaling.fit.crosstalk):
            assert 0 <= interval.low <= interval.value <= (interval.high or math.inf)
