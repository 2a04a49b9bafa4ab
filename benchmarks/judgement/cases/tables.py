"""pandas: grouping and joining."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd

from benchmarks.judgement.case import Case

ROWS = 100_000
NUMBERS = np.random.default_rng(46)
SALES = pd.DataFrame(
    {
        "town": NUMBERS.integers(0, 50, ROWS),
        "day": NUMBERS.integers(0, 365, ROWS),
        "amount": NUMBERS.random(ROWS),
    }
)


def by_day(town: int) -> float:
    """Group a piece of a large table."""
    days = SALES[SALES.town != town % 50].groupby("day").amount.agg(["mean", "max", "sum"])
    return round(float(days["mean"].sum() + days["sum"].max()), 6)


def read_table(number: int) -> float:
    """Read CSV of 2,000 rows."""
    text = "a,b,c\n" + "\n".join(f"{n},{n * number},{n / 7}" for n in range(2_000))
    return round(float(pd.read_csv(io.StringIO(text)).c.sum()), 6)


CASES = (
    Case(name="pandas, group", function=by_day, count=60),
    Case(name="pandas, read CSV", function=read_table, count=100),
)
