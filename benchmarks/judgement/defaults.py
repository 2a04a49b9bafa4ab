"""The peers with their defaults: what is taken by who tunes nothing. Each is imported when it is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

from benchmarks.judgement.ways import Function, Runner


class Awaited:
    """A coroutine function as an ordinary one: what users of a thread or process pool write around it."""

    def __init__(self, function: Function) -> None:
        """Wrap the function."""
        self.function = function

    def __call__(self, item: Any) -> Any:
        """Run one call in an event loop of its own."""
        return asyncio.run(self.function(item))


def by_name(name: str, *, coroutine: bool) -> Runner:
    """Give the way of this name."""
    run = MAKERS[name]()
    return (lambda function, items: run(Awaited(function), items)) if coroutine else run


def _thread_pool() -> Runner:
    def run(function: Function, items: Iterable[Any]) -> list[Any]:
        with ThreadPoolExecutor() as pool:
            return list(pool.map(function, items))

    return run


def _process_pool() -> Runner:
    def run(function: Function, items: Iterable[Any]) -> list[Any]:
        with ProcessPoolExecutor() as pool:
            return list(pool.map(function, items))

    return run


def _joblib() -> Runner:
    from joblib import Parallel, delayed  # noqa: PLC0415 - measured only where it is asked for
    from joblib.externals.loky import get_reusable_executor  # noqa: PLC0415

    def run(function: Function, items: Iterable[Any]) -> list[Any]:
        results: list[Any] = Parallel(n_jobs=-1)(delayed(function)(item) for item in items)
        get_reusable_executor().shutdown(wait=True)  # it would keep its workers for some minutes
        return results

    return run


def _mpire() -> Runner:
    from mpire import WorkerPool  # noqa: PLC0415 - measured only where it is asked for

    def run(function: Function, items: Iterable[Any]) -> list[Any]:
        # mpire hands a tuple's members out as arguments; of a tuple around the item, the item is the one member.
        with WorkerPool() as pool:
            results: list[Any] = pool.map(function, [(item,) for item in items])
        return results

    return run


def _dask() -> Runner:
    from dask.distributed import Client  # noqa: PLC0415 - measured only where it is asked for

    def run(function: Function, items: Iterable[Any]) -> list[Any]:
        with Client(host="127.0.0.1", dashboard_address=None) as client:
            results: list[Any] = client.gather(client.map(function, list(items), pure=False))
        return results

    return run


MAKERS: dict[str, Callable[[], Runner]] = {
    "ThreadPoolExecutor": _thread_pool,
    "ProcessPoolExecutor": _process_pool,
    "joblib": _joblib,
    "mpire": _mpire,
    "dask": _dask,
}
