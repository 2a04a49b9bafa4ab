"""``timer``: what a stretch of a program costs, in all its processes, and what kind of work it is.

``Timer`` is what people hold: a context manager that can be used again, and a decorator. ``_Stretch`` is one stretch of
time: it holds the clocks, knows which stretch it is inside of, and makes the Timing at its end.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from contextvars import ContextVar
from functools import wraps
from types import TracebackType
from typing import Any, Literal, ParamSpec, Self, TypeVar, cast, overload

from poolwise.decide.verdict import judge
from poolwise.errors import OptionError, TimerError
from poolwise.measure.free_threading import gil_enabled
from poolwise.measure.gil_meter import GilMeter, Reading
from poolwise.measure.machine import usable_cores
from poolwise.measure.usage import UsageClock
from poolwise.measure.watcher import shared_watcher
from poolwise.model.classes import replace
from poolwise.model.prose import learn_from
from poolwise.model.timing import Timing
from poolwise.model.units import Seconds
from poolwise.model.usage import Usage
from poolwise.report import teach_words
from poolwise.work.proc import queued_s

P = ParamSpec("P")
R = TypeVar("R")
Show = bool | Callable[[Timing], object]
Way = Literal["function", "coroutine", "generator", "async generator"]

logger = logging.getLogger("poolwise")
learn_from(teach_words)

_meter = GilMeter()
_current: ContextVar[_Stretch | None] = ContextVar("poolwise_timer", default=None)


@overload
def timer(label: str | None = None, *, show: Show = True) -> Timer: ...
@overload
def timer(label: Callable[P, R], *, show: Show = True) -> Callable[P, R]: ...
def timer(label: str | Callable[P, R] | None = None, *, show: Show = True) -> Timer | Callable[P, R]:
    """Time a block or a function, its child processes included, and say what kind of work it was.

    >>> import poolwise
    >>> with poolwise.timer("sum", show=False) as t:
    ...     total = sum(range(100_000))
    >>> t.timing.label, t.timing.wall_s > 0
    ('sum', True)

    ``label`` names it; without one, a block is named by its file and line and a function by its own name. ``show``:
    True tells it on standard error at the end, False does not, a function is called with the ``Timing``. The Timing is
    kept as ``.timing`` too.

    It is a decorator as well, ``@poolwise.timer("load")`` or plain ``@poolwise.timer``, for functions, coroutine
    functions and generators of both kinds; of these, the time between two of what they give is not counted.
    Timers inside of timers are told indented, and are in the outer one's ``.timing.within``.

    CPU, memory and cores are those of this process and of all its descendants, also those that still live at the end:
    of the whole process, so that what other threads do meanwhile counts. What the block raises passes through, and the
    timing is told. The first timer starts a process that watches, 30 ms before its clock begins.

    Raises OptionError where ``label`` is no text or ``show`` is neither a truth value nor a function.
    """
    if label is not None and not isinstance(label, str):
        if not callable(label):
            raise OptionError(f"label={label!r}: write a text, such as poolwise.timer('load')")
        return Timer(None, show)(label)
    return Timer(label, show)


class Timer:
    """Times a block or a function; what ``poolwise.timer`` gives."""

    def __init__(self, label: str | None, show: Show) -> None:
        """Time nothing yet."""
        if not (isinstance(show, bool) or callable(show)):
            raise OptionError(f"show={show!r}: write True, False, or a function that takes a Timing")
        self._label = label
        self._show = show
        self._stretch: _Stretch | None = None
        self._timing: Timing | None = None

    @property
    def timing(self) -> Timing:
        """What the last stretch has cost; raises TimerError while there is none."""
        if self._timing is None:
            raise TimerError("this timer has not timed anything yet: its timing is there when its block has ended")
        return self._timing

    def __enter__(self) -> Self:
        """Begin."""
        if self._stretch is not None:
            raise TimerError("this timer is running already; make one for each block: with poolwise.timer() as t")
        self._stretch = _Stretch(self._label or _place(), self._show)
        self._stretch.begin()
        self._stretch.step_in()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, and tell."""
        stretch, self._stretch = self._stretch, None
        if stretch is not None:
            stretch.step_out()
            self._timing = stretch.end(kind)

    def __call__(self, function: Callable[P, R], /) -> Callable[P, R]:
        """Give a function that does what ``function`` does and times each call."""
        if not callable(function):
            raise OptionError(f"a timer decorates functions, and {function!r} is none")
        label = self._label or str(getattr(function, "__qualname__", repr(function)))
        way = _way(function)
        call: Callable[..., Any] = function

        def begun() -> _Stretch:
            stretch = _Stretch(label, self._show, lambda timing: setattr(self, "_timing", timing))
            stretch.begin()
            return stretch

        if way == "generator":
            return wraps(function)(cast("Callable[P, R]", lambda *a, **k: _TimedGenerator(call(*a, **k), begun)))
        if way == "async generator":
            return wraps(function)(cast("Callable[P, R]", lambda *a, **k: _TimedAsyncGenerator(call(*a, **k), begun)))

        @wraps(function)
        async def timed_coroutine(*args: P.args, **keywords: P.kwargs) -> object:
            with begun().entered():
                return await call(*args, **keywords)

        @wraps(function)
        def timed(*args: P.args, **keywords: P.kwargs) -> R:
            with begun().entered():
                return function(*args, **keywords)

        return cast("Callable[P, R]", timed_coroutine) if way == "coroutine" else timed


class _Stretch:
    """One stretch of time."""

    def __init__(self, label: str, show: Show, keep: Callable[[Timing], object] | None = None) -> None:
        self._label, self._show, self._keep = label, show, keep
        self._outer = _current.get()
        self._depth: int = 0 if self._outer is None else self._outer._depth + 1  # noqa: SLF001 - one of our own kind
        self._within: list[Timing] = []
        self._clock = UsageClock(watch=shared_watcher())
        self._is_inside = True

    def begin(self) -> None:
        """Start the clocks."""
        _meter.enter()
        self._queued_s = queued_s()
        self._clock.__enter__()
        self._gil = _meter.reading()

    def step_in(self) -> None:
        """Be the one that others are inside of."""
        if not self._is_inside:
            self._clock.resume()
        self._before = _current.get()
        self._is_inside = True
        _current.set(self)

    def step_out(self, *, to_return: bool = False) -> None:
        """Be it no more; ``to_return``: the clocks pause."""
        if to_return:
            self._clock.pause()
        self._is_inside = not to_return
        _current.set(self._before)

    def entered(self) -> _Entered:
        """Step in and, at the end, out."""
        return _Entered(self)

    def end(self, error: type[BaseException] | None) -> Timing:
        """Stop the clocks, make the Timing, hand it on and tell it."""
        gil, queued = _meter.reading(), queued_s() - self._queued_s
        self._clock.__exit__(None, None, None)
        _meter.leave()
        timing = make_timing(
            self._label,
            self._clock.usage(),
            (self._gil, gil),
            thread_queued_s=queued,
            # In a generator the clock stood still at times, and the GIL was looked at all the while.
            knows_gil=not self._clock.has_paused,
            failed=None if error is None else error.__name__,
            within=tuple(self._within),
        )
        if self._keep is not None:
            self._keep(timing)
        if self._outer is not None:
            self._outer._within.append(timing)  # noqa: SLF001 - one of our own kind
        self._tell(timing)
        return timing

    def _tell(self, timing: Timing) -> None:
        if callable(self._show):
            try:
                self._show(timing)
            except Exception:
                logger.exception("poolwise.timer(%r): its show function raised; the work is not harmed", self._label)
        elif self._show:
            tell(timing, self._depth)


class _Entered:
    """A stretch that is being entered and left in one go."""

    def __init__(self, stretch: _Stretch) -> None:
        self._stretch = stretch

    def __enter__(self) -> None:
        self._stretch.step_in()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stretch.step_out()
        self._stretch.end(kind)


class _Pausing:
    """Times a generator of either kind: its clock runs while it does, from its first step to its end."""

    def __init__(self, begun: Callable[[], _Stretch]) -> None:
        self._begun = begun
        self._stretch: _Stretch | None = None
        self._over = False

    @property
    def has_begun(self) -> bool:
        """Whether it is at some step between the first and the end."""
        return self._stretch is not None

    def __enter__(self) -> None:
        if not self._over and self._stretch is None:
            self._stretch = self._begun()
        if self._stretch is not None:
            self._stretch.step_in()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stretch = self._stretch
        if stretch is None:
            return
        stretch.step_out(to_return=kind is None)
        if kind is not None:
            self._stretch, self._over = None, True
            stretch.end(None if issubclass(kind, (StopIteration, StopAsyncIteration, GeneratorExit)) else kind)

    def drop(self) -> None:
        """End where it stands: nobody will ask for another step."""
        stretch, self._stretch, self._over = self._stretch, None, True
        if stretch is not None:
            stretch.end(None)


class _TimedGenerator(Generator[Any, Any, Any]):
    """A generator as it was, with a clock that runs while it does."""

    def __init__(self, inner: Generator[Any, Any, Any], begun: Callable[[], _Stretch]) -> None:
        self._inner, self._pausing = inner, _Pausing(begun)

    def send(self, value: Any, /) -> Any:  # noqa: ANN401 - whatever the user's generator takes and gives
        with self._pausing:
            return self._inner.send(value)

    def throw(self, *error: Any) -> Any:  # noqa: ANN401 - see above
        with self._pausing:
            return self._inner.throw(*error)

    def close(self) -> None:
        if self._pausing.has_begun:
            super().close()
        self._inner.close()

    def __del__(self) -> None:
        # A generator that is dropped halfway is closed; its timing is told then.
        self.close()


class _TimedAsyncGenerator(AsyncGenerator[Any, Any]):
    """The same of an async generator."""

    def __init__(self, inner: AsyncGenerator[Any, Any], begun: Callable[[], _Stretch]) -> None:
        self._inner, self._pausing = inner, _Pausing(begun)

    async def asend(self, value: Any, /) -> Any:  # noqa: ANN401 - see above
        with self._pausing:
            return await self._inner.asend(value)

    async def athrow(self, *error: Any) -> Any:  # noqa: ANN401 - see above
        with self._pausing:
            return await self._inner.athrow(*error)

    async def aclose(self) -> None:
        if self._pausing.has_begun:
            await super().aclose()
        await self._inner.aclose()

    def __del__(self) -> None:
        # The event loop closes the inner one, later; nothing can be awaited here.
        self._pausing.drop()


def make_timing(
    label: str,
    usage: Usage,
    gil: tuple[Reading, Reading],
    *,
    thread_queued_s: Seconds = 0.0,
    knows_gil: bool = True,
    failed: str | None = None,
    within: tuple[Timing, ...] = (),
) -> Timing:
    """Make a Timing of what was measured; ``gil``: the sums of the meter at the beginning and the end.

    ``thread_queued_s``: for how long the thread was ready and had no core. Many threads that wait, and are woken
    together, queue for a moment each; their sum says nothing of the work.
    """
    before, after = gil
    share = None
    if knows_gil:
        # The meter's own CPU is not the work's.
        usage = replace(usage, cpu_own_s=max(0.0, usage.cpu_own_s - (after.cpu_s - before.cpu_s)))
        share = after.share_since(before, usage.wall_s)
    queued = (usage.queued_s or 0.0) if usage.cpu_children_s > usage.cpu_own_s else max(0.0, thread_queued_s)
    cores, _ = usable_cores()
    return Timing(
        label=label,
        usage=usage,
        gil_share=share,
        queued_s=queued,
        cores_usable=cores,
        verdict=judge(usage, gil_share=share, queued_s=queued, cores=cores, gil=gil_enabled()),
        failed=failed,
        within=within,
    )


def tell(timing: Timing, depth: int = 0) -> None:
    """Write a Timing to standard error; where that is closed, nobody wants to know."""
    from poolwise.report.timing import indented  # noqa: PLC0415 - words are loaded when there is something to say

    if sys.stderr is None:
        return
    try:
        sys.stderr.write(indented(str(timing), depth) + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        return


def _place() -> str:
    """Name the file and line of the ``with``."""
    frame = sys._getframe(2)  # noqa: SLF001 - documented, and inspect would take 10 ms
    return f"{frame.f_code.co_filename.replace(chr(92), '/').rpartition('/')[2]}:{frame.f_lineno}"


def _way(function: Callable[..., object]) -> Way:
    """Say how a function does its work: when called, or while it is awaited, or iterated over."""
    import inspect  # noqa: PLC0415 - 10 ms, and only a decorator needs it

    if inspect.iscoroutinefunction(function):
        return "coroutine"
    if inspect.isasyncgenfunction(function):
        return "async generator"
    return "generator" if inspect.isgeneratorfunction(function) else "function"
