"""What the types of the public words promise to a caller, read by mypy and pyright (``make types``) and never run.

Each line that has to be refused says so with ``# type: ignore[mypy's code]``, which pyright obeys too: a tool that
would let the line pass reports the comment as not needed.
"""

# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

import functools
import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from typing import Any, Literal, assert_type

import poolwise
from poolwise import Diagnosis, Failure, Machine, Plan, Progress, Report, ResultIterator, Results
from poolwise.model.choice import Choice

Errors = Literal["raise", "collect", "skip"]


def half(number: int) -> float:
    """Take one item."""
    return number / 2


async def slow_half(number: int) -> float:
    """Take one item, awaited."""
    return number / 2


def repeat(word: str, times: int = 2) -> bytes:
    """Take two items, or one."""
    return (word * times).encode()


async def slow_repeat(word: str, times: int) -> bytes:
    """Take two items, awaited."""
    return (word * times).encode()


def join(word: str, times: int, end: bytes) -> bytes:
    """Take three items."""
    return word.encode() * times + end


async def slow_join(word: str, times: int, end: bytes) -> bytes:
    """Take three items, awaited."""
    return word.encode() * times + end


class Scale:
    """Has methods and can be called."""

    def up(self, number: int) -> str:
        """Take one item."""
        return str(number)

    async def slow_up(self, number: int) -> str:
        """Take one item, awaited."""
        return str(number)

    def __call__(self, number: int) -> bytes:
        """Take one item."""
        return bytes(number)


def results_have_the_type_that_the_function_gives(numbers: Iterable[int], words: list[str]) -> None:
    """``map`` gives ``Results`` of what the function returns."""
    assert_type(poolwise.map(half, numbers), Results[float])
    assert_type(poolwise.map(half, range(3)), Results[float])
    assert_type(poolwise.map(half, [True]), Results[float])
    assert_type(poolwise.map(repeat, words), Results[bytes])
    assert_type(poolwise.map(repeat, words, numbers), Results[bytes])
    assert_type(poolwise.map(join, words, numbers, [b"!"]), Results[bytes])


def any_callable_will_do(numbers: list[int], words: list[str], unknown: Callable[[int], Any]) -> None:
    """Lambdas, types, built-ins, partials, methods and callable objects are functions like any other."""
    assert_type(poolwise.map(lambda number: number + 1, numbers), Results[int])
    assert_type(poolwise.map(lambda _, word: word, numbers, words), Results[str])
    assert_type(poolwise.map(int, words), Results[int])
    assert_type(poolwise.map(len, words), Results[int])
    assert_type(poolwise.map(abs, numbers), Results[int])
    assert_type(poolwise.map(math.sqrt, numbers), Results[float])
    assert_type(poolwise.map(functools.partial(repeat, times=3), words), Results[bytes])
    assert_type(poolwise.map(functools.partial(slow_repeat, times=3), words), Results[bytes])
    assert_type(poolwise.map(Scale().up, numbers), Results[str])
    assert_type(poolwise.map(Scale().slow_up, numbers), Results[str])
    assert_type(poolwise.map(Scale(), numbers), Results[bytes])
    assert_type(poolwise.map(Scale.up, [Scale()], numbers), Results[str])
    assert_type(poolwise.map(print, numbers), Results[None])
    assert_type(poolwise.map(unknown, numbers), Results[Any])


def coroutine_functions_are_awaited(numbers: list[int], words: list[str]) -> None:
    """The result of an ``async def`` is what it returns, not its coroutine."""
    assert_type(poolwise.map(slow_half, numbers), Results[float])
    assert_type(poolwise.map(slow_half, numbers, errors="collect"), Results[float | Failure])
    assert_type(poolwise.map(slow_repeat, words, numbers), Results[bytes])
    assert_type(poolwise.map(slow_repeat, words, numbers, errors="collect"), Results[bytes | Failure])
    assert_type(poolwise.map(slow_join, words, numbers, [b"!"]), Results[bytes])
    assert_type(poolwise.map(slow_join, words, numbers, [b"!"], errors="collect"), Results[bytes | Failure])
    assert_type(poolwise.starmap(slow_repeat, zip(words, numbers, strict=True)), Results[bytes])
    assert_type(poolwise.imap(slow_half, numbers), ResultIterator[float])


def failures_are_among_the_results_only_where_asked_for(numbers: list[int], words: list[str], errors: Errors) -> None:
    """``errors`` decides whether a result may be a ``Failure``; where it is not known which, it may."""
    assert_type(poolwise.map(half, numbers, errors="raise"), Results[float])
    assert_type(poolwise.map(half, numbers, errors="skip"), Results[float])
    assert_type(poolwise.map(half, numbers, errors="collect"), Results[float | Failure])
    assert_type(poolwise.map(half, numbers, errors=errors), Results[float | Failure])
    assert_type(poolwise.map(repeat, words, numbers, errors="collect"), Results[bytes | Failure])
    assert_type(poolwise.map(join, words, numbers, [b"!"], errors="collect"), Results[bytes | Failure])
    assert_type(poolwise.starmap(repeat, zip(words, numbers, strict=True), errors="collect"), Results[bytes | Failure])
    assert_type(poolwise.imap(half, numbers, errors="collect"), ResultIterator[float | Failure])
    assert_type(poolwise.aimap(half, numbers, errors="collect"), AsyncGenerator[float | Failure, None])
    kept = [result for result in poolwise.map(repeat, words, errors="collect") if not isinstance(result, Failure)]
    assert_type(kept, list[bytes])


def starmap_takes_tuples_of_arguments(words: list[str], numbers: list[int], uneven: Sequence[tuple[str]]) -> None:
    """``starmap`` compares each place of the tuples with the function's argument there."""
    assert_type(poolwise.starmap(repeat, [("a", 1)]), Results[bytes])
    assert_type(poolwise.starmap(repeat, uneven), Results[bytes])
    assert_type(poolwise.starmap(join, zip(words, numbers, [b"!"], strict=True)), Results[bytes])
    assert_type(poolwise.starmap(repeat, dict.fromkeys(words, 1).items()), Results[bytes])
    assert_type(poolwise.starmap(lambda word, _: word, [("a", 1)]), Results[str])


def results_are_a_list_with_a_report(numbers: list[int]) -> None:
    """``Results`` is a list in every way, and knows how it came about."""
    results = poolwise.map(half, numbers)
    as_list: list[float] = results
    assert_type(as_list[0], float)
    assert_type(results[0], float)
    assert_type(results[1:], list[float])
    assert_type(results.report, Report)
    assert_type(results.report.plan, Plan)
    assert_type(results.failures, tuple[Failure, ...])


def imap_gives_an_iterator_that_can_be_closed(numbers: Iterable[int]) -> None:
    """``imap`` gives an iterator, which is its own context."""
    with poolwise.imap(half, numbers) as results:
        assert_type(results, ResultIterator[float])
        assert_type(next(results), float)
        assert_type(list(results), list[float])
        assert_type(results.report, Report)
    as_iterator: Iterator[float] = results
    assert_type(poolwise.imap(repeat, ["a"], numbers), ResultIterator[bytes])
    assert_type(poolwise.imap(join, ["a"], numbers, [b"!"]), ResultIterator[bytes])
    del as_iterator


async def amap_and_aimap_are_for_coroutines(numbers: list[int], words: list[str], errors: Errors) -> None:
    """``amap`` is awaited and gives ``Results``; ``aimap`` is for ``async for``."""
    assert_type(await poolwise.amap(half, numbers), Results[float])
    assert_type(await poolwise.amap(slow_half, numbers), Results[float])
    assert_type(await poolwise.amap(slow_half, numbers, errors=errors), Results[float | Failure])
    assert_type(await poolwise.amap(slow_repeat, words, numbers), Results[bytes])
    assert_type(await poolwise.amap(slow_join, words, numbers, [b"!"]), Results[bytes])
    waiting: Coroutine[Any, Any, Results[float]] = poolwise.amap(half, numbers)
    assert_type(await waiting, Results[float])
    assert_type(poolwise.aimap(half, numbers), AsyncGenerator[float, None])
    assert_type(poolwise.aimap(slow_half, numbers), AsyncGenerator[float, None])
    assert_type(poolwise.aimap(repeat, words, numbers), AsyncGenerator[bytes, None])
    async for result in poolwise.aimap(slow_join, words, numbers, [b"!"]):
        assert_type(result, bytes)


async def amap_and_aimap_read_async_iterables(
    numbers: AsyncIterator[int], words: AsyncGenerator[str, None], times: list[int], either: Iterable[int]
) -> None:
    """What only ``async for`` can read gives items like any other, also beside ordinary iterables."""
    assert_type(await poolwise.amap(half, numbers), Results[float])
    assert_type(await poolwise.amap(slow_half, numbers, errors="collect"), Results[float | Failure])
    assert_type(await poolwise.amap(repeat, words, times), Results[bytes])
    assert_type(await poolwise.amap(slow_join, words, numbers, [b"!"]), Results[bytes])
    assert_type(poolwise.aimap(half, either), AsyncGenerator[float, None])
    assert_type(poolwise.aimap(slow_half, numbers), AsyncGenerator[float, None])
    assert_type(poolwise.aimap(lambda word: word, words), AsyncGenerator[str, None])
    await poolwise.amap(half, words)  # type: ignore[arg-type]
    poolwise.map(half, numbers)  # type: ignore[call-overload]
    poolwise.imap(half, numbers)  # type: ignore[call-overload]


def a_pool_is_an_executor(numbers: list[int], words: list[str]) -> None:
    """Futures and iterators have the type of what the function gives; wrong arguments are refused."""
    with poolwise.Pool("threads", max_workers=2) as pool:
        assert_type(pool, poolwise.Pool)
        assert_type(pool.submit(half, 3), Future[float])
        assert_type(pool.submit(repeat, "a", times=3), Future[bytes])
        assert_type(pool.map(half, numbers), Iterator[float])
        assert_type(pool.map(repeat, words, numbers, timeout=1.5, chunksize=2), Iterator[bytes])
        pool.submit(half, "3")  # type: ignore[arg-type]
        pool.submit(half)  # type: ignore[call-arg]
    executor: Executor = poolwise.Pool(initializer=print, initargs=("ready",), start_method="spawn", crash_retries=0)
    executor.shutdown(wait=False, cancel_futures=True)
    with poolwise.Pool("auto") as choosing:
        assert_type(choosing.submit(half, 3), Future[float])
        assert_type(choosing.why(half), Choice | None)
    poolwise.Pool("asyncio")  # type: ignore[arg-type]
    poolwise.Pool(max_workers="2")  # type: ignore[arg-type]
    poolwise.Pool(retries=1)  # type: ignore[call-arg]


def why_and_machine_give_values(numbers: list[int]) -> None:
    """``why`` gives a ``Diagnosis``, ``machine`` a ``Machine``."""
    assert_type(poolwise.why(half, numbers, max_workers=2, errors="collect"), Diagnosis)
    assert_type(poolwise.why(slow_repeat, ["a"], numbers), Diagnosis)
    assert_type(poolwise.machine(), Machine)


def every_option_is_known_by_name_and_type(numbers: list[int], show: Callable[[Progress], None]) -> None:
    """All options, with None where it means "you choose"."""
    assert_type(
        poolwise.map(
            half,
            numbers,
            backend="processes",
            max_workers=2,
            chunksize=10,
            ordered=False,
            errors="skip",
            retries=1,
            timeout=1.5,
            progress=show,
            initializer=print,
            initargs=("ready",),
            start_method="spawn",
            desc="halving",
            total=10,
        ),
        Results[float],
    )
    poolwise.map(half, numbers, max_workers=None, chunksize=None, timeout=None, initializer=None, start_method=None)
    poolwise.map(half, numbers, timeout=1, progress=False, initargs=())
    poolwise.map(half, numbers, progress="auto")


def wrong_items_are_refused(numbers: list[int], words: list[str], ragged: list[tuple[str, str]]) -> None:
    """Items that the function does not take, and too many or too few of them."""
    poolwise.map(half, words)  # type: ignore[arg-type]
    poolwise.map(slow_half, words)  # type: ignore[arg-type]
    poolwise.map(half, 3)  # type: ignore[call-overload]
    poolwise.map(half, numbers, numbers)  # type: ignore[arg-type]
    poolwise.map(slow_repeat, words)  # type: ignore[arg-type]
    poolwise.map(repeat, words, words)  # type: ignore[arg-type]
    poolwise.map(half)  # type: ignore[call-overload]
    poolwise.map(numbers, half)  # type: ignore[call-overload]
    poolwise.map(half, iterable=numbers)  # type: ignore[call-overload]
    poolwise.imap(half, words)  # type: ignore[arg-type]
    poolwise.aimap(half, words)  # type: ignore[arg-type]
    poolwise.starmap(repeat, ragged)  # type: ignore[arg-type]
    poolwise.starmap(repeat, words)  # type: ignore[arg-type]
    poolwise.starmap(join, zip(words, numbers, strict=True))  # type: ignore[arg-type]
    poolwise.starmap(slow_repeat, ragged)  # type: ignore[arg-type]
    poolwise.why(3, numbers)  # type: ignore[arg-type]


def wrong_options_are_refused(numbers: list[int]) -> None:
    """Unknown names, values of the wrong type, and words that are not among the choices."""
    poolwise.map(half, numbers, retrys=1)  # type: ignore[call-overload]
    poolwise.map(half, numbers, journal=3)  # type: ignore[call-overload]
    poolwise.map(half, numbers, retries="1")  # type: ignore[call-overload]
    poolwise.map(half, numbers, max_workers=1.5)  # type: ignore[call-overload]
    poolwise.map(half, numbers, timeout="1s")  # type: ignore[call-overload]
    poolwise.map(half, numbers, errors="colect")  # type: ignore[call-overload]
    poolwise.map(half, numbers, backend="thread")  # type: ignore[call-overload]
    poolwise.map(half, numbers, start_method="frok")  # type: ignore[call-overload]
    poolwise.map(half, numbers, progress=3)  # type: ignore[call-overload]
    poolwise.map(half, numbers, desc=3)  # type: ignore[call-overload]
    poolwise.map(half, numbers, total="10")  # type: ignore[call-overload]
    poolwise.map(half, numbers, ordered="yes")  # type: ignore[call-overload]
    poolwise.map(half, numbers, initargs=["ready"])  # type: ignore[call-overload]
    poolwise.imap(half, numbers, retrys=1)  # type: ignore[call-overload]
    poolwise.starmap(repeat, [("a", 1)], retrys=1)  # type: ignore[call-overload]
    poolwise.aimap(half, numbers, retrys=1)  # type: ignore[call-overload]
    poolwise.why(half, numbers, retrys=1)  # type: ignore[call-arg]
    poolwise.machine(1)  # type: ignore[call-arg]


async def amap_refuses_the_same(numbers: list[int], words: list[str]) -> None:
    """``amap`` compares items and options as ``map`` does."""
    await poolwise.amap(half, words)  # type: ignore[arg-type]
    await poolwise.amap(half, numbers, retrys=1)  # type: ignore[call-overload]


def results_are_not_taken_for_something_else(numbers: list[int]) -> None:
    """A result of the wrong type is noticed where it is used."""
    texts: list[str] = poolwise.map(half, numbers)  # type: ignore[arg-type]
    values: list[float] = poolwise.map(half, numbers, errors="collect")  # type: ignore[assignment]
    del texts, values


async def timers_keep_what_they_time() -> None:
    """A decorated function has its arguments and result, and a block its timing."""
    assert_type(poolwise.timer("half")(half)(number=1), float)
    assert_type(poolwise.timer(half)(1), float)
    assert_type(await poolwise.timer(slow_half)(1), float)
    with poolwise.timer("block", show=print) as t:
        pass
    assert_type(t.timing, poolwise.Timing)
    assert_type(t.timing.peak_bytes, int | None)
    poolwise.timer(half)("1")  # type: ignore[arg-type]
    poolwise.timer(3)  # type: ignore[call-overload]
    poolwise.timer("block", show="yes")  # type: ignore[call-overload]
