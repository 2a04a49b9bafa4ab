"""``amap`` and ``aimap``: the same from inside a running event loop, which goes on meanwhile.

The run's driver works in a thread of its own; coroutine functions run as tasks of the caller's loop, where sessions
and locks that were made there keep working, and so does what reads async iterables. Cancelling the awaiting task ends
the run and its workers.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping
from typing import Any, Unpack, cast, overload

from poolwise.api.courier import Courier
from poolwise.api.execution import Execution
from poolwise.api.keywords import A2, A, B, Both, Coro, Keeping, Keywords, Raising, Some
from poolwise.api.map import collect, make_execution
from poolwise.errors import CallerError
from poolwise.model.failure import Failure
from poolwise.model.results import Results
from poolwise.work.arriving import Arriving, Pump, is_async_iterable
from poolwise.work.eventloop import EventLoop, find_event_loop


@overload
async def amap(function: Callable[[A], Coro[B]], items: Both[A], /, **options: Unpack[Raising]) -> Results[B]: ...
@overload
async def amap(
    function: Callable[[A], Coro[B]], items: Both[A], /, **options: Unpack[Keeping]
) -> Results[B | Failure]: ...
@overload
async def amap(function: Callable[[A], B], items: Both[A], /, **options: Unpack[Raising]) -> Results[B]: ...
@overload
async def amap(function: Callable[[A], B], items: Both[A], /, **options: Unpack[Keeping]) -> Results[B | Failure]: ...
@overload
async def amap(
    function: Callable[[A, A2], Coro[B]], first: Both[A], second: Both[A2], /, **options: Unpack[Raising]
) -> Results[B]: ...
@overload
async def amap(
    function: Callable[[A, A2], Coro[B]], first: Both[A], second: Both[A2], /, **options: Unpack[Keeping]
) -> Results[B | Failure]: ...
@overload
async def amap(
    function: Callable[[A, A2], B], first: Both[A], second: Both[A2], /, **options: Unpack[Raising]
) -> Results[B]: ...
@overload
async def amap(
    function: Callable[[A, A2], B], first: Both[A], second: Both[A2], /, **options: Unpack[Keeping]
) -> Results[B | Failure]: ...
@overload
async def amap(
    function: Callable[..., Coro[B]],
    first: Some,
    second: Some,
    third: Some,
    /,
    *more: Some,
    **options: Unpack[Raising],
) -> Results[B]: ...
@overload
async def amap(
    function: Callable[..., Coro[B]],
    first: Some,
    second: Some,
    third: Some,
    /,
    *more: Some,
    **options: Unpack[Keeping],
) -> Results[B | Failure]: ...
@overload
async def amap(
    function: Callable[..., B],
    first: Some,
    second: Some,
    third: Some,
    /,
    *more: Some,
    **options: Unpack[Raising],
) -> Results[B]: ...
@overload
async def amap(
    function: Callable[..., B],
    first: Some,
    second: Some,
    third: Some,
    /,
    *more: Some,
    **options: Unpack[Keeping],
) -> Results[B | Failure]: ...
async def amap(function: Callable[..., Any], /, *iterables: Some, **options: Unpack[Keywords]) -> Results[Any]:
    """Like ``map``, awaited: the event loop goes on while the items are run.

    >>> import asyncio, poolwise
    >>> asyncio.run(poolwise.amap(abs, [-1, 2, -3]))
    [1, 2, 3]

    Arguments, options, guarantees and errors are those of ``poolwise.map``; bad ones are refused when it is awaited.

    A coroutine function runs as tasks of this event loop, where sessions and locks made in it keep working (in worker
    processes each has a loop of its own). An ordinary function and ordinary iterables run in a thread beside the loop;
    async iterables are read by one task of it, which closes them at the end. Cancelling the awaiting task ends the run
    and its workers first; a call that is under way in a thread is left behind after a second. The loop may be asyncio's
    or uvloop's, and trio's. Outside of a running event loop it raises ``poolwise.errors.CallerError``.
    """
    execution, loop, pump = _make("amap", function, iterables, options, stream=False)
    async with Courier(execution, loop, pump) as courier:
        return await courier.fetch(lambda: collect(execution))


@overload
def aimap(
    function: Callable[[A], Coro[B]], items: Both[A], /, **options: Unpack[Raising]
) -> AsyncGenerator[B, None]: ...
@overload
def aimap(
    function: Callable[[A], Coro[B]], items: Both[A], /, **options: Unpack[Keeping]
) -> AsyncGenerator[B | Failure, None]: ...
@overload
def aimap(function: Callable[[A], B], items: Both[A], /, **options: Unpack[Raising]) -> AsyncGenerator[B, None]: ...
@overload
def aimap(
    function: Callable[[A], B], items: Both[A], /, **options: Unpack[Keeping]
) -> AsyncGenerator[B | Failure, None]: ...
@overload
def aimap(
    function: Callable[[A, A2], Coro[B]], first: Both[A], second: Both[A2], /, **options: Unpack[Raising]
) -> AsyncGenerator[B, None]: ...
@overload
def aimap(
    function: Callable[[A, A2], Coro[B]], first: Both[A], second: Both[A2], /, **options: Unpack[Keeping]
) -> AsyncGenerator[B | Failure, None]: ...
@overload
def aimap(
    function: Callable[[A, A2], B], first: Both[A], second: Both[A2], /, **options: Unpack[Raising]
) -> AsyncGenerator[B, None]: ...
@overload
def aimap(
    function: Callable[[A, A2], B], first: Both[A], second: Both[A2], /, **options: Unpack[Keeping]
) -> AsyncGenerator[B | Failure, None]: ...
@overload
def aimap(
    function: Callable[..., Coro[B]],
    first: Some,
    second: Some,
    third: Some,
    /,
    *more: Some,
    **options: Unpack[Raising],
) -> AsyncGenerator[B, None]: ...
@overload
def aimap(
    function: Callable[..., Coro[B]],
    first: Some,
    second: Some,
    third: Some,
    /,
    *more: Some,
    **options: Unpack[Keeping],
) -> AsyncGenerator[B | Failure, None]: ...
@overload
def aimap(
    function: Callable[..., B],
    first: Some,
    second: Some,
    third: Some,
    /,
    *more: Some,
    **options: Unpack[Raising],
) -> AsyncGenerator[B, None]: ...
@overload
def aimap(
    function: Callable[..., B],
    first: Some,
    second: Some,
    third: Some,
    /,
    *more: Some,
    **options: Unpack[Keeping],
) -> AsyncGenerator[B | Failure, None]: ...
def aimap(function: Callable[..., Any], /, *iterables: Some, **options: Unpack[Keywords]) -> AsyncGenerator[Any, None]:
    """Like ``imap``, for ``async for``.

    >>> import asyncio, poolwise
    >>> async def main():
    ...     return [result async for result in poolwise.aimap(abs, [-1, 2, -3])]
    >>> asyncio.run(main())
    [1, 2, 3]

    Arguments, options and errors are those of ``poolwise.map``; bad ones are refused at once, and so is a call outside
    of a running event loop. It is as lazy as ``imap`` and runs where ``amap`` does. Where the loop may be left early,
    close it: ``async with contextlib.aclosing(poolwise.aimap(...)) as results``.
    """
    return _values(*_make("aimap", function, iterables, options, stream=True))


async def _values(execution: Execution, loop: EventLoop, pump: Pump | None) -> AsyncGenerator[Any, None]:
    batches = execution.batches()
    async with Courier(execution, loop, pump) as courier:
        try:
            while (batch := await courier.fetch(lambda: next(batches, None))) is not None:
                for value in execution.wanted(batch):
                    yield value
        finally:
            await courier.finish(batches.close)
    if execution.error is not None:
        raise execution.error


def _make(
    verb: str,
    function: Callable[..., Any],
    iterables: tuple[Some, ...],
    options: Mapping[str, object],
    *,
    stream: bool,
) -> tuple[Execution, EventLoop, Pump | None]:
    """Check what the caller asks for, and find the event loop."""
    if (loop := find_event_loop()) is None:
        raise CallerError(
            f"{verb}() must be called from a coroutine, inside a running event loop (asyncio's or trio's); elsewhere "
            f"use {verb[1:]}()"
        )
    late = cast("list[AsyncIterable[Any]]", [*filter(is_async_iterable, iterables)])
    pump = Pump(loop, late) if late else None
    items = Arriving(pump, iterables) if pump is not None else None
    execution = make_execution(
        verb, function, iterables, options, stream=stream, event_loop=loop.home, items=items, bound=loop.binds
    )
    if pump is not None:
        pump.wake = execution.wake
    return execution, loop, pump
