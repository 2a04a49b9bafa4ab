"""Threads that take tasks by themselves, with what happens when decided by the tasks."""

from __future__ import annotations

import contextvars
import gc
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, wait
from typing import Any

import pytest

from poolwise.api.handout import Handout
from poolwise.api.source import Source
from poolwise.errors import InitializerError
from poolwise.run.desk import Many
from poolwise.run.self_service import SelfService
from poolwise.work.chunk import ChunkRules
from poolwise.work.items import Indexed
from poolwise.work.job import Job
from poolwise.work.task import NO_FUNCTION, Task


@pytest.fixture
def open_service() -> Iterator[Callable[..., SelfService]]:
    """Make services, which are closed at the end and must end then."""
    made: list[SelfService] = []

    def make(workers: int = 2, initializer: Callable[[], object] | None = None) -> SelfService:
        job = Job(call=NO_FUNCTION, items=Indexed(([],)), rules=ChunkRules(), initializer=initializer)
        made.append(SelfService(job, workers))
        return made[-1]

    yield make
    for each in made:
        each.close()
        each.serve()


def put(service: SelfService, function: Callable[..., Any], *args: Any) -> Future[Any]:
    """Submit a task."""
    task: Task = Task(Future(), function, args, {})
    service.put(task)
    return task.future


def put_many(service: SelfService, function: Callable[..., Any], items: list[Any], *, spread: bool = False) -> Many:
    """Submit a map."""
    many = Many(function, items, spread)
    service.put(many)
    return many


def results(many: Many) -> list[Any]:
    """Wait for all results of a map."""
    return list(Handout.of(Source(many), None))


def test_each_future_has_its_own(open_service) -> None:
    """Results and errors."""
    service = open_service()
    futures = [put(service, divmod, 7, divisor) for divisor in (1, 2, 0, 3)]
    assert [futures[place].result(10) for place in (0, 1, 3)] == [(7, 0), (3, 1), (2, 1)]
    assert isinstance(futures[2].exception(10), ZeroDivisionError)


def test_results_of_a_map_come_in_order(open_service) -> None:
    """Also where a later item is done first, and whether items are arguments or tuples of them."""
    service, second_is_done = open_service(), threading.Event()

    def in_turn(item: int) -> int:
        if item == 1:
            second_is_done.set()
        elif item == 0:
            assert second_is_done.wait(10)
        return item

    assert results(put_many(service, in_turn, [0, 1, 2, 3])) == [0, 1, 2, 3]
    assert results(put_many(service, pow, [(2, 3), (3, 2)], spread=True)) == [8, 9]
    service.close()
    service.serve()
    assert service._shared == []


def test_an_error_of_a_map_ends_it(open_service) -> None:
    """In its turn; nothing more of it is begun then, and the threads go on."""
    service, ran = open_service(workers=1), []

    def fail_at_one(item: int) -> int:
        ran.append(item)
        return 1 // (item - 1)

    iterator = Handout.of(Source(put_many(service, fail_at_one, [0, 1, 2])), None)
    assert next(iterator) == -1
    with pytest.raises(ZeroDivisionError):
        next(iterator)
    assert put(service, abs, -1).result(10) == 1


def test_a_map_that_nobody_wants_is_left(open_service) -> None:
    """By the threads that are in it, after the item that they are on."""
    service, begun, go, ran = open_service(workers=1), threading.Event(), threading.Event(), []

    def hold(item: int) -> None:
        ran.append(item)
        begun.set()
        assert go.wait(10)

    many = put_many(service, hold, [0, 1, 2])
    assert begun.wait(10)
    many.cancel()
    go.set()
    put(service, abs, 1).result(10)
    assert (ran, service._shared) == ([0], [])


def test_closing_with_cancel_tells_whoever_waits(open_service) -> None:
    """Tasks that have not begun are cancelled, what has begun is finished, and a map gives what had come."""
    service, begun, go = open_service(workers=1), threading.Event(), threading.Event()

    def hold() -> str:
        begun.set()
        assert go.wait(10)
        return "held"

    first = put(service, hold)
    assert begun.wait(10)
    others = [put(service, abs, item) for item in range(3)]
    many = put_many(service, abs, [1, 2])
    service.close(cancel=True)
    assert wait(others, 0).not_done == set()
    assert all(each.cancelled() for each in others)
    with pytest.raises(CancelledError):
        results(many)
    go.set()
    assert first.result(10) == "held"
    service.serve()


def test_closing_again_with_cancel_still_ends_the_threads(open_service) -> None:
    """What tells them to end waits in the same line as the tasks that are taken away."""
    service, go = open_service(workers=2), threading.Event()
    for _ in range(4):
        put(service, go.wait, 10)
    service.close()
    service.close(cancel=True)
    go.set()
    service.serve()


def test_an_initializer_that_fails_is_told_to_all(open_service) -> None:
    """To who waits, and to who comes later."""
    hold = threading.Event()

    def fail() -> None:
        assert hold.wait(10)
        raise ValueError("no")

    service = open_service(initializer=fail)
    future, many = put(service, abs, 1), put_many(service, abs, [1])
    hold.set()
    assert isinstance(future.exception(10), InitializerError)
    with pytest.raises(InitializerError):
        results(many)
    with pytest.raises(InitializerError):
        put(service, abs, 1)


def test_functions_see_the_context_of_who_made_the_service(open_service) -> None:
    """As they would in a loop."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    context = contextvars.Context()
    context.run(variable.set, "set")
    assert put(context.run(open_service), variable.get).result(10) == "set"


class Held:
    """Something whose end can be seen."""


def test_nothing_is_held_of_what_is_done(open_service) -> None:
    """Neither by the thread that waits for the next, nor for an error's sake by a cycle."""
    service = open_service(workers=1)
    thing, function = Held(), lambda held: 1 // 0 if held else None
    gone = weakref.ref(thing)
    gc.disable()
    try:
        error = put(service, function, thing).exception(10)
        assert isinstance(error, ZeroDivisionError)
        results(put_many(service, type, [thing, thing]))
        put(service, abs, 1).result(10)
        del thing, error
        put(service, abs, 1).result(10)
        assert gone() is None
    finally:
        gc.enable()


def test_a_forked_child_is_no_customer(open_service, monkeypatch) -> None:
    """It is told so, and closing does nothing there."""
    service = open_service()
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: -1)
        with pytest.raises(RuntimeError, match="a pool of its own"):
            put(service, abs, 1)
        service.close(cancel=True)
    assert put(service, abs, -1).result(10) == 1


def test_its_own_threads_are_known(open_service) -> None:
    """A task that shuts its pool down must not wait for itself."""
    service = open_service()
    assert put(service, threading.current_thread).result(10) in service._threads
    assert put(service, lambda: service.is_inside(threading.current_thread())).result(10)
    assert not service.is_inside(threading.current_thread())


def test_threads_that_started_end_where_one_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is the caller's; nobody waits in vain for tasks."""
    start, started = threading.Thread.start, []

    def start_two(thread: threading.Thread) -> None:
        if len(started) == 2:
            msg = "can't start new thread"
            raise RuntimeError(msg)
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_two)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        SelfService(Job(call=NO_FUNCTION, items=Indexed(([],)), rules=ChunkRules()), 4)
    for thread in started:
        thread.join(10)
        assert not thread.is_alive()


def test_a_cancelled_task_may_be_asked_again() -> None:
    """It goes out again with its neighbours when their worker has died, and is still not wanted."""
    task = Task(Future(), abs, (1,), {})
    task.future.cancel()
    assert [task.may_run(), task.may_run()] == [False, False]
    other = Task(Future(), abs, (1,), {})
    assert [other.may_run(), other.may_run()] == [True, True]
