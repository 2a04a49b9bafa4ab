"""``ProcessPoolExecutor`` and ``ThreadPoolExecutor``: ``poolwise.Pool`` with the standard library's arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from multiprocessing.context import BaseContext
from typing import Any

from poolwise.api.pool import Pool
from poolwise.compat.contexts import start_method_of
from poolwise.compat.refusing import refuse


class ProcessPoolExecutor(Pool):
    """``poolwise.Pool("processes")``, called as the standard library's.

    ``mp_context``: its start method is used; None: as ``poolwise.Pool`` chooses. ``max_tasks_per_child`` is refused.
    """

    def __init__(
        self,
        max_workers: int | None = None,
        mp_context: BaseContext | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
        *,
        max_tasks_per_child: int | None = None,
    ) -> None:
        """Start the workers."""
        refuse(max_tasks_per_child=max_tasks_per_child)
        super().__init__(
            "processes",
            max_workers=max_workers,
            initializer=initializer,
            initargs=tuple(initargs) if initializer else (),
            start_method=start_method_of(mp_context),
        )


class ThreadPoolExecutor(Pool):
    """``poolwise.Pool("threads")``, called as the standard library's. ``thread_name_prefix`` is refused."""

    def __init__(
        self,
        max_workers: int | None = None,
        thread_name_prefix: str = "",
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
    ) -> None:
        """Start the threads."""
        refuse(thread_name_prefix=thread_name_prefix or None)
        super().__init__(
            "threads",
            max_workers=max_workers,
            initializer=initializer,
            initargs=tuple(initargs) if initializer else (),
        )
