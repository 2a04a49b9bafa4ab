"""``process_map`` and ``thread_map`` of ``tqdm.contrib.concurrent``, over ``poolwise.map``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from multiprocessing.context import BaseContext
from typing import Any, Literal, TypeVar

from poolwise.api.map import map as map_items
from poolwise.compat.bars import count, showing
from poolwise.compat.contexts import start_method_of
from poolwise.compat.refusing import refuse
from poolwise.model.results import Results

T = TypeVar("T")


def process_map(fn: Callable[..., T], *iterables: Iterable[Any], **options: Any) -> Results[T]:
    """Give ``fn(item)`` of all items, called in worker processes, with a bar.

    ``max_workers``, ``chunksize`` (None: by measured time), ``mp_context``, ``total``, ``tqdm_class`` and what the bar
    takes are as in tqdm. ``timeout``, ``max_tasks_per_child`` are refused. ``lock_name`` and
    ``buffersize`` change nothing: workers draw nothing, and no more is read ahead than is needed.
    """
    return _run("processes", fn, iterables, **options)


def thread_map(fn: Callable[..., T], *iterables: Iterable[Any], **options: Any) -> Results[T]:
    """Give ``fn(item)`` of all items, called in threads, with a bar; options as in ``process_map``.

    ``thread_name_prefix`` is refused.
    """
    return _run("threads", fn, iterables, **options)


def _run(
    backend: Literal["processes", "threads"],
    fn: Callable[..., T],
    iterables: tuple[Iterable[Any], ...],
    *,
    max_workers: int | None = None,
    chunksize: int | None = None,
    mp_context: BaseContext | None = None,
    tqdm_class: Any = None,
    lock_name: str = "",  # noqa: ARG001 - see process_map
    buffersize: int | None = None,  # noqa: ARG001
    timeout: float | None = None,
    max_tasks_per_child: int | None = None,
    thread_name_prefix: str | None = None,
    **looks: Any,
) -> Results[T]:
    refuse(timeout=timeout, max_tasks_per_child=max_tasks_per_child, thread_name_prefix=thread_name_prefix)
    total = looks.pop("total", None)
    if total is None:
        total = count(iterables)
    with showing(tqdm_class, total, {"smoothing": 0.0, **looks}) as shown:
        return map_items(
            fn,
            *iterables,
            backend=backend,
            max_workers=max_workers,
            chunksize=chunksize,
            start_method=start_method_of(mp_context),
            **shown,
        )
