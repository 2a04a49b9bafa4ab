"""``amap`` and ``aimap``: the same from inside a running event loop, which goes on meanwhile.

The run's driver works in a thread of its own; coroutine functions run as tasks of the caller's loop, where sessions
and locks that were made there keep working. Cancelling the awaiting task ends the run and its workers.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable
from typing import Any

from poolwise.api.execution import Execution
from poolwise.api.map import collect, make_execution
from poolwise.errors import CallerError
from poolwise.model.results import Results


async def amap(function: Callable[..., Any], *iterables: Iterable[Any], **options: Any) -> Results[Any]:
    """Like ``map``, awaited: the event loop goes on while the items are run."""
    from poolwise.api.courier import Courier  # noqa: PLC0415 - asyncio takes 40 ms to import, and only we two need it

    execution = _make("amap", function, iterables, options, stream=False)
    with Courier(execution) as courier:
        return await courier.fetch(lambda: collect(execution))


def aimap(function: Callable[..., Any], *iterables: Iterable[Any], **options: Any) -> AsyncGenerator[Any, None]:
    """Like ``imap``, for ``async for``."""
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
    options: dict[str, Any],
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
