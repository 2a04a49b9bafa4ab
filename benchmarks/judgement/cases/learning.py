"""scikit-learn: models fitted with different settings, as in a search for the best."""

from __future__ import annotations

import numpy as np
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from benchmarks.judgement.case import Case

NUMBERS = np.random.default_rng(47)
POINTS = NUMBERS.standard_normal((2_000, 12))
LABELS = (POINTS[:, 0] + POINTS[:, 1] ** 2 + NUMBERS.standard_normal(2_000) > 1).astype(int)


def fit_tree(depth: int) -> float:
    """Fit a tree of some depth: one thread, the GIL let go."""
    return round(
        float(
            DecisionTreeClassifier(max_depth=3 + depth % 6, random_state=depth)
            .fit(POINTS, LABELS)
            .score(POINTS, LABELS)
        ),
        4,
    )


def fit_line(number: int) -> float:
    """Fit a logistic regression."""
    model = LogisticRegression(C=0.01 * (number + 1), max_iter=200).fit(POINTS, LABELS)
    return round(float(model.score(POINTS, LABELS)), 2)


def cluster(number: int) -> int:
    """Find clusters: OpenMP has a thread on each core."""
    return int(KMeans(n_clusters=3 + number % 5, n_init=2, random_state=number).fit(POINTS).n_features_in_)


CASES = (
    Case(name="scikit-learn, trees", function=fit_tree, count=40),
    Case(name="scikit-learn, logistic regression", function=fit_line, count=60),
    Case(name="scikit-learn, clusters", function=cluster, count=30),
)
