"""What joblib calls: one backend for each ``Parallel``, or for each ``parallel_config``."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import joblib
from joblib.parallel import (
    FallbackToBackend,
    ParallelBackendBase,
    SequentialBackend,
    register_parallel_backend,
)

from poolwise.errors import UnknownOptionError
from poolwise.joblib.batch import Packer, Ran, Start, modules_of, run_batch
from poolwise.joblib.crews import POOL_OPTIONS, BatchPool, Crew, Wish
from poolwise.joblib.shared import Board
from poolwise.model.units import Seconds
from poolwise.run.adapt import ChunkSizer, Sizing
from poolwise.work import role

# A batch takes about so long; joblib's own for loky take 0.2 s and more. On a machine that is busy with something else
# tasks take long and compute little, and shorter batches cost a quarter more there (tasks of 1 ms, at a load of 35).
BATCH_S: Seconds = 0.2
# What was sent cannot be taken back: a few quick tasks must not have many slow ones sent together. joblib's own double.
GROWTH = 4
# As loky's in joblib: workers without a task for so long end.
IDLE_WORKER_TIMEOUT_S: Seconds = 300

# What ``Parallel`` hands to every backend, and which is loky's or multiprocessing's business.
NOT_OURS = frozenset({"temp_folder", "verbose", "context"})


# What pyright reads in its base is what nobody has annotated: that a method which does nothing gives None.
Base: Any = ParallelBackendBase


class PoolwiseBackend(Base):  # type: ignore[misc]  # joblib has no annotations
    """Runs joblib's batches in the processes of a ``poolwise.Pool`` that stays warm between calls.

    ``idle_worker_timeout``: seconds without work after which workers end.
    ``initializer``, ``initargs``, ``start_method``, ``crash_retries``, ``memory_limit``: as in ``poolwise.Pool``.

    Each may be given to ``joblib.parallel_config("poolwise", ...)`` or to ``Parallel(..., backend="poolwise")``.
    """

    supports_retrieve_callback = True
    supports_inner_max_num_threads = True
    supports_sharedmem = False
    uses_threads = False

    def __init__(
        self,
        nesting_level: int | None = None,
        inner_max_num_threads: int | None = None,
        **options: Any,  # noqa: ANN401 - those above
    ) -> None:
        """Start nothing."""
        super().__init__(nesting_level=nesting_level, inner_max_num_threads=inner_max_num_threads, **options)
        self._workers: Crew | None = None
        self._lock = threading.Lock()
        self._mapping: tuple[int | None, str | None] = None, None
        self._board = Board(None, None)
        self._begin(1)

    # --- Before and after a call -------------------------------------------------------------------------------

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Say how many workers there would be; one within a worker, where all cores have work already."""
        if n_jobs == 0:
            msg = "n_jobs == 0 in Parallel has no meaning"
            raise ValueError(msg)
        if n_jobs is None or role.is_worker():
            return 1
        if n_jobs < 0:
            return max(int(joblib.cpu_count()) + 1 + n_jobs, 1)
        return n_jobs

    def configure(  # noqa: PLR0917 - as joblib has it
        self,
        n_jobs: int = 1,
        parallel: Any = None,  # noqa: ANN401 - a joblib.Parallel
        prefer: str | None = None,
        require: str | None = None,
        max_nbytes: int | None = None,
        mmap_mode: str | None = "r",
        **options: Any,  # noqa: ANN401 - those above
    ) -> int:
        """Get ready for calls of ``parallel``; workers are taken when the first batch comes."""
        n_jobs = self.effective_n_jobs(n_jobs)
        if n_jobs == 1:
            raise FallbackToBackend(SequentialBackend(nesting_level=self.nesting_level))
        self.parallel = parallel
        given = {**self.backend_kwargs, **{name: options[name] for name in options.keys() - NOT_OURS}}
        given, idle_s = _check(given)
        environment = tuple(map(os.environ.get, self.MAX_NUM_THREADS_VARS))
        wish = Wish(n_jobs, self.inner_max_num_threads, given, environment)
        self._mapping = max_nbytes, mmap_mode
        self._workers = Crew(wish, idle_s)
        self._begin(n_jobs)
        return n_jobs

    def start_call(self) -> None:
        """Begin a call: nothing that was learnt, or shared, in the last one counts."""
        self._begin(self._n_jobs)

    def stop_call(self) -> None:
        """End a call: what its tasks shared is let go."""
        self._begin(self._n_jobs)

    def terminate(self) -> None:
        """Give the workers back; they wait, warm, for the next ``Parallel``."""
        with self._lock:
            crew, self._workers = self._workers, None
        if crew is not None:
            crew.give_back()

    def abort_everything(self, ensure_ready: bool = True) -> None:  # noqa: FBT001, FBT002 - as joblib has it
        """End the workers, whatever they are on; with ``ensure_ready`` new ones come with the next batch."""
        with self._lock:
            crew = self._workers
            self._workers = crew.successor() if crew is not None and ensure_ready else None
        if crew is not None:
            crew.kill()

    def _begin(self, n_jobs: int) -> None:
        self._n_jobs = n_jobs
        self._sizer, self._largest = ChunkSizer(Sizing(target_s=BATCH_S)), 1
        self._board.clear()
        self._board = Board(*self._mapping)
        self._packer = Packer(self._board)

    # --- During a call -----------------------------------------------------------------------------------------

    def submit(self, func: Any, callback: Callable[[Future[Ran]], object] | None = None) -> Future[Ran]:  # noqa: ANN401 - joblib's BatchedCalls
        """Send a batch."""
        crew = self._workers
        if crew is None:
            msg = "this Parallel has been terminated"
            raise RuntimeError(msg)
        future = self._send(crew, func)
        if callback is not None:
            future.add_done_callback(callback)
        return future

    def _send(self, crew: Crew, batch: Any) -> Future[Ran]:  # noqa: ANN401 - see submit
        try:
            packed = self._packer.pack(batch)
        except Exception as error:  # noqa: BLE001 - it is told where results are asked for
            failed: Future[Ran] = Future()
            failed.set_exception(error)
            return failed
        pool = crew.pool(lambda wish: _start(wish, batch))
        future = pool.submit(run_batch, packed.body, *packed.buffers)
        # The memory that it names is there until it is done.
        future.add_done_callback(packed.let_go)
        return future

    def retrieve_result_callback(self, out: Future[Ran]) -> list[Any]:
        """Give what a batch gave."""
        wall_s, values = out.result()
        self._sizer.observe(len(values), wall_s)
        self._largest = max(self._largest, len(values))
        return values

    def compute_batch_size(self) -> int:
        """Size the next batch by what tasks took in the workers."""
        return min(self._sizer.size(None, self._n_jobs), self._largest * GROWTH)


def register(*, make_default: bool = False) -> None:
    """Tell joblib of the backend ``"poolwise"``; importing ``poolwise.joblib`` has done it.

    ``make_default``: use it wherever no other backend is named.
    """
    register_parallel_backend("poolwise", PoolwiseBackend, make_default=make_default)


def _check(options: dict[str, Any]) -> tuple[dict[str, Any], Seconds]:
    """Give the options of the pool, and how long its workers may be idle."""
    idle_s = options.pop("idle_worker_timeout", None)
    unknown = options.keys() - POOL_OPTIONS
    if unknown:
        raise UnknownOptionError(
            f"the joblib backend 'poolwise' has no option {min(unknown)!r}; it has "
            f"{', '.join(sorted((*POOL_OPTIONS, 'idle_worker_timeout')))}"
        )
    return options, IDLE_WORKER_TIMEOUT_S if idle_s is None else idle_s


def _start(wish: Wish, batch: Any) -> BatchPool:  # noqa: ANN401 - joblib's BatchedCalls
    """Start workers, for which a first batch is there."""
    options = dict(wish.options)
    start = Start(modules_of(batch), options.pop("initializer", None))
    inner = wish.inner_max_num_threads
    return BatchPool(max_workers=wish.workers, inner_max_num_threads=inner, initializer=start, **options)
