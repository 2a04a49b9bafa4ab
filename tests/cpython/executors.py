"""``Pool`` in the shapes that CPython's executor tests ask for."""

from __future__ import annotations

import multiprocessing
from typing import Any

import poolwise
from poolwise.api.pool_auto import Router


class Threads(poolwise.Pool):
    """Takes what ``ThreadPoolExecutor`` takes."""

    def __init__(self, max_workers: int | None = None, **options: Any) -> None:
        super().__init__("threads", max_workers=max_workers, **options)

    @property
    def _broken(self) -> bool:
        return self._clerk.error is not None


class Chooses(poolwise.Pool):
    """Takes what ``ThreadPoolExecutor`` takes, whose tests it stands in."""

    def __init__(self, max_workers: int | None = None, **options: Any) -> None:
        super().__init__("auto", max_workers=max_workers, **options)

    @property
    def _broken(self) -> bool:
        clerk = self._clerk
        return isinstance(clerk, Router) and clerk.broken() is not None


class Interpreters(poolwise.Pool):
    """Takes what ``InterpreterPoolExecutor`` takes."""

    def __init__(self, max_workers: int | None = None, **options: Any) -> None:
        super().__init__("interpreters", max_workers=max_workers, **options)

    @property
    def _broken(self) -> bool:
        return self._clerk.error is not None


class Processes(poolwise.Pool):
    """Takes what ``ProcessPoolExecutor`` takes: the start method as a context of ``multiprocessing``."""

    def __init__(self, max_workers: int | None = None, mp_context: Any = None, **options: Any) -> None:
        method = (mp_context or multiprocessing).get_start_method(allow_none=True)
        super().__init__("processes", max_workers=max_workers, start_method=method, **options)

    @property
    def _broken(self) -> bool:
        return self._clerk.error is not None
