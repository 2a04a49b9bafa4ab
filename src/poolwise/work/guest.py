"""What runs inside of a worker that is an interpreter of its own: it is called with bytes, and gives bytes back.

The worker's thread calls ``begin`` once and then ``run`` for each chunk (``backends/interpreters.py``). Each call has a
thread state of its own, so that the context in which items run is kept here.
"""

from __future__ import annotations

import contextlib
import contextvars
import io
import pickle
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from poolwise.errors import NestedStartError, PoolwiseError
from poolwise.model.events import Outcome, TaskError
from poolwise.work import role, streams
from poolwise.work.chunk import RunCoroutine, format_error, run_chunk
from poolwise.work.isolation import explain, unloadable
from poolwise.work.job import Job
from poolwise.work.packing import Broken, Packer, Parcel, Unpacker, checked
from poolwise.work.raised import pack_error
from poolwise.work.shipping import PROTOCOL

if TYPE_CHECKING:
    from poolwise.work.variables import Variable

STREAMS = ("stdout", "stderr")

Said: TypeAlias = tuple[str, ...]
"""What was printed, for each of ``STREAMS``; nothing where the interpreter's own stream was not replaced."""


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
            job, variables, what = pickle.loads(packed)
            _guest.begin(_load(job, what), variables, retired)
        except PoolwiseError as problem:
            error = pack_error(TaskError(problem, format_error(problem)))
    return pickle.dumps((tuple(each.getvalue() for each in said), error), PROTOCOL)


def run(message: bytes) -> bytes:
    """Run a chunk; give nothing where nobody wants its results any more."""
    return _guest.run(message)


def end() -> None:
    """End the event loop, if there is one."""
    _guest.end()


class Retired(BaseException):
    """Nobody wants this worker's results any more: no further item is begun."""


class Guest:
    """The worker: one for each interpreter."""

    def begin(self, job: Job, variables: Sequence[Variable], retired: memoryview) -> None:
        """Be ready for the chunks of ``job``; ``retired`` is a byte that its host sets when nobody wants them."""
        self._job, self._retired = job, retired
        self._context = contextvars.copy_context()
        self._runner: Any = None
        self._unpacker, self._packer = Unpacker(_no_arena), Packer(_no_arena, by_value=True)
        self._context.run(self._initialize, variables)

    def _initialize(self, variables: Sequence[Variable]) -> None:
        for variable in variables:
            variable.set()
        self._job.initialize()
        if self._job.call.coroutine:
            import asyncio  # noqa: PLC0415 - only coroutine functions need it

            self._runner = asyncio.Runner()

    def run(self, message: bytes) -> bytes:
        """Run a chunk and pack what came of it."""
        start, heard, parcel, body = pickle.loads(message)
        with _hearing(heard) as said:
            try:
                outcome = self._context.run(self._run, start, self._unpacker.items(Parcel(*parcel), memoryview(body)))
            except Retired:
                return b""
            errors = dict(outcome.errors)
            back, values = self._packer.values(outcome.values, errors)
        for each in errors.values():
            with contextlib.suppress(Exception):
                explain(each.error)
        told = {offset: pack_error(each) for offset, each in errors.items()}
        words: Said = tuple(each.getvalue() for each in said)
        times = (outcome.wall_s, outcome.cpu_s, outcome.ended_s, outcome.each_s)
        return pickle.dumps((words, times, back, bytes(values), told), PROTOCOL)

    def _run(self, start: int, items: Sequence[Any]) -> Outcome:
        call = self._job.call
        if any(isinstance(item, Broken) for item in items):
            call = checked(call)
        mark = streams.seeding(self._job.seed, start, self._mark)
        return run_chunk(call, items, self._job.rules, mark=mark, run_coroutine=self._run_coroutine())

    def _mark(self, _: int) -> None:
        if self._retired[0]:
            raise Retired

    def _run_coroutine(self) -> RunCoroutine | None:
        if self._runner is None:
            return None
        return lambda coroutine: self._runner.run(coroutine, context=contextvars.copy_context())

    def end(self) -> None:
        """End the event loop, if there is one."""
        if getattr(self, "_runner", None) is not None:
            self._runner.close()


_guest = Guest()


def _load(packed: bytes, what: str) -> Job:
    """Unpickle the job, which imports the function's module; say what it means where that fails."""
    try:
        with role.importing(what):
            job: Job = pickle.loads(packed)
    except NestedStartError:
        raise
    except Exception as error:
        raise unloadable(error) from error
    return job


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
