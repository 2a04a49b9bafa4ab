"""The functions of p_tqdm, over ``poolwise.map`` and ``poolwise.imap``.

``num_cpus`` is a number of processes, or a share of the cores (1.0: all); ``total`` and ``tqdm`` are as in p_tqdm, and
all other options are those of the bar.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, TypeVar

from poolwise.api.imap import imap
from poolwise.compat.bars import count, showing
from poolwise.measure.machine import find_machine

T = TypeVar("T")


def p_map(function: Callable[..., T], *iterables: Iterable[Any], **options: Any) -> list[T]:
    """Give the results of all items, computed in processes, in order."""
    return [*p_imap(function, *iterables, **options)]


def p_imap(function: Callable[..., T], *iterables: Iterable[Any], **options: Any) -> Iterator[T]:
    """Give the results one by one, in order; it begins when the first is asked for."""
    return _run(function, iterables, "processes", **options)


def p_umap(function: Callable[..., T], *iterables: Iterable[Any], **options: Any) -> list[T]:
    """Give the results of all items, computed in processes, in the order in which they came."""
    return [*p_uimap(function, *iterables, **options)]


def p_uimap(function: Callable[..., T], *iterables: Iterable[Any], **options: Any) -> Iterator[T]:
    """Give the results one by one, as they come; it begins when the first is asked for."""
    return _run(function, iterables, "processes", ordered=False, **options)


def t_map(function: Callable[..., T], *iterables: Iterable[Any], **options: Any) -> list[T]:
    """Give the results of all items, computed in a plain loop."""
    return [*t_imap(function, *iterables, **options)]


def t_imap(function: Callable[..., T], *iterables: Iterable[Any], **options: Any) -> Iterator[T]:
    """Give the results one by one, computed in a plain loop."""
    return _run(function, iterables, "loop", **options)


def _run(
    function: Callable[..., T],
    iterables: tuple[Iterable[Any], ...],
    backend: Literal["processes", "loop"],
    *,
    ordered: bool = True,
    num_cpus: float | None = None,
    total: int | None = None,
    tqdm: Any = None,
    **looks: Any,
) -> Iterator[T]:
    if isinstance(num_cpus, float):
        num_cpus = max(1, round(num_cpus * find_machine().cores))
    with (
        showing(tqdm, total or count(iterables), looks) as shown,
        imap(function, *iterables, backend=backend, max_workers=num_cpus, ordered=ordered, **shown) as results,
    ):
        yield from results
