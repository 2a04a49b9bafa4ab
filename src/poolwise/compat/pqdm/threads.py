"""``pqdm.threads``."""

from functools import partial

from poolwise.compat.pqdm import run

pqdm = partial(run, "threads")
