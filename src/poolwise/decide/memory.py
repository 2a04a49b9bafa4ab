"""How much memory a worker process may grow by before it is replaced."""

from __future__ import annotations

from poolwise.model.machine import Machine
from poolwise.model.options import Options
from poolwise.model.units import Bytes

# Functions fill caches and load tables as they go. A worker that is replaced for as little as that loads them again,
# chunk after chunk; half a gigabyte is more than most ever hold, and a tenth of what a small machine has.
LEAST: Bytes = 512 * 2**20


def memory_limit(options: Options, machine: Machine | None, workers: int) -> Bytes | None:
    """Give the limit in bytes; None: there is none.

    ``"auto"`` is an even share of what is free now: workers that all grow by as much have used up what there is, and
    what comes then is the OOM killer.
    """
    if options.memory_limit != "auto":
        return options.memory_limit
    if machine is None:
        return None
    return max(LEAST, machine.memory_free_bytes // max(1, workers))
