"""What a worker process does: read a chunk, run it, say what came of it, until it is told to stop.

It holds one end of one channel, its marks, and nothing that another worker holds.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import signal
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from poolwise.engine import lifeline, records, speech
from poolwise.engine.channel import Message, WorkerEnd, parent_side
from poolwise.engine.growth import Growth, ThisProcess
from poolwise.engine.managers import share_secret, take_secret
from poolwise.engine.memory import WorkerMemory
from poolwise.engine.process import ENDING
from poolwise.engine.shift import Shift
from poolwise.errors import FunctionShippingError, NestedStartError, PoolwiseError
from poolwise.model.classes import frozen
from poolwise.model.events import TaskError
from poolwise.work import role, streams
from poolwise.work.chunk import format_error
from poolwise.work.job import Job
from poolwise.work.packing import dumps
from poolwise.work.raised import pack_error

if TYPE_CHECKING:
    from poolwise.engine.inner_threads import InnerThreads
    from poolwise.engine.surroundings import Surroundings


@frozen
class WorkerJob:
    """What a worker must know; under fork it inherits it, else it arrives pickled in the first message."""

    job: Job
    tasks: int = 1
    """Items at a time: coroutines in an event loop, or calls on threads."""
    by_value: bool = False
    """Results travel to a process that was not forked from here, or the other way round."""
    surroundings: Surroundings | None = None
    """What a worker takes over that is no copy of the caller."""
    inner: InnerThreads | None = None
    """How many threads libraries may have in it."""


def forked(
    job: WorkerJob, connection: socket.socket, memory: WorkerMemory, life: lifeline.Lifeline, mask: set[signal.Signals]
) -> None:
    """Be a worker, in a process that was forked a moment ago; never returns."""
    become_worker(life.worker_end, mask)
    for parents in tuple(parent_side):
        if parents is not memory:
            parents.close()
            parent_side.discard(parents)
    serve_and_exit(lambda: job, WorkerEnd(connection), memory.as_worker())


def spawned(connection: int, memory: int, life: int) -> None:
    """Be a worker, in a fresh interpreter whose first message brings the job; never returns."""
    become_worker(life, set())
    end = WorkerEnd(socket.socket(fileno=connection))
    serve_and_exit(lambda: receive_job(end.receive()[0]), end, WorkerMemory(memory, parent=False))


def receive_job(message: Message) -> WorkerJob:
    """Unpickle a job, which imports the function's module. A module that starts a pool meanwhile is stopped."""
    _, packed, what, environment, secret = message
    # Read by libraries that the function's module loads.
    os.environ.update(environment)
    share_secret(secret)
    with role.importing(what):
        job: WorkerJob = pickle.loads(packed)
    return job


def pack_job(job: WorkerJob) -> Message:
    """Pickle a job for ``receive_job``; raises what pickling raises."""
    module = getattr(job.job.call.function, "__module__", None) or "the function"
    from poolwise.work.variables import portable  # noqa: PLC0415 - not where all is inherited

    with portable():
        packed = dumps(job, by_value=True)
    return ("job", packed, f"module {module!r}", job.inner.environment if job.inner else (), take_secret())


def become_worker(life: int, mask: set[signal.Signals]) -> None:
    """Leave the caller's signals, terminal and input alone, and end with the caller."""
    role.become_worker()
    # Ctrl-C reaches the whole process group; the parent hears it and ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    # They are held back while processes are made; for good, they would not end what the function starts, either.
    signal.pthread_sigmask(signal.SIG_SETMASK, mask - ENDING)
    # Workers must not fight over what a person types, nor eat what the program wants to read.
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - for as long as the worker lives; a descriptor, no path
    lifeline.hold(life)


def serve_and_exit(get_job: Callable[[], WorkerJob], channel: WorkerEnd, memory: WorkerMemory) -> None:
    """Serve, and end the process without running what the parent registered for its own end (atexit, finally)."""
    code = 0
    try:
        _serve(get_job, channel, memory)
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
        try:
            _flush()
        finally:
            # Whatever the user's stream raises: nobody may go on in the parent's code from here.
            os._exit(code)


def _serve(get_job: Callable[[], WorkerJob], connection: WorkerEnd, memory: WorkerMemory) -> None:
    inherited = ThisProcess().own() or 0
    channel = speech.begin(connection)
    try:
        job = _load(get_job)
        # What is there by now stays: a garbage collection that went through it would write to each page of it, and have
        # it copied (documentation of gc.freeze).
        gc.freeze()
        if job.surroundings is None:
            role.become_copy()
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
    growth = Growth(job.job.memory_limit, at_birth=inherited)
    Shift(job.job, channel, memory, growth, tasks=job.tasks, by_value=job.by_value).serve()


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


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        # The streams may be closed, or None, or anything that the user's code has put there.
        with contextlib.suppress(Exception):
            stream.flush()
