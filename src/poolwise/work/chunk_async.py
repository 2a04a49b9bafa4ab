"""Awaiting the calls of one chunk in an event loop: the coroutine twin of ``chunk``, apart because it needs asyncio."""

from __future__ import annotations

import asyncio
import inspect
import os
import time
import types
from collections.abc import Awaitable, Iterator, Sequence
from functools import partial
from typing import Any, Protocol

from poolwise.errors import NotAwaitableError
from poolwise.model.events import Outcome, TaskError
from poolwise.model.units import Seconds
from poolwise.work.call import Call, short_repr
from poolwise.work.chunk import ChunkRules, Mark, late, task_error
from poolwise.work.cuttable import Cuttable


class Limit(Protocol):
    """What raises TimeoutError, where a block takes too long."""

    async def __aenter__(self) -> object:
        """Begin."""
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: types.TracebackType | None, /
    ) -> bool | None:
        """End it, and raise where it has ended the block."""
        ...

    def expired(self) -> bool:
        """Tell whether it was this that has ended the block."""
        ...


class Manner(Protocol):
    """What differs between event loops in how a task is ended."""

    def timeout(self, seconds: Seconds) -> Limit:
        """Cancel a block after so long."""
        ...

    def is_cancelling(self, error: BaseException) -> bool:
        """Tell our own cancelling of the running task from what its function lets out."""
        ...


class AsyncioManner:
    """Tasks of asyncio."""

    def timeout(self, seconds: Seconds) -> Limit:
        """Cancel a block after so long."""
        return asyncio.timeout(seconds)

    def is_cancelling(self, error: BaseException) -> bool:
        """Tell our own cancelling of the task from a CancelledError that the function let out."""
        if not isinstance(error, asyncio.CancelledError):
            return False
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0


ASYNCIO: Manner = AsyncioManner()


async def run_chunk_async(
    call: Call,
    items: Sequence[Any] | Cuttable,
    rules: ChunkRules,
    at_once: int = 1,
    *,
    mark: Mark | None = None,
    begin: Mark | None = None,
    manner: Manner = ASYNCIO,
) -> Outcome:
    """Await the function on the items, ``at_once`` of them at a time: the coroutine twin of ``run_chunk``.

    Items are marked only one at a time: of several under way, no mark could tell which one killed the worker.
    ``begin`` is called with an item's offset in the context in which it is run, however many there are at a time.
    ``manner`` is that of the running event loop; in another than asyncio's, items run one at a time.
    """
    told = [each for each in (mark if at_once == 1 else None, begin) if each is not None]
    timed = rules.times(len(items))
    # Where nothing has to be done for an item but to await it, that takes a third of the time.
    quick = not (told or timed or call.spread) and rules.timeout_s is None
    if quick and len(items) == 1:
        return await _run_one(call, items, manner)
    wall, cpu = time.perf_counter(), time.thread_time()
    each_s: list[Seconds] = [0.0] * len(items) if timed else []
    values: list[Any] = [None] * len(items)
    errors: dict[int, TaskError] = {}
    # One iterator for all that are under way: to index what is no list may take as long as to await.
    pairs = zip(items, range(len(items)), strict=False)
    home = os.getpid()

    async def one_after_another() -> None:
        for item, offset in pairs:
            if errors and rules.stop_at_error:
                return
            for tell in told:
                tell(offset)
            begun = time.perf_counter() if each_s else 0.0
            try:
                values[offset] = await _await_within(call, item, rules.timeout_s, manner)
            except BaseException as error:  # noqa: BLE001 - what the function raised is told, whatever it is
                errors[offset] = _told(error, home, manner)
            if each_s:
                each_s[offset] = time.perf_counter() - begun

    some = partial(_await_each, call, pairs, values, errors, rules, home, manner) if quick else one_after_another
    if at_once == 1:
        await some()
    else:
        await asyncio.gather(*(some() for _ in range(min(at_once, len(items)))))
    _drop_left(values, errors, rules, len(items))
    del each_s[len(values) :]
    cpu_s, ended_s = time.thread_time() - cpu, time.perf_counter()
    return Outcome(values, errors, ended_s - wall, cpu_s, ended_s=ended_s, each_s=each_s)


def _drop_left(values: list[Any], errors: dict[int, TaskError], rules: ChunkRules, count: int) -> None:
    """Take out the places of items that were left: behind an error that ends it all, or no more there."""
    if errors and rules.stop_at_error:
        del values[min(errors) + 1 :]
    elif count < len(values):
        # Some were taken away, or the caller's list was made shorter meanwhile: who counts the values sees it.
        del values[count:]


async def _run_one(call: Call, items: Sequence[Any] | Cuttable, manner: Manner) -> Outcome:
    """Await a single item: where hundreds are under way, each by itself, all that is not needed for one counts."""
    wall, cpu, home = time.perf_counter(), time.thread_time(), os.getpid()
    values: list[Any] = [None]
    errors: dict[int, TaskError] = {}
    # Taken one by one, since some may be taken away meanwhile.
    for item in items:
        try:
            given = call.function(item)
            values[0] = await (given if type(given) is types.CoroutineType else _checked(call, given))
        except BaseException as error:  # noqa: BLE001 - what the function raised is told, whatever it is
            errors[0] = _told(error, home, manner)
    cpu_s, ended_s = time.thread_time() - cpu, time.perf_counter()
    return Outcome(values, errors, ended_s - wall, cpu_s, ended_s=ended_s)


async def _await_each(  # noqa: PLR0917 - a part of the function above, apart because it is a loop of its own
    call: Call,
    pairs: Iterator[tuple[Any, int]],
    values: list[Any],
    errors: dict[int, TaskError],
    rules: ChunkRules,
    home: int,
    manner: Manner,
) -> None:
    function, kind = call.function, types.CoroutineType
    for item, offset in pairs:
        if errors and rules.stop_at_error:
            return
        try:
            given = function(item)
            values[offset] = await (given if type(given) is kind else _checked(call, given))
        except BaseException as error:  # noqa: BLE001 - what the function raised is told, whatever it is
            errors[offset] = _told(error, home, manner)


async def _await_within(call: Call, item: Any, timeout_s: Seconds | None, manner: Manner) -> Any:  # noqa: ANN401 - any item, any result
    if timeout_s is None:
        return await _begin(call, item)
    begun = time.monotonic()
    limit = manner.timeout(timeout_s)
    try:
        async with limit:
            value = await _begin(call, item)
    except TimeoutError:
        if limit.expired():
            raise late(timeout_s, time.monotonic() - begun, "; it was cancelled") from None
        raise
    took = time.monotonic() - begun
    if took > timeout_s:
        raise late(timeout_s, took)
    return value


def _begin(call: Call, item: Any) -> Awaitable[Any]:  # noqa: ANN401 - any item
    """Call the function, which must give something to await."""
    return _checked(call, call.function(*item) if call.spread else call.function(item))


def _checked(call: Call, given: Any) -> Awaitable[Any]:  # noqa: ANN401 - whatever the function gave
    if inspect.isawaitable(given):
        return given
    raise NotAwaitableError(
        f"{call.name} gave {short_repr(given)} ({type(given).__name__}), which an event loop cannot await: "
        "backend='asyncio' is for coroutine functions (async def); use backend='threads', or leave it out"
    )


def _told(error: BaseException, home: int, manner: Manner) -> TaskError:
    """Say what the function raised; our own cancelling of its task goes on."""
    if manner.is_cancelling(error):
        raise error
    return task_error(error) if isinstance(error, asyncio.CancelledError) else task_error(error, home)
