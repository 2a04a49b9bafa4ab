"""What a worker process does: read a chunk, run it, say what came of it, until it is told to stop.

It holds one end of one channel, its marks, and nothing that another worker holds.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from poolwise.engine import lifeline, records, speech
from poolwise.engine.channel import WorkerEnd, parent_side
from poolwise.engine.memory import Marks
from poolwise.engine.messages import Broken, Message, dumps, pack_error, pack_values, unpack_items
from poolwise.errors import FunctionShippingError, NestedStartError, PoolwiseError
from poolwise.model.events import Outcome, TaskError
from poolwise.work import dispatch, role, streams
from poolwise.work.call import Call
from poolwise.work.chunk import Mark, format_error, run_chunk
from poolwise.work.job import Job

if TYPE_CHECKING:
    from poolwise.engine.inner_threads import InnerThreads
    from poolwise.engine.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class WorkerJob:
    """What a worker must know; under fork it inherits it, else it arrives pickled in the first message."""

    job: Job
    tasks: int = 1
    """Coroutines at a time."""
    by_value: bool = False
    """Results travel to a process that was not forked from here, or the other way round."""
    surroundings: Surroundings | None = None
    """What a worker takes over that is no copy of the caller."""
    inner: InnerThreads | None = None
    """How many threads libraries may have in it."""


def forked(
    job: WorkerJob, connection: socket.socket, marks: Marks, life: lifeline.Lifeline, mask: set[signal.Signals]
) -> None:
    """Be a worker, in a process that was forked a moment ago; never returns."""
    _become_worker(life.worker_end, mask)
    for parents in tuple(parent_side):
        if parents is not marks:
            parents.close()
            parent_side.discard(parents)
    serve_and_exit(lambda: job, WorkerEnd(connection), marks)


def spawned(connection: int, marks: int, life: int) -> None:
    """Be a worker, in a fresh interpreter whose first message brings the job; never returns."""
    _become_worker(life, set())
    end = WorkerEnd(socket.socket(fileno=connection))
    serve_and_exit(lambda: receive_job(end.receive()), end, Marks(marks))


def receive_job(message: Message) -> WorkerJob:
    """Unpickle a job, which imports the function's module. A module that starts a pool meanwhile is stopped."""
    _, packed, what, environment = message
    # Read by libraries that the function's module loads.
    os.environ.update(environment)
    with role.importing(what):
        job: WorkerJob = pickle.loads(packed)
    return job


def pack_job(job: WorkerJob) -> Message:
    """Pickle a job for ``receive_job``; raises what pickling raises."""
    module = getattr(job.job.call.function, "__module__", None) or "the function"
    from poolwise.engine.variables import portable  # noqa: PLC0415 - not where all is inherited

    with portable():
        packed = dumps(job, by_value=True)
    return ("job", packed, f"module {module!r}", job.inner.environment if job.inner else ())


def _become_worker(life: int, mask: set[signal.Signals]) -> None:
    role.become_worker()
    # Ctrl-C reaches the whole process group; the parent hears it and ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    # Workers must not fight over what a person types, nor eat what the program wants to read.
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - for as long as the worker lives; a descriptor, no path
    lifeline.hold(life)


def serve_and_exit(get_job: Callable[[], WorkerJob], channel: WorkerEnd, marks: Marks) -> None:
    """Serve, and end the process without running what the parent registered for its own end (atexit, finally)."""
    code = 0
    try:
        _serve(get_job, channel, marks)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        # The parent is gone or has closed the channel: there is nobody to tell.
        code = 0
    except SystemExit as ended:
        # A child that the user's function has forked, on its way out.
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException as error:  # noqa: BLE001 - the last frame of this process: show it, as the interpreter would
        code = 1
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        _flush()
        os._exit(code)


def _serve(get_job: Callable[[], WorkerJob], connection: WorkerEnd, marks: Marks) -> None:
    channel = speech.begin(connection)
    try:
        job = _load(get_job)
        records.drop_handlers()
        streams.part_from_siblings()
        for what_surrounds in (job.inner, job.surroundings):
            if what_surrounds is not None:
                what_surrounds.enter()
        job.job.initialize()
    except PoolwiseError as error:
        channel.send(("failed", pack_error(TaskError(error, format_error(error)))))
        return
    channel.send(("ready",))
    with _runner(job) as run:
        while (message := channel.receive())[0] == "chunk":
            _, identity, start, stop, marked, packed = message
            items = job.job.items.slice(start, stop) if packed is None else unpack_items(packed)
            outcome = run(items, start, _marker(marks, start) if marked else None)
            done = _done(identity, outcome, job, _marker(marks, start) if marked else None)
            # First: sending waits until the parent reads, and that time must not make the item late.
            marks.clear()
            channel.send(done)


def _load(get_job: Callable[[], WorkerJob]) -> WorkerJob:
    """Get the job; where the user's modules cannot be imported here, say what that means."""
    try:
        return get_job()
    except (EOFError, ConnectionError, NestedStartError):
        raise
    except Exception as error:
        raise FunctionShippingError(
            f"a worker could not load the function ({type(error).__name__}: {error}): its module must be importable "
            "in a fresh interpreter, with what it imports; start_method='fork' needs no import"
        ) from error


Run = Callable[[Sequence[Any], int, Mark | None], Outcome]
"""Takes items, the index of the first, and what marks each."""


@contextlib.contextmanager
def _runner(job: WorkerJob) -> Iterator[Run]:
    """Give what runs a chunk; for coroutine functions with an event loop that lasts as long as the worker."""
    call, rules, seed = job.job.call, job.job.rules, job.job.seed
    if not call.coroutine:
        yield lambda items, start, mark: run_chunk(
            _call_for(items, call), items, rules, mark=streams.seeding(seed, start, mark)
        )
        return
    import asyncio  # noqa: PLC0415 - only coroutine functions need it

    from poolwise.work.chunk_async import run_chunk_async  # noqa: PLC0415

    if seed is not None:
        dispatch.begin()
    with asyncio.Runner() as runner:
        yield lambda items, start, mark: runner.run(
            run_chunk_async(
                _call_for(items, call), items, rules, job.tasks, mark=mark, begin=streams.own_streams(seed, start)
            )
        )


def _call_for(items: Sequence[Any], call: Call) -> Call:
    """Where an item could not travel, let it fail as that item, and no other."""
    if not any(isinstance(item, Broken) for item in items):
        return call

    def checked(item: Any) -> Any:  # noqa: ANN401 - any item, any result
        if isinstance(item, Broken):
            raise item.error
        return call.function(*item) if call.spread else call.function(item)

    return Call(checked, coroutine=call.coroutine)


def _marker(marks: Marks, start: int) -> Mark:
    return lambda offset: marks.set(start + offset)


def _done(identity: int, outcome: Outcome, job: WorkerJob, mark: Mark | None) -> Message:
    errors = dict(outcome.errors)
    packed = pack_values(outcome.values, errors, by_value=job.by_value, mark=mark)
    told = {offset: pack_error(error) for offset, error in errors.items()}
    return ("done", identity, outcome.wall_s, outcome.cpu_s, packed, told)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        # The streams may be closed, or None, or anything that the user's code has put there.
        with contextlib.suppress(Exception):
            stream.flush()
