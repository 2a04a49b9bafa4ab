"""Messages to the actors of a Ray cluster, and back. It imports nothing of Ray's: it is given the library.

Each worker is an actor: a process of its own, which takes a CPU, and runs the messages that it is sent one after
another (``work/actor.py``). Ray's scheduler says where an actor lives; then it lives there until its end, and what it
has not answered by then is given out again by our own scheduler, which knows what a death means. So Ray is told to
start no actor and no call a second time.

An answer is an ``ObjectRef``; Ray calls back in a thread of its own once that is here. Messages and answers of 100 KB
and more travel through Ray's object store by themselves. The function is put there once, and every machine fetches it
once.

A process belongs to its worker alone, so that it can be killed: for an item that is late, and at the end of a run that
is broken off.
"""

from __future__ import annotations

import functools
import queue
import re
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future as Promise
from importlib import import_module
from typing import Any, TypeAlias

from poolwise.backends.cluster import (
    SEAT_PATIENCE_S,
    Answered,
    Broken,
    Gone,
    News,
    Overdue,
    Seated,
    Unseated,
    clock_ahead_s,
)
from poolwise.errors import WorkerStartError
from poolwise.model.classes import field, frozen, mutable
from poolwise.model.units import Seconds
from poolwise.work.call import show_error

# What Ray defines is made of decorators that no type checker sees through.
Ray: TypeAlias = Any
Handle: TypeAlias = Any

# Who has no seat yet, and who has not answered for long, are looked after so often.
LOOK_EVERY_S: Seconds = 1.0
# A late item is told by its own process. Where C code holds the GIL it cannot tell anything; a message on its way
# through a slow network must not be taken for that.
SILENCE_S: Seconds = 10.0
# The CPUs of actors that have ended are free in Ray's books only after their machine's next report, and actors that end
# by themselves take 0.8 s (measured).
BOOKED_S: Seconds = 2.0

BEGIN, CLOCK = 0, -1
"""In the place of a message's number: that the actor begins the run, and what its clock says."""
REASON = re.compile(r"because (.+?)(?:\.\s|\.?$)", re.MULTILINE)
OUT_OF_MEMORY = re.compile("OUT_OF_MEMORY|running low on memory")


class LetGo:
    """Remembers actors that have ended a moment ago, whose CPUs Ray may not have booked as free yet."""

    def __init__(self) -> None:
        """Remember none."""
        self._ended: deque[tuple[Seconds, int]] = deque()

    def add(self, actors: int) -> None:
        """So many have ended."""
        if actors:
            self._ended.append((time.monotonic(), actors))

    def count(self) -> int:
        """Say how many have ended lately."""
        while self._ended and self._ended[0][0] < time.monotonic() - BOOKED_S:
            self._ended.popleft()
        return sum(actors for _, actors in self._ended)


let_go = LetGo()


@mutable
class Actor:
    """A worker, as it is known here."""

    handle: Handle
    greeting: bytes = b""
    limit_s: Seconds | None = None
    process: int = 0
    asked_at: Seconds = 0.0
    """When its clock was asked for."""
    seated: bool = False
    under_way: dict[int, Seconds] = field(default_factory=dict)
    """Messages that are being answered, by number, in order: when they were sent."""
    free_at: Seconds = 0.0
    """When it had answered the newest message that it has answered."""


@frozen
class Came:
    """A note: a call of an actor's has ended, with what it gave or with an error."""

    worker: int
    number: int
    value: Any
    error: BaseException | None
    at_s: Seconds


class RayLink:
    """Messages to the actors of a run, and back."""

    library = "Ray"

    def __init__(self, ray: Ray, outbox: queue.SimpleQueue[Any]) -> None:
        """Send nothing yet."""
        self._ray, self._outbox = ray, outbox
        self._packed: Any = None
        """The job, in the object store."""
        self._actors: dict[int, Actor] = {}
        self._seated_at = time.monotonic()
        """When some worker had a seat, for the last time."""

    @property
    def tick_s(self) -> Seconds:
        """Say how often workers are looked after."""
        return LOOK_EVERY_S

    def seat(self, worker: int, packed: bytes) -> None:
        """Have Ray start an actor as soon as it has a CPU for it."""
        if self._is_cut_off:
            return
        if not self._actors:
            self._seated_at = time.monotonic()
        if self._packed is None:
            self._packed = self._ray.put(packed)
        actor = self._actors[worker] = Actor(_actor_class(self._ray).remote())
        self._call(worker, BEGIN, actor.handle.begin, self._packed)

    def send(self, worker: int, number: int, message: bytes, *, alone: bool) -> None:
        """Send it: nobody else has a seat in an actor, so that whoever is to be alone is."""
        actor = self._actors.get(worker)
        if actor is not None and not self._is_cut_off:
            actor.under_way[number] = time.monotonic()
            self._call(worker, number, actor.handle.run, message)

    def _call(self, worker: int, number: int, method: Any, *args: object) -> None:  # noqa: ANN401 - an actor's method
        try:
            promise = method.remote(*args).future()
        except Exception as error:  # noqa: BLE001 - the object store is full, the connection lost ...
            self._outbox.put(Came(worker, number, None, error, time.monotonic()))
            return
        promise.add_done_callback(functools.partial(self._note, worker, number))

    def _note(self, worker: int, number: int, promise: Promise[Any]) -> None:
        """Note what came; called in a thread of Ray's."""
        error = promise.exception()
        value = promise.result() if error is None else None
        self._outbox.put(Came(worker, number, value, error, time.monotonic()))

    def unseat(self, worker: int) -> None:
        """Let go of the actor, which ends by that when it has nothing to do."""
        if self._actors.pop(worker, None) is not None:
            let_go.add(1)

    # --- What has happened ------------------------------------------------------------------------------------

    def gather(self, notes: Sequence[Any]) -> list[News]:
        """Read the notes, and look after those who say nothing."""
        if self._is_cut_off:
            return [Broken(WorkerStartError("this program's connection to the Ray cluster was ended (ray.shutdown)"))]
        news: list[News] = []
        for note in notes:
            actor = self._actors.get(note.worker)
            if actor is not None:
                news += self._failed(note, actor, note.error) if note.error is not None else self._came(note, actor)
        return news + self._look()

    def _came(self, note: Came, actor: Actor) -> list[News]:
        if note.number == BEGIN:
            actor.greeting, actor.limit_s, actor.process = note.value
            actor.asked_at = time.perf_counter()
            self._call(note.worker, CLOCK, actor.handle.clock)
            return []
        if note.number == CLOCK:
            return [self._greeted(note.worker, actor, note.value)]
        begun_at = max(actor.under_way.pop(note.number), actor.free_at)
        actor.free_at = note.at_s
        if isinstance(note.value, bytes):
            return [Answered(note.worker, note.number, note.value)]
        actor.under_way = {note.number: begun_at}
        return self._end_late(note.worker, actor, note.value)

    def _greeted(self, worker: int, actor: Actor, there_s: Seconds) -> News:
        actor.seated = True
        return Seated(worker, actor.greeting, clock_ahead_s(actor.asked_at, there_s))

    def _end_late(self, worker: int, actor: Actor, took_s: Seconds) -> list[News]:
        self._kill(worker)
        return [Overdue(worker, next(iter(actor.under_way)), actor.limit_s or took_s, took_s)]

    def _failed(self, note: Came, actor: Actor, error: BaseException) -> list[News]:
        """A call got no answer: its process is gone, or nothing can be run there at all."""
        exceptions = self._ray.exceptions
        self._kill(note.worker)
        for_all = (exceptions.RayTaskError, exceptions.RuntimeEnvSetupError)
        if isinstance(error, for_all) or getattr(error, "actor_init_failed", False):
            return [Broken(nothing_runs(error))]
        if isinstance(error, exceptions.ActorUnschedulableError):
            return [Unseated(note.worker, f"cannot have a place on the Ray cluster: {show_error(error)}")]
        return [Gone(note.worker, _why_gone(error, actor.process))]

    def _look(self) -> list[News]:
        now_s = time.monotonic()
        if any(actor.seated for actor in self._actors.values()):
            self._seated_at = now_s
        elif self._actors and now_s - self._seated_at > SEAT_PATIENCE_S:
            return [Broken(_no_room(self._ray))]
        silent = [(worker, actor) for worker, actor in self._actors.items() if _is_silent(actor, now_s)]
        return [each for worker, actor in silent for each in self._end_late(worker, actor, now_s - _begun_at(actor))]

    @property
    def _is_cut_off(self) -> bool:
        """Nothing must be asked of Ray any more: where it is not connected, it would start a new cluster."""
        return not self._ray.is_initialized()

    # --- The end ----------------------------------------------------------------------------------------------

    def close(self, *, abort: bool) -> None:
        """Let the actors end, which lets their processes tidy up; or kill them, as those that have not begun anyway."""
        let_go.add(len(self._actors))
        for worker, actor in tuple(self._actors.items()):
            if abort or not actor.seated:
                self._kill(worker)
        self._actors.clear()
        self._packed = None

    def _kill(self, worker: int) -> None:
        actor = self._actors.pop(worker)
        if not self._is_cut_off:
            self._ray.kill(actor.handle, no_restart=True)


def _actor_class(ray: Ray) -> Any:  # noqa: ANN401 - see Ray
    """Make the class of our actors, once for each way of being connected: Ray keeps every class that it is given."""
    way = "client" if ray.util.client.ray.is_connected() else "driver"
    if way not in _actor_classes:
        options = {"num_cpus": 1, "max_restarts": 0, "max_task_retries": 0, "max_concurrency": 1}
        _actor_classes[way] = ray.remote(**options)(_class_by_value())
    return _actor_classes[way]


_actor_classes: dict[str, Any] = {}


def _class_by_value() -> type:
    """Make the class of our actors so that it travels whole: by name, its process would import all of Poolwise first.

    That takes 0.3 s of CPU, what a worker needs 0.1 s. Ray shows the class's name to people.
    """

    class PoolwiseWorker:
        def __init__(self) -> None:
            import sys  # noqa: PLC0415 - all of this runs in the actor

            sys._xoptions["poolwise-worker"] = True  # noqa: SLF001 - documented under this name
            self._worker = import_module("poolwise.work.actor").ActorWorker()

        def begin(self, packed: bytes) -> Any:  # noqa: ANN401 - see ActorWorker
            return self._worker.begin(packed)

        def clock(self) -> Any:  # noqa: ANN401 - see ActorWorker
            return self._worker.clock()

        def run(self, message: bytes) -> Any:  # noqa: ANN401 - see ActorWorker
            return self._worker.run(message)

    return PoolwiseWorker


def _begun_at(actor: Actor) -> Seconds:
    """Say when the actor can have begun the oldest message that it has."""
    return max(next(iter(actor.under_way.values())), actor.free_at)


def _is_silent(actor: Actor, now_s: Seconds) -> bool:
    if actor.limit_s is None or not actor.under_way:
        return False
    return now_s - _begun_at(actor) > actor.limit_s + SILENCE_S


def _why_gone(error: BaseException, process: int) -> str:
    told = str(error)
    found = REASON.search(told)
    reason = f"Ray says: {found[1]}" if found else show_error(error)
    if OUT_OF_MEMORY.search(told):
        reason = "Ray killed it because its machine was running out of memory"
    return f"has lost its process on the Ray cluster ({f'pid {process}; ' if process else ''}{reason})"


def nothing_runs(error: BaseException) -> WorkerStartError:
    """Say why nothing can be run on the cluster."""
    what = show_error(error)
    if "No module named 'poolwise" in str(error):
        what = "its workers cannot import poolwise: install it there, or name it in the runtime_env of ray.init"
    return WorkerStartError(f"nothing can be run on the Ray cluster: {what}")


def _no_room(ray: Ray) -> WorkerStartError:
    total = ray.cluster_resources().get("CPU", 0.0)
    return WorkerStartError(
        f"the Ray cluster has had no CPU for a worker within {SEAT_PATIENCE_S:g} s: all of its {total:g} are taken, by "
        "actors and tasks of this program or of others"
    )
