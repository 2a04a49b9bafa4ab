"""``amap`` and ``aimap``: the same from inside a running event loop, which goes on meanwhile.

The run's driver works in a thread of its own; coroutine functions run as tasks of the caller's loop, where sessions
and locks that were made there keep working. Cancelling the awaiting task ends the run and its workers.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from typing import Any, Unpack, overload

from poolwise.api.execution import Execution
from poolwise.api.keywords import A2, A, B, Coro, Keeping, Keywords, Many, Raising
from poolwise.api.map import collect, make_execution
from poolwise.errors import CallerError
from poolwise.model.failure import Failure
from poolwise.model.results import Results


@overload
async def amap(function: Callable[[A], Coro[B]], items: Iterable[A], /, **options: Unpack[Raising]) -> Results[B]: ...
@overload
async def amap(
    function: Callable[[A], Coro[B]], items: Iterable[A], /, **options: Unpack[Keeping]
) -> Results[B | Failure]: ...
@overload
async def amap(function: Callable[[A], B], items: Iterable[A], /, **options: Unpack[Raising]) -> Results[B]: ...
@overload
async def amap(
    function: Callable[[A], B], items: Iterable[A], /, **options: Unpack[Keeping]
) -> Results[B | Failure]: ...
@overload
async def amap(
    function: Callable[[A, A2], Coro[B]], first: Iterable[A], second: Iterable[A2], /, **options: Unpack[Raising]
) -> Results[B]: ...
@overload
async def amap(
    function: Callable[[A, A2], Coro[B]], first: Iterable[A], second: Iterable[A2], /, **options: Unpack[Keeping]
) -> Results[B | Failure]: ...
@overload
async def amap(
    function: Callable[[A, A2], B], first: Iterable[A], second: Iterable[A2], /, **options: Unpack[Raising]
) -> Results[B]: ...
@overload
async def amap(
    function: Callable[[A, A2], B], first: Iterable[A], second: Iterable[A2], /, **options: Unpack[Keeping]
) -> Results[B | Failure]: ...
@overload
async def amap(
    function: Callable[..., Coro[B]], first: Many, second: Many, third: Many, /, *more: Many, **options: Unpack[Raising]
) -> Results[B]: ...
@overload
async def amap(
    function: Callable[..., Coro[B]], first: Many, second: Many, third: Many, /, *more: Many, **options: Unpack[Keeping]
) -> Results[B | Failure]: ...
@overload
async def amap(
    function: Callable[..., B], first: Many, second: Many, third: Many, /, *more: Many, **options: Unpack[Raising]
) -> Results[B]: ...
@overload
async def amap(
    function: Callable[..., B], first: Many, second: Many, third: Many, /, *more: Many, **options: Unpack[Keeping]
) -> Results[B | Failure]: ...
async def amap(function: Callable[..., Any], /, *iterables: Iterable[Any], **options: Unpack[Keywords]) -> Results[Any]:
    """Like ``map``, awaited: the event loop goes on while the items are run.

    >>> import asyncio, poolwise
    >>> asyncio.run(poolwise.amap(abs, [-1, 2, -3]))
    [1, 2, 3]

    Arguments, options, guarantees and errors are those of ``poolwise.map``; bad ones are refused when it is awaited.

    A coroutine function runs as tasks of this event loop, where sessions and locks made in it keep working (in worker
    processes each has a loop of its own). An ordinary function and the iterables run in a thread beside the loop.
    Cancelling the awaiting task ends the run and its workers first. Outside of a running event loop it raises
    ``poolwise.errors.CallerError``.
    """
    from poolwise.api.courier import Courier  # noqa: PLC0415 - asyncio takes 40 ms to import, and only we two need it

    execution = _make("amap", function, iterables, options, stream=False)
    with Courier(execution) as courier:
        return await courier.fetch(lambda: collect(execution))


@overload
def aimap(
    function: Callable[[A], Coro[B]], items: Iterable[A], /, **options: Unpack[Raising]
) -> AsyncGenerator[B, None]: ...
@overload
def aimap(
    function: Callable[[A], Coro[B]], items: Iterable[A], /, **options: Unpack[Keeping]
) -> AsyncGenerator[B | Failure, None]: ...
@overload
def aimap(function: Callable[[A], B], items: Iterable[A], /, **options: Unpack[Raising]) -> AsyncGenerator[B, None]: ...
@overload
def aimap(
    function: Callable[[A], B], items: Iterable[A], /, **options: Unpack[Keeping]
) -> AsyncGenerator[B | Failure, None]: ...
@overload
def aimap(
    function: Callable[[A, A2], Coro[B]], first: Iterable[A], second: Iterable[A2], /, **options: Unpack[Raising]
) -> AsyncGenerator[B, None]: ...
@overload
def aimap(
    function: Callable[[A, A2], Coro[B]], first: Iterable[A], second: Iterable[A2], /, **options: Unpack[Keeping]
) -> AsyncGenerator[B | Failure, None]: ...
@overload
def aimap(
    function: Callable[[A, A2], B], first: Iterable[A], second: Iterable[A2], /, **options: Unpack[Raising]
) -> AsyncGenerator[B, None]: ...
@overload
def aimap(
    function: Callable[[A, A2], B], first: Iterable[A], second: Iterable[A2], /, **options: Unpack[Keeping]
) -> AsyncGenerator[B | Failure, None]: ...
@overload
def aimap(
    function: Callable[..., Coro[B]], first: Many, second: Many, third: Many, /, *more: Many, **options: Unpack[Raising]
) -> AsyncGenerator[B, None]: ...
@overload
def aimap(
    function: Callable[..., Coro[B]], first: Many, second: Many, third: Many, /, *more: Many, **options: Unpack[Keeping]
) -> AsyncGenerator[B | Failure, None]: ...
@overload
def aimap(
    function: Callable[..., B], first: Many, second: Many, third: Many, /, *more: Many, **options: Unpack[Raising]
) -> AsyncGenerator[B, None]: ...
@overload
def aimap(
    function: Callable[..., B], first: Many, second: Many, third: Many, /, *more: Many, **options: Unpack[Keeping]
) -> AsyncGenerator[B | Failure, None]: ...
def aimap(
    function: Callable[..., Any], /, *iterables: Iterable[Any], **options: Unpack[Keywords]
) -> AsyncGenerator[Any, None]:
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
    return _values(_make("aimap", function, iterables, options, stream=True))


async def _values(execution: Execution) -> AsyncGenerator[Any, None]:
    from poolwise.api.courier import Courier  # noqa: PLC0415 - see amap

    batches = execution.batches()
    with Courier(execution) as courier:
        try:
            while (batch := await courier.fetch(lambda: next(batches, None))) is not None:
                for value in execution.wanted(batch):
                    yield value
        finally:
            await courier.fetch(batches.close)
    if execution.error is not None:
        raise execution.error


def _make(
    verb: str,
    function: Callable[..., Any],
    iterables: tuple[Iterable[Any], ...],
    options: Mapping[str, object],
    *,
    stream: bool,
) -> Execution:
    import asyncio  # noqa: PLC0415 - see amap

    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        raise CallerError(
            f"{verb}() must be called from a coroutine, inside a running event loop; elsewhere use {verb[1:]}()"
        ) from None
    return make_execution(verb, function, iterables, options, stream=stream, event_loop=loop)
