"""NumPy: small and large arrays, with threads inside, bound by the memory, in and out."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.judgement.case import Case

SMALL = np.linspace(0, 1, 200)
LARGE = np.ones(4_000_000)


def small_norm(item: int) -> float:
    """Do a few steps on a small array: about 20 µs."""
    shifted = SMALL * item + 1.0
    return round(float(np.sqrt((shifted**2).sum()) + np.cos(shifted).mean()), 9)


def multiply(item: int) -> float:
    """Multiply matrices of 600 × 600: BLAS has a thread on each core."""
    matrix = np.full((600, 600), 1.0 + item)
    return float((matrix @ matrix)[0, 0])


def solve(item: int) -> float:
    """Solve equations of 40 unknowns."""
    numbers = np.random.default_rng(item)
    return round(float(np.linalg.solve(numbers.random((40, 40)) + 40 * np.eye(40), numbers.random(40)).sum()), 9)


def sort(item: int) -> float:
    """Sort 300,000 numbers; the GIL is let go."""
    return float(np.sort(np.random.default_rng(item).random(300_000))[1000])


def add_large(item: int) -> float:
    """Add arrays of 32 MB: the memory's speed is the limit."""
    return float((LARGE + item)[-1])


def transform(item: int) -> float:
    """Transform a signal of 65,536 values."""
    signal = np.sin(np.arange(65_536) * (item + 1) / 1000)
    return round(float(abs(np.fft.rfft(signal)).max()), 6)


def arrays(count: int) -> list[Any]:
    """Give arrays of 4 MB, each another one."""
    return [np.full(500_000, float(number)) for number in range(count)]


def spread(array: Any) -> float:
    """Read a big argument a few times."""
    return float(array.std() + array.max() - array.min() + np.median(array))


def make_array(item: int) -> Any:
    """Make a big result, in about 10 ms."""
    return np.random.default_rng(item).standard_normal(500_000)


CASES = (
    Case(name="NumPy, 20 µs", function=small_norm, count=15_000),
    Case(name="NumPy, matrices 600 × 600", function=multiply, count=20),
    Case(name="NumPy, small equations", function=solve, count=2_000),
    Case(name="NumPy, sort", function=sort, count=30),
    Case(name="NumPy, add 32 MB", function=add_large, count=40),
    Case(name="NumPy, FFT", function=transform, count=150),
    Case(name="NumPy, 4 MB in", function=spread, items=arrays, count=60),
    Case(name="NumPy, 4 MB out", function=make_array, count=40),
)
