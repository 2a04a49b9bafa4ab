"""One thread that does a run's waiting for an event loop; apart from the verbs because it needs asyncio."""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from collections.abc import Callable
from typing import Any, Self, TypeVar

from poolwise.api.execution import Execution

T = TypeVar("T")


class Courier:
    """One thread that does one thing at a time for an event loop, and brings back what came of it."""

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._orders: queue.SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]] | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._serve,), name="poolwise-driver", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._orders.put(None)

    async def fetch(self, order: Callable[[], T]) -> T:
        """Have ``order`` done in the thread. When the awaiting task is cancelled, so is the run, and it ends first."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._orders.put((order, future))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            self._execution.cancel()
            await asyncio.wait([future])
            future.exception()
            raise

    def _serve(self) -> None:
        while (work := self._orders.get()) is not None:
            order, future = work
            try:
                result = order()
            except BaseException as error:  # noqa: BLE001 - carried to the awaiting task, whatever it is
                self._tell(future, None, error)
            else:
                self._tell(future, result, None)

    def _tell(self, future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:  # noqa: ANN401
        def set_it() -> None:
            if future.cancelled():
                return
            if error is None:
                future.set_result(result)
            else:
                # A StopIteration cannot be set on a future; a coroutine could not raise it either.
                future.set_exception(error if not isinstance(error, StopIteration) else RuntimeError(repr(error)))

        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(set_it)
