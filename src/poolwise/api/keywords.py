"""What a caller may write, for type checkers: the options by name and type, and the shapes of functions.

``poolwise.map`` explains the options; their defaults and checks are those of ``poolwise.model.options.Options``, and a
test compares the two lists.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Coroutine, Iterable
from typing import Any, Literal, NotRequired, Required, TypeAlias, TypedDict, TypeVar, TypeVarTuple

from poolwise.model.journal import JournalChoice
from poolwise.model.options import BackendChoice, ErrorsChoice, ProgressChoice, StartMethod, TimelineChoice
from poolwise.model.quota import LimitChoice, RateChoice
from poolwise.model.retry import Retry
from poolwise.model.units import Bytes, Seconds

A = TypeVar("A")
"""An item: the function's argument."""
A2 = TypeVar("A2")
"""The second argument, from a second iterable."""
As = TypeVarTuple("As")
"""All arguments, from one tuple (``starmap``)."""
B = TypeVar("B")
"""A result."""

# A coroutine function is a function, too: overloads name it first, so that its result is what it gives when awaited.
Coro: TypeAlias = Coroutine[Any, Any, B]
Many: TypeAlias = Iterable[Any]
"""One of three or more iterables, whose items are not compared with the function's arguments any more."""
Both: TypeAlias = Iterable[A] | AsyncIterable[A]
"""What ``for`` or ``async for`` can read: inside a running event loop."""
Some: TypeAlias = Iterable[Any] | AsyncIterable[Any]
"""One of three or more of those."""


class RaceKeywords(TypedDict, total=False):
    """The options of a race and a sweep: what they do not say themselves."""

    chunksize: int | None
    retries: int | Retry
    timeout: Seconds | None
    initializer: Callable[..., object] | None
    initargs: tuple[Any, ...]
    start_method: StartMethod | None
    crash_retries: int
    memory_limit: Bytes | Literal["auto"] | None
    inner_max_num_threads: int | None
    seed: int | None


class _Shared(RaceKeywords, total=False):
    journal: JournalChoice
    max_failures: int | None
    rate: RateChoice
    limit: LimitChoice
    backend: BackendChoice
    max_workers: int | None
    ordered: bool
    progress: ProgressChoice
    timeline: TimelineChoice
    desc: str | None
    total: int | None
    cluster: object


class Keywords(_Shared):
    """Every option."""

    errors: NotRequired[ErrorsChoice]


class Raising(_Shared):
    """The options of a call that gives results only: an error is raised, or its item is left out."""

    errors: NotRequired[Literal["raise", "skip"]]


class Keeping(_Shared):
    """The options of a call that gives failures in the place of results, or may do so."""

    errors: Required[ErrorsChoice]
