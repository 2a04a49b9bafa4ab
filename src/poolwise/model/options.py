"""Every option of the public verbs, its default and its check, in one place."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias, get_args

from poolwise.errors import OptionError, UnknownOptionError
from poolwise.model.checks import check_count, check_seconds, shown
from poolwise.model.classes import field_names, frozen, replace
from poolwise.model.journal import JournalChoice, as_journal
from poolwise.model.plain import LEFT_OUT, as_dict, from_plain
from poolwise.model.progress import Progress
from poolwise.model.quota import LimitChoice, RateChoice, as_limits, as_rates
from poolwise.model.retry import Retry, as_retry
from poolwise.model.units import Bytes, Seconds

BackendName: TypeAlias = Literal["loop", "threads", "processes", "interpreters", "asyncio", "dask", "ray"]
BackendChoice: TypeAlias = Literal["auto", "loop", "threads", "processes", "interpreters", "asyncio", "dask", "ray"]
ClusterName: TypeAlias = Literal["dask", "ray"]
ErrorsChoice: TypeAlias = Literal["raise", "collect", "skip"]
StartMethod: TypeAlias = Literal["fork", "forkserver", "spawn"]
ProgressChoice: TypeAlias = Literal["auto"] | bool | Callable[[Progress], object]
TimelineChoice: TypeAlias = bool | str | os.PathLike[str]

BACKENDS: tuple[BackendName, ...] = get_args(BackendName)
CLUSTERS: tuple[ClusterName, ...] = get_args(ClusterName)
LOCAL_BACKENDS: tuple[BackendName, ...] = tuple(name for name in BACKENDS if name not in CLUSTERS)
"""Those that need nothing but this machine."""
ERRORS: tuple[ErrorsChoice, ...] = get_args(ErrorsChoice)
START_METHODS: tuple[StartMethod, ...] = get_args(StartMethod)

# Interpreters beside the first one, with a GIL of their own, are part of the standard library since this version
# (PEP 734).
HAS_INTERPRETERS = sys.version_info >= (3, 14) and sys.implementation.name == "cpython"

# The environment's word for how many cores may be used, for batch systems and services.
CORES_VARIABLE = "POOLWISE_MAX_CORES"

# More workers than this is a slip of the keyboard (a chunk size, a number of items), not a wish.
MOST_WORKERS = 10_000
# A limit below this is a slip of the unit (megabytes for bytes): an interpreter that imports numpy grows by as much.
LEAST_MEMORY: Bytes = 16 * 2**20


@frozen(kw_only=True)
class Options:
    """How a caller wants the work run; each field is an option of ``poolwise.map`` and explained there."""

    backend: BackendChoice = "auto"
    max_workers: int | None = None
    chunksize: int | None = None
    ordered: bool = True
    errors: ErrorsChoice = "raise"
    journal: JournalChoice = None
    retries: int | Retry = 0
    max_failures: int | None = None
    rate: RateChoice = None
    limit: LimitChoice = None
    timeout: Seconds | None = None
    progress: ProgressChoice = "auto"
    initializer: Callable[..., object] | None = None
    initargs: tuple[Any, ...] = ()
    start_method: StartMethod | None = None
    crash_retries: int = 1
    memory_limit: Bytes | Literal["auto"] | None = "auto"
    inner_max_num_threads: int | None = None
    seed: int | None = None
    timeline: TimelineChoice = False
    desc: str | None = None
    total: int | None = None
    cluster: object = None

    def __post_init__(self) -> None:
        """Check every value once, here; afterwards everybody may trust them."""
        _one_of("backend", self.backend, ("auto", *BACKENDS))
        if self.backend == "interpreters" and not HAS_INTERPRETERS:
            _refuse_interpreters()
        _cluster(self.cluster, self.backend)
        _one_of("errors", self.errors, ERRORS)
        as_journal(self.journal)
        if self.start_method is not None:
            _one_of("start_method", self.start_method, START_METHODS, "None")
        check_count("max_workers", self.max_workers, least=1, most=MOST_WORKERS, optional=True)
        check_count("chunksize", self.chunksize, least=1, optional=True)
        if not isinstance(self.retries, Retry):
            check_count("retries", self.retries, least=0)
        check_count("max_failures", self.max_failures, least=0, optional=True)
        if self.max_failures is not None and self.errors == "raise":
            raise OptionError(
                f"max_failures={self.max_failures} with errors='raise', where the first failure ends the run: write "
                "errors='collect' or errors='skip' too, or leave max_failures out"
            )
        as_rates(self.rate)
        as_limits(self.limit)
        check_count("crash_retries", self.crash_retries, least=0)
        if self.memory_limit != "auto":
            check_count("memory_limit", self.memory_limit, least=LEAST_MEMORY, optional=True)
        check_count("inner_max_num_threads", self.inner_max_num_threads, least=1, most=MOST_WORKERS, optional=True)
        check_count("seed", self.seed, least=0, optional=True)
        check_count("total", self.total, least=0, optional=True)
        check_seconds("timeout", self.timeout, optional=True)
        _flag("ordered", self.ordered)
        _progress(self.progress)
        _desc(self.desc)
        _initializer(self.initializer, self.initargs)
        _timeline(self.timeline)

    def without_objects(self) -> Options:
        """Leave out the caller's own objects and what is only shown: they decide nothing, and no record needs them."""
        usual = Options()
        left_out = {name: getattr(usual, name) for name in LEFT_OUT["Options"]}
        return replace(self, **left_out, retries=as_retry(self.retries).retries)

    def to_dict(self) -> dict[str, Any]:
        """Give what is plain of them and may decide something: no ``progress``, ``desc``, ``initializer``."""
        return as_dict(self.without_objects())

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Options:
        """Read what ``to_dict`` wrote; raises InputError where it is of another form or version."""
        return from_plain(cls, data)

    @classmethod
    def from_keywords(cls, verb: str, keywords: Mapping[str, Any]) -> Options:
        """Make the options of a call of ``verb``, or say which keyword is wrong and what to write instead."""
        check_names(verb, keywords, field_names(cls))
        return cls(**keywords)


def check_names(verb: str, keywords: Iterable[str], known: Sequence[str]) -> None:
    """Raise UnknownOptionError where a keyword of a call is not known, with the nearest that is."""
    for name in keywords:
        if name not in known:
            near = _near(name, known, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"the options are {', '.join(known)}"
            msg = f"{verb}() got an unknown option {name!r}; {hint}"
            raise UnknownOptionError(msg)


def _refuse_interpreters() -> None:
    here = f"{sys.implementation.name} {sys.version_info.major}.{sys.version_info.minor}"
    msg = (
        f"backend='interpreters' needs CPython 3.14 or newer, and this is {here}: use backend='processes', which "
        "computes side by side on every Python"
    )
    raise OptionError(msg)


def _near(word: str, words: Sequence[str], cutoff: float = 0.6) -> list[str]:
    from difflib import get_close_matches  # noqa: PLC0415 - who makes no mistake need not wait for it

    return get_close_matches(word, words, n=1, cutoff=cutoff)


def _one_of(name: str, value: object, allowed: tuple[str, ...], also: str | None = None) -> None:
    if isinstance(value, str) and value in allowed:
        return
    choices = ", ".join([repr(each) for each in allowed] + ([also] if also else []))
    near = _near(value, allowed) if isinstance(value, str) else []
    hint = f"; did you mean {near[0]!r}?" if near else ""
    msg = f"{name}={shown(value)} is not known{hint} (one of {choices})"
    raise OptionError(msg)


def _cluster(cluster: object, backend: str) -> None:
    if cluster is None:
        return
    if backend not in CLUSTERS:
        raise OptionError(
            f"cluster={shown(cluster)} with backend={backend!r}: write backend='dask' or backend='ray' too, or leave "
            "cluster out"
        )
    if cluster == "" or isinstance(cluster, (bool, int, float, bytes)):
        raise OptionError(f"cluster={shown(cluster)}: write the address of a cluster, or None for the connected one")


def _flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        msg = f"{name}={shown(value)}: write True or False"
        raise OptionError(msg)


def _progress(value: object) -> None:
    if isinstance(value, bool) or callable(value) or (isinstance(value, str) and value == "auto"):
        return
    msg = f"progress={shown(value)}: write 'auto', True, False, or a function that takes a poolwise.Progress"
    raise OptionError(msg)


def _desc(value: object) -> None:
    if value is not None and not isinstance(value, str):
        raise OptionError(f"desc={shown(value)}: write a short text, or None for the function's name")


def _is_coroutine_function(given: object) -> bool:
    from inspect import iscoroutinefunction  # noqa: PLC0415 - it takes 7 ms

    return iscoroutinefunction(given)


def _initializer(initializer: object, initargs: object) -> None:
    if initializer is not None and not callable(initializer):
        msg = f"initializer={shown(initializer)} cannot be called: write a function, and its arguments in initargs"
        raise OptionError(msg)
    if initializer is not None and _is_coroutine_function(initializer):
        msg = f"initializer={shown(initializer)} is an async function, which nobody awaits: write an ordinary one"
        raise OptionError(msg)
    if not isinstance(initargs, tuple):
        msg = f"initargs={shown(initargs)}: write a tuple of arguments, such as ({initargs!r},)"
        raise OptionError(msg)
    if initargs and initializer is None:
        msg = f"initargs={shown(initargs)} without an initializer: name the initializer too, or leave initargs out"
        raise OptionError(msg)


def _timeline(value: object) -> None:
    """Check now that the file can be written, and not after an hour."""
    if isinstance(value, bool):
        return
    if not isinstance(value, (str, os.PathLike)) or not os.fspath(value):
        msg = f"timeline={shown(value)}: write True, False, or the name of a file to write the timeline to"
        raise OptionError(msg)
    from pathlib import Path  # noqa: PLC0415 - few name a file, and it takes 5 ms to import

    path = Path(value)
    if path.is_dir():
        raise OptionError(f"timeline={shown(value)} is a folder: write the name of a file in it")
    if not path.parent.is_dir():
        raise OptionError(f"timeline={shown(value)}: there is no folder {str(path.parent)!r}; make it first")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise OptionError(f"timeline={shown(value)} cannot be written: its permissions do not allow it")
