"""``pqdm.processes``."""

from functools import partial

from poolwise.compat.pqdm import run

pqdm = partial(run, "processes")
