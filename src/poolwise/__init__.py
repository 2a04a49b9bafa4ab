"""Poolwise: ``poolwise.map(f, items)`` measures, decides (loop, threads, processes, asyncio), runs, and says why.

A tour of the house, for readers of the code::

    cli        the command line            api       the verbs; ``api/execution.py`` is the story of a run
    measure    what is the work like?      decide    which way is the best? (pure)
    run        the scheduler (pure), and the one loop that drives it
    report     the words, tables and progress lines
    journal    what is done, on disk          web       the client behind ``poolwise.fetch``
    joblib     the backend of joblib
    backends   loop, threads, processes, asyncio behind one protocol
    engine     the process pool            work      calling a function on items
    model      the values that travel between the rooms
    errors     what can go wrong, and whose fault it is
"""

import sys as _sys
import typing as _typing

# A worker's own interpreter needs the engine; all else only where its function asks for it, which few do.
if _typing.TYPE_CHECKING or "poolwise-worker" not in _sys._xoptions:  # noqa: SLF001 - documented under this name
    from poolwise import errors
    from poolwise.api.amap import aimap, amap
    from poolwise.api.imap import ResultIterator, imap
    from poolwise.api.map import map, starmap
    from poolwise.api.why import machine, why
    from poolwise.model.failure import Failure
    from poolwise.model.journal import Journal
    from poolwise.model.machine import Machine
    from poolwise.model.plan import Plan
    from poolwise.model.profile import Profile
    from poolwise.model.progress import Progress
    from poolwise.model.quota import Limit, Rate
    from poolwise.model.report import Diagnosis, Report
    from poolwise.model.results import Results
    from poolwise.model.retry import Retry
    from poolwise.model.timeline import Timeline

if _typing.TYPE_CHECKING:
    from poolwise import testing
    from poolwise.api.pool import Pool
    from poolwise.api.race import race
    from poolwise.api.sweep import sweep
    from poolwise.api.timer import timer
    from poolwise.model.lap import Lap
    from poolwise.model.race import Difference, Entrant, Race
    from poolwise.model.sweep import Fit, Point, Sweep
    from poolwise.model.timing import Timing, Verdict
    from poolwise.model.usage import Usage
    from poolwise.web.fetch import fetch
    from poolwise.web.record import Page

__version__ = "0.1.0"
__all__ = [
    "Diagnosis",
    "Difference",
    "Entrant",
    "Failure",
    "Fit",
    "Journal",
    "Lap",
    "Limit",
    "Machine",
    "Page",
    "Plan",
    "Point",
    "Pool",
    "Profile",
    "Progress",
    "Race",
    "Rate",
    "Report",
    "ResultIterator",
    "Results",
    "Retry",
    "Sweep",
    "Timeline",
    "Timing",
    "Usage",
    "Verdict",
    "aimap",
    "amap",
    "errors",
    "fetch",
    "imap",
    "machine",
    "map",
    "race",
    "starmap",
    "sweep",
    "testing",
    "timer",
    "why",
]


# Where the names are that have not been imported above.
_HOMES = {
    "Diagnosis": "model.report",
    "Difference": "model.race",
    "Entrant": "model.race",
    "Failure": "model.failure",
    "Journal": "model.journal",
    "Lap": "model.lap",
    "Limit": "model.quota",
    "Fit": "model.sweep",
    "Machine": "model.machine",
    "Plan": "model.plan",
    "Point": "model.sweep",
    "Page": "web.record",
    "Pool": "api.pool",  # it needs concurrent.futures, 10 ms
    "Profile": "model.profile",
    "Progress": "model.progress",
    "Race": "model.race",
    "Rate": "model.quota",
    "Report": "model.report",
    "ResultIterator": "api.imap",
    "Results": "model.results",
    "Retry": "model.retry",
    "Sweep": "model.sweep",
    "Timeline": "model.timeline",
    "Timing": "model.timing",
    "Usage": "model.usage",
    "Verdict": "model.timing",
    "aimap": "api.amap",
    "amap": "api.amap",
    "fetch": "web.fetch",
    "imap": "api.imap",
    "machine": "api.why",
    "map": "api.map",
    "race": "api.race",
    "starmap": "api.map",
    "sweep": "api.sweep",
    "timer": "api.timer",
    "why": "api.why",
}


def __getattr__(name: str) -> object:
    """Import what somebody asks for and is not there yet."""
    from importlib import import_module  # noqa: PLC0415 - few need it

    if name in {"errors", "testing"}:
        return import_module(f"poolwise.{name}")
    if name in _HOMES:
        found: object = getattr(import_module(f"poolwise.{_HOMES[name]}"), name)
        globals()[name] = found
        return found
    if name == "load_ipython_extension":
        # For ``%load_ext poolwise``; nothing else asks for it.
        return import_module("poolwise.magic").load_ipython_extension
    raise AttributeError(f"module 'poolwise' has no attribute {name!r}")
