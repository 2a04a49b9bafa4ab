"""``Pool``: warm workers that take one task after another; a ``concurrent.futures.Executor``."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any, ClassVar, Literal, ParamSpec, TypeAlias, TypeVar, get_args

from poolwise.api.handout import Handout
from poolwise.api.source import Buffer, Source
from poolwise.backends import create_task_interpreters, create_task_processes
from poolwise.backends.protocol import CAPABILITIES
from poolwise.errors import NotCallableError, OptionError
from poolwise.model.classes import replace
from poolwise.model.machine import Machine
from poolwise.model.options import Options, StartMethod
from poolwise.model.prose import learn_from
from poolwise.model.units import Bytes, Seconds
from poolwise.report import teach_words
from poolwise.run.adapt import Sizing
from poolwise.run.clerk import Clerk
from poolwise.run.desk import Many
from poolwise.run.self_service import SelfService
from poolwise.run.terms import Crew
from poolwise.work import role
from poolwise.work.call import Call, is_coroutine_function, short_repr
from poolwise.work.chunk import ChunkRules
from poolwise.work.items import Indexed
from poolwise.work.job import Job
from poolwise.work.task import NO_FUNCTION, PoolFuture, PoolThread, Task

if TYPE_CHECKING:
    from poolwise.api.pool_auto import Router
    from poolwise.model.choice import Choice

T = TypeVar("T")
P = ParamSpec("P")

PoolBackend: TypeAlias = Literal["processes", "threads", "interpreters", "auto"]

learn_from(teach_words)

# Tasks go out in chunks that take about so long, where they are so short that sending each costs as much as running it.
CHUNK_S: Seconds = 0.005


class Pool(Executor):
    """Workers that stay: started once, they take what ``submit`` and ``map`` give them.

    >>> import poolwise
    >>> with poolwise.Pool("threads", max_workers=2) as pool:
    ...     future = pool.submit(pow, 2, 5)
    ...     (future.result(), list(pool.map(abs, [-1, 2])))
    (32, [1, 2])

    ``backend``: ``"processes"``, ``"threads"``, (CPython 3.14 and newer) ``"interpreters"``, or ``"auto"``: threads and
        processes, of which each function gets what suits it. Its first tasks run on a thread and are measured there;
        ``why`` tells what came of that.
    ``max_workers``: the number of workers. None: one for each usable core (processes, interpreters), 32 (threads).
        ``"auto"`` has as many of each kind.
    ``initializer``, ``initargs``: called once in each worker.
    ``start_method``: as in ``poolwise.map``. None: fork where it is safe when the pool is made, else forkserver. A
        worker that replaces one never comes from a fork of this process, in which the pool's thread runs by then.
    ``crash_retries``, ``memory_limit``, ``inner_max_num_threads``: as in ``poolwise.map``.

    Functions travel by value (cloudpickle), so that they may be lambdas, closures and younger than the workers;
    arguments and results are pickled, large arrays in them lie in shared memory.

    **Guarantees**: a worker that dies costs the task that it was on and no other: its future raises
    ``WorkerDiedError``. A result is there within milliseconds of its task's end, whatever the other tasks do. Tasks
    that are done are not held, nor their functions. Leaving the ``with`` waits for all tasks and ends the workers; a
    pool that is dropped, or never closed, ends with its tasks, at the latest with the program.

    **Raises** ``poolwise.errors.CallerError`` where the arguments cannot be used. ``submit`` and ``map`` raise
    ``RuntimeError`` after ``shutdown``.
    """

    _sizing: ClassVar = Sizing(target_s=CHUNK_S)

    def __init__(
        self,
        backend: PoolBackend = "processes",
        *,
        max_workers: int | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        start_method: StartMethod | None = None,
        crash_retries: int = 1,
        memory_limit: Bytes | Literal["auto"] | None = "auto",
        inner_max_num_threads: int | None = None,
    ) -> None:
        """Start the workers."""
        role.refuse_nested_start("Pool")
        if backend not in get_args(PoolBackend):
            raise OptionError(f"backend={backend!r}: a pool has 'processes', 'threads', 'interpreters' or 'auto'")
        options = Options(
            backend=backend,
            max_workers=max_workers,
            initializer=initializer,
            initargs=initargs,
            start_method=start_method,
            crash_retries=crash_retries,
            memory_limit=memory_limit,
            inner_max_num_threads=inner_max_num_threads,
        )
        # The standard library's name: dask asks its executor for it.
        self._clerk, self._max_workers = _hire(options, self._sizing)
        self._thread = PoolThread(target=self._clerk.serve, name="poolwise-pool")
        self._thread.start()
        _open_pools[self._thread] = self._clerk
        # Dropped and never closed: what was submitted is still done.
        weakref.finalize(self, self._clerk.close).atexit = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have ``fn(*args, **kwargs)`` called by a worker, and give the future of its result."""
        _check(fn, "submit")
        future: PoolFuture[T] = PoolFuture()
        self._put(Task(future, fn, args, kwargs))
        return future

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: Seconds | None = None,
        chunksize: int | None = None,
        buffersize: int | None = None,
    ) -> Iterator[T]:
        """Call ``fn`` on all items and give the results in order as they come.

        ``timeout``: seconds from now after which ``next()`` raises ``TimeoutError``.
        ``chunksize``: most items sent together. None: found while running.
        ``buffersize``: so many items are read ahead at most of the results that were taken, so that the iterables may
            be endless. None: all are read at once.

        Closing the iterator, or an error, gives up what has not begun.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        _check_sizes(chunksize, buffersize)
        _check(fn, "map")
        if buffersize is not None:
            return Handout.of(Buffer(self._put, fn, iterables, buffersize, chunksize), deadline)
        many = Many(fn, _gather(iterables), len(iterables) != 1, chunksize)
        if many.items:
            self._put(many)
        return Handout.of(Source(many), deadline)

    def why(self, function: Callable[..., Any]) -> Choice | None:
        """Say which workers of a ``Pool("auto")`` a function's tasks go to, and why; None: none was measured yet.

        ``print(pool.why(function))`` says it in words. None too where the pool has but one kind of workers.
        """
        return self._clerk.why(function) if not isinstance(self._clerk, (Clerk, SelfService)) else None

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - as the standard library has it
        """Take no more tasks; ``wait`` for those that were submitted, or ``cancel_futures`` that have not begun.

        What was sent to a worker has begun: very short tasks are sent several at a time. An iterator of ``map`` gives
        what has come, and then raises ``CancelledError``.
        """
        self._clerk.close(cancel=cancel_futures)
        if wait and not self._clerk.is_inside(threading.current_thread()):
            self._thread.join()

    def _put(self, task: Task | Many) -> None:
        # A method of the pool: while an iterator may still read items for it, the pool is not dropped.
        self._clerk.put(task)

    def kill_workers(self) -> None:
        """End the worker processes at once, whatever they are on, and take no more tasks; it waits for nothing.

        Futures of tasks that have begun raise ``WorkerDiedError``, the others are cancelled. Threads cannot be ended:
        what they have begun goes on. ``ProcessPoolExecutor`` has it under this name from Python 3.14 on.
        """
        self._clerk.kill()


def _hire(options: Options, sizing: Sizing) -> tuple[Clerk | SelfService | Router, int]:
    """Start workers in the calling thread, where a fork is as safe as it was found to be; say how many."""
    from poolwise.measure.machine import find_machine  # noqa: PLC0415 - programs without a pool do not need it

    machine = find_machine()
    if options.backend != "auto":
        return _hire_one_kind(options, machine, sizing)
    from poolwise.api.pool_auto import Router  # noqa: PLC0415 - likewise
    from poolwise.api.pool_trial import Seats  # noqa: PLC0415 - likewise

    # The threads come last: whoever has some cannot fork as safely.
    clerk, processes = _hire_one_kind(replace(options, backend="processes"), machine, sizing)
    try:
        shelf, threads = _hire_one_kind(replace(options, backend="threads"), machine, sizing)
    except BaseException:
        # No more threads can be had. Nobody has left a task there: it ends at once.
        clerk.close()
        clerk.serve()
        raise
    assert isinstance(clerk, Clerk)  # noqa: S101 - what serves processes
    assert isinstance(shelf, SelfService)  # noqa: S101 - what serves threads
    # Who is busy now says nothing of the years for which a pool may live.
    seats = Seats(replace(machine, cores_busy=0), threads, processes)
    return Router(shelf, clerk, seats, may_repeat=options.crash_retries > 0), threads


def _hire_one_kind(options: Options, machine: Machine, sizing: Sizing) -> tuple[Clerk | SelfService, int]:
    from poolwise.decide.choose import decide_forced  # noqa: PLC0415 - programs without a pool do not need them
    from poolwise.decide.memory import memory_limit  # noqa: PLC0415

    plan = decide_forced(machine, options, None, coroutine=False)
    job = Job(
        call=NO_FUNCTION,
        items=Indexed(([],)),
        rules=ChunkRules(stop_at_error=False),
        initializer=options.initializer,
        initargs=options.initargs,
        memory_limit=memory_limit(options, machine, plan.workers) if plan.backend == "processes" else None,
        cores=machine.cores,
        inner_max_num_threads=options.inner_max_num_threads,
    )
    if plan.backend == "threads":
        return SelfService(job, plan.workers), plan.workers
    crew = Crew(
        workers=plan.workers,
        depth=CAPABILITIES[plan.backend].depth,
        sizing=sizing,
        gives_back=CAPABILITIES[plan.backend].gives_back,
        marked=options.crash_retries == 0 and plan.backend == "processes",
        prompt=plan.backend == "processes",
    )
    if plan.backend == "interpreters":
        return Clerk(create_task_interpreters(job), crew, crash_retries=0, ahead=plan.workers), plan.workers
    workers = create_task_processes(plan, job)
    clerk = Clerk(workers, crew, crash_retries=options.crash_retries, ahead=plan.workers)
    workers.fork_no_more()
    return clerk, plan.workers


def _check_sizes(chunksize: int | None, buffersize: int | None) -> None:
    # In the words, and as the types, of the standard library's.
    if chunksize is not None and chunksize < 1:
        msg = "chunksize must be >= 1."
        raise ValueError(msg)
    if buffersize is not None and not isinstance(buffersize, int):
        msg = "buffersize must be an integer or None"
        raise TypeError(msg)
    if buffersize is not None and buffersize < 1:
        msg = "buffersize must be None or > 0"
        raise ValueError(msg)


def _check(function: Callable[..., Any], method: str) -> None:
    if not callable(function):
        msg = f"Pool.{method}() takes a function first, not {short_repr(function)} ({type(function).__name__})"
        raise NotCallableError(msg)
    if is_coroutine_function(function):
        raise NotCallableError(
            f"Pool.{method}() was given a coroutine function, {Call(function).name}, whose coroutine nobody would "
            "await; poolwise.map and poolwise.amap run coroutine functions, many of them at a time"
        )


def _gather(iterables: tuple[Iterable[Any], ...]) -> Sequence[Any]:
    """Read the items now; what the caller does to a list later is no matter."""
    if len(iterables) == 1:
        only = iterables[0]
        return only if isinstance(only, range) else list(only)
    return list(zip(*iterables, strict=False))


# --- The end of the program --------------------------------------------------------------------------------------

_open_pools: weakref.WeakKeyDictionary[threading.Thread, Clerk | SelfService | Router] = weakref.WeakKeyDictionary()


def _end_all() -> None:
    """Let every pool finish what was submitted, as the standard library's do."""
    pools = list(_open_pools.items())
    for _, clerk in pools:
        clerk.close()
    for thread, _ in pools:
        thread.join()


# Before the interpreter waits for its threads and takes itself apart; the standard library's own executors use it too.
threading._register_atexit(_end_all)  # type: ignore[attr-defined]  # noqa: SLF001
