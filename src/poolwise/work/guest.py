"""What runs inside of a worker that is an interpreter of its own: it is called with bytes, and gives bytes back.

An interpreter's thread calls ``begin`` once and then ``run`` for each chunk (``backends/interpreters.py``). Each call
has a thread state of its own, so that the context in which items run is kept here. In a process of a cluster, which has
several threads and several runs, ``resident.py`` has a ``Guest`` for each.
"""

from __future__ import annotations

import contextlib
import contextvars
import io
import pickle
import sys
import time
from collections.abc import Coroutine, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from poolwise.errors import NestedStartError, PoolwiseError
from poolwise.model.events import Outcome, TaskError
from poolwise.work import role, streams
from poolwise.work.call import Call
from poolwise.work.chunk import ChunkRules, format_error, run_chunk
from poolwise.work.functions import POOL_RULES, SINGLES, Learnt
from poolwise.work.isolation import explain, unloadable
from poolwise.work.job import Job
from poolwise.work.packing import Broken, Packer, Parcel, Unpacker, checked
from poolwise.work.raised import pack_error
from poolwise.work.shipping import PROTOCOL

if TYPE_CHECKING:
    import asyncio

    from poolwise.work.variables import Variable

STREAMS = ("stdout", "stderr")

Said: TypeAlias = tuple[str, ...]
"""What was printed, for each of ``STREAMS``; nothing where the interpreter's own stream was not replaced."""

NOTHING_SAID: Said = ("",) * len(STREAMS)


def begin(packed: bytes, retired: memoryview, heard: tuple[bool, ...]) -> bytes:
    """Load the job and call its initializer; give what was printed, and the error where it cannot be done."""
    role.become_worker()
    for name in STREAMS:
        # Other interpreters write there, too: whole lines do not get mixed up.
        with contextlib.suppress(AttributeError, ValueError):
            getattr(sys, name).reconfigure(line_buffering=True)
    error = None
    with _hearing(heard) as said:
        try:
            job, context = settle(packed)
            _here.append(Guest(job, context, retired))
        except PoolwiseError as problem:
            error = problem
    return greeting(error, tuple(each.getvalue() for each in said))


def run(message: bytes) -> bytes:
    """Run a chunk; give nothing where nobody wants its results any more."""
    return _here[0].run(message)


def end() -> None:
    """End the event loop, if there is one."""
    for guest in _here:
        guest.end()


def greeting(error: PoolwiseError | None, said: Said) -> bytes:
    """Give what a guest says at first: what was printed, and why it cannot work, if so."""
    packed = None if error is None else pack_error(TaskError(error, format_error(error)))
    return pickle.dumps((said, packed), PROTOCOL)


def settle(packed: bytes, where: str = "in a fresh interpreter") -> tuple[Job, contextvars.Context]:
    """Load a job and call its initializer; give it with the context in which its items are to run.

    Raises PoolwiseError where that cannot be done ``where`` this is.
    """
    inside, variables, what = pickle.loads(packed)
    job = _load(inside, what, where)
    context = contextvars.copy_context()
    context.run(_initialize, job, variables)
    return job, context


def _initialize(job: Job, variables: Sequence[Variable]) -> None:
    for variable in variables:
        variable.set()
    job.initialize()


def _load(packed: bytes, what: str, where: str) -> Job:
    """Unpickle the job, which imports the function's module; say what it means where that fails."""
    try:
        with role.importing(what):
            job: Job = pickle.loads(packed)
    except NestedStartError:
        raise
    except Exception as error:
        raise unloadable(error, where) from error
    return job


class Retired(BaseException):
    """Nobody wants this worker's results any more: no further item is begun."""


class Guest:
    """Runs chunks, in one thread at a time."""

    def __init__(
        self, job: Job, context: contextvars.Context, retired: memoryview | bytearray, *, side_by_side: bool = False
    ) -> None:
        """Be ready for the chunks of ``job``; ``retired`` is a byte that its host sets when nobody wants them.

        ``side_by_side``: there are others in this process, in other threads.
        """
        self._job, self._retired = job, retired
        self._context = context
        self._seeding = streams.own_streams if side_by_side else streams.seeding
        self._runner: asyncio.Runner | None = None
        self._functions = Learnt(job.call, job.rules)
        self._single = Call(self._functions.run_single)
        self._unpacker, self._packer = Unpacker(_no_arena), Packer(_no_arena, by_value=True)

    def run(self, message: bytes) -> bytes:
        """Run a chunk and pack what came of it."""
        start, heard, number, lessons, parcel, body = pickle.loads(message)
        with _hearing(heard) as said:
            for lesson in lessons:
                self._context.run(self._functions.learn, *lesson)
            items = self._unpacker.items(Parcel(*parcel), memoryview(body))
            call, rules = (self._single, POOL_RULES) if number == SINGLES else self._functions.call(number)
            try:
                outcome = self._context.run(self._run, start, items, call, rules)
            except Retired:
                return b""
            # Nothing of a task is held while the next is waited for.
            del items
            packed = self._pack(outcome)
        return pickle.dumps((tuple(each.getvalue() for each in said), *packed), PROTOCOL)

    def failed(self, error: BaseException) -> bytes:
        """Give the reply to a chunk of one item that has failed outside of ``run``."""
        outcome = Outcome([None], {0: TaskError(error)}, ended_s=time.perf_counter())
        return pickle.dumps((NOTHING_SAID, *self._pack(outcome)), PROTOCOL)

    def _pack(self, outcome: Outcome) -> tuple[Any, ...]:
        errors = dict(outcome.errors)
        back, values = self._packer.values(outcome.values, errors)
        for each in errors.values():
            with contextlib.suppress(Exception):
                explain(each.error)
        told = {offset: pack_error(each) for offset, each in errors.items()}
        times = (outcome.wall_s, outcome.cpu_s, outcome.ended_s, outcome.each_s)
        return times, back, bytes(values), told

    def _run(self, start: int, items: Sequence[Any], call: Call, rules: ChunkRules) -> Outcome:
        if any(isinstance(item, Broken) for item in items):
            call = checked(call)
        mark = self._seeding(self._job.seed, start, self._mark)
        run_coroutine = self._run_coroutine if call.coroutine else None
        return run_chunk(call, items, rules, mark=mark, run_coroutine=run_coroutine)

    def _mark(self, _: int) -> None:
        if self._retired[0]:
            raise Retired

    def _run_coroutine(self, coroutine: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - any result
        if self._runner is None:
            import asyncio  # noqa: PLC0415 - only coroutine functions need it

            self._runner = asyncio.Runner()
        return self._runner.run(coroutine, context=contextvars.copy_context())

    def end(self) -> None:
        """End the event loop, if there is one."""
        if self._runner is not None:
            self._runner.close()


_here: list[Guest] = []
"""The guest of this interpreter, once it has begun."""


@contextlib.contextmanager
def _hearing(heard: Sequence[bool]) -> Iterator[list[io.StringIO]]:
    """Take down what is printed meanwhile to the streams that the caller has redirected."""
    said = [io.StringIO() for _ in STREAMS]
    before = [getattr(sys, name) for name in STREAMS]
    for name, stream, wanted in zip(STREAMS, said, heard, strict=True):
        if wanted:
            setattr(sys, name, stream)
    try:
        yield said
    finally:
        for name, stream in zip(STREAMS, before, strict=True):
            setattr(sys, name, stream)


def _no_arena() -> None:
    """Say that everything travels in the pickle."""
