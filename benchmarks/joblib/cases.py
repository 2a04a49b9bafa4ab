"""What is run over both backends."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from joblib import Parallel, delayed
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeClassifier

Case: TypeAlias = Callable[[], Any]


def square(number: int) -> int:
    """Take next to no time."""
    return number * number


def compute(seconds: float) -> None:
    """Compute for so long."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def add_up(array: np.ndarray[Any, Any], row: int) -> float:
    """Look at one row of an array."""
    return float(array[row].sum())


def first(array: np.ndarray[Any, Any]) -> float:
    """Look at one number of an array."""
    return float(array[0])


@functools.cache
def large() -> np.ndarray[Any, Any]:
    """Give an array of 64 MB."""
    return np.ones((4000, 2000))


@functools.cache
def samples(count: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Give something to learn."""
    x, y = make_classification(count, 40, random_state=0)
    return x, y


def grid_search() -> None:
    """Forty fits of some 10 ms on 3.2 MB."""
    GridSearchCV(LogisticRegression(max_iter=100), {"C": np.logspace(-3, 0, 8)}, cv=5).fit(*samples(10_000))


def grid_search_of_short_fits() -> None:
    """120 fits of a few milliseconds."""
    grid = {"max_depth": range(1, 11), "min_samples_leaf": (1, 2, 3, 4)}
    GridSearchCV(DecisionTreeClassifier(random_state=0), grid, cv=3).fit(*samples(400))


def forest() -> None:
    """Twenty trees, on 3.2 MB."""
    RandomForestClassifier(20, max_depth=8, random_state=0).fit(*samples(10_000))


CASES: dict[str, Case] = {
    "GridSearchCV, 40 fits": grid_search,
    "GridSearchCV, 120 short fits": grid_search_of_short_fits,
    "RandomForestClassifier, 20 trees": forest,
    "20,000 tasks of nothing": lambda: Parallel()(delayed(square)(number) for number in range(20_000)),
    "5,000 calls of a lambda": lambda: Parallel()(delayed(lambda it: it + 1)(number) for number in range(5000)),
    "1,000 tasks of 1 ms": lambda: Parallel()(delayed(compute)(0.001) for _ in range(1000)),
    "4 tasks of nothing": lambda: Parallel()(delayed(square)(number) for number in range(4)),
    "40 tasks that share 64 MB": lambda: Parallel()(delayed(add_up)(large(), row) for row in range(40)),
    "40 tasks with 4 MB each": lambda: Parallel()(delayed(first)(np.ones(500_000)) for _ in range(40)),
}


def cold_forest() -> Case:
    """Have the data ready."""
    samples(10_000)
    return forest


def cold_tasks() -> Case:
    """Have nothing ready."""
    return CASES["4 tasks of nothing"]


COLD: dict[str, Callable[[], Case]] = {
    "RandomForestClassifier, 20 trees": cold_forest,
    "4 tasks of nothing": cold_tasks,
}
