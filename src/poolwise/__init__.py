"""Poolwise: ``poolwise.map(f, items)`` measures, decides (loop, threads, processes, asyncio), runs, and says why.

A tour of the house, for readers of the code::

    cli        the command line            api       the verbs; ``api/execution.py`` is the story of a run
    measure    what is the work like?      decide    which way is the best? (pure)
    run        the scheduler (pure), and the one loop that drives it
    report     the words, tables and progress lines
    backends   loop, threads, processes, asyncio behind one protocol
    engine     the process pool            work      calling a function on items
    model      the values that travel between the rooms
    errors     what can go wrong, and whose fault it is
"""

import typing as _typing

from poolwise import errors
from poolwise.api.amap import aimap, amap
from poolwise.api.imap import ResultIterator, imap
from poolwise.api.map import map, starmap
from poolwise.api.why import machine, why
from poolwise.model.failure import Failure
from poolwise.model.machine import Machine
from poolwise.model.plan import Plan
from poolwise.model.profile import Profile
from poolwise.model.progress import Progress
from poolwise.model.report import Diagnosis, Report
from poolwise.model.results import Results

if _typing.TYPE_CHECKING:
    from poolwise import testing
    from poolwise.api.pool import Pool

__version__ = "0.1.0"
__all__ = [
    "Diagnosis",
    "Failure",
    "Machine",
    "Plan",
    "Pool",
    "Profile",
    "Progress",
    "Report",
    "ResultIterator",
    "Results",
    "aimap",
    "amap",
    "errors",
    "imap",
    "machine",
    "map",
    "starmap",
    "testing",
    "why",
]


def __getattr__(name: str) -> object:
    """Import ``poolwise.testing`` and ``poolwise.Pool`` when somebody asks for them."""
    if name == "Pool":
        from poolwise.api.pool import Pool  # noqa: PLC0415 - it needs concurrent.futures, 10 ms

        return Pool
    if name == "testing":
        import importlib  # noqa: PLC0415 - see above

        return importlib.import_module("poolwise.testing")
    raise AttributeError(f"module 'poolwise' has no attribute {name!r}")
