from __future__ import annotations

import os
from concurrent.futures import Future

import pytest

from poolwise.errors import InitializerError
from poolwise.model.events import ChunkDone, Outcome, Read, WorkerFailed, WorkerReady
from poolwise.run.adapt import Sizing
from poolwise.run.clerk import Clerk
from poolwise.run.desk import Many
from poolwise.run.terms import Crew
from poolwise.work.task import Task


class Workers:
    """Workers on stage: they note what they are told, and a test says what they do."""

    def __init__(self):
        self.news = []
        self.script = []
        self.rounds = 0
        self.closed = None

    def start(self, worker):
        self.script.append(("start", worker))

    def send_tasks(self, worker, chunk, tasks):
        self.script.append(("tasks", worker, [task and task.args[0] for task in tasks]))
        self._run(worker, chunk, [task and task.function(*task.args, **task.kwargs) for task in tasks])

    def send_many(self, worker, chunk, items, function, *, spread):
        self.script.append(("many", worker, list(items)))
        self._run(worker, chunk, [function(*item) if spread else function(item) for item in items])

    def _run(self, worker, chunk, values):
        self.news.append(ChunkDone(worker, chunk.id, Outcome(values, wall_s=0.001 * len(values))))

    def take_back(self, worker):
        raise AssertionError

    def end_round(self):
        self.rounds += 1

    def wait(self, timeout_s):
        assert self.news, "a clerk that waits for nothing would wait for ever"
        told, self.news = self.news, []
        return told

    def wake(self):
        self.script.append(("wake",))

    def close(self, *, abort):
        self.closed = abort


def clerk_of(workers, *, ahead=0, crew=2, news=None):
    """Hire a clerk, whose workers come when they are started."""
    clerk = Clerk(workers, Crew(workers=crew, sizing=Sizing(chunksize=2)), crash_retries=1, ahead=ahead)
    workers.news += news if news is not None else [WorkerReady(0), WorkerReady(1)][:crew]
    return clerk


def task(argument, function=abs):
    """Make a task."""
    return Task(Future(), function, (argument,), {})


def test_tasks_are_done_and_the_clerk_goes_home() -> None:
    """Once the desk is closed and nothing is left."""
    workers = Workers()
    clerk = clerk_of(workers)
    tasks = [task(-item) for item in range(5)]
    for each in tasks:
        clerk.put(each)
    clerk.close()
    clerk.serve()
    assert [each.future.result(0) for each in tasks] == [0, 1, 2, 3, 4]
    assert workers.closed is False
    assert workers.rounds > 0


def test_workers_are_started_ahead_where_that_is_wanted() -> None:
    """Else when there is something for them to do."""
    eager, lazy = Workers(), Workers()
    clerk_of(eager, ahead=2)
    clerk_of(lazy)
    assert (eager.script, lazy.script) == ([("start", 0), ("start", 1)], [])


def test_the_loop_is_woken_once_until_it_has_looked() -> None:
    """Ten tasks cost one wake."""
    workers = Workers()
    clerk = clerk_of(workers)
    for item in range(10):
        clerk.put(task(item))
    clerk.close()
    assert workers.script == [("wake",)]


def test_a_closed_desk_takes_nothing() -> None:
    """As the standard library's executors say it."""
    clerk = clerk_of(Workers())
    clerk.close()
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        clerk.put(task(1))


def test_what_was_cancelled_is_not_sent() -> None:
    """A task among others goes as nothing; where nobody wants any of a chunk, no worker hears of it."""
    workers = Workers()
    clerk = clerk_of(workers, crew=1)
    tasks = [task(item) for item in (1, 2, 3, 4)]
    for each in tasks:
        clerk.put(each)
    for place in (1, 2, 3):
        tasks[place].future.cancel()
    clerk.close()
    clerk.serve()
    assert [each for each in workers.script if each[0] == "tasks"] == [("tasks", 0, [1, None])]
    assert tasks[0].future.result(0) == 1


def test_a_map_that_nobody_wants_is_not_sent() -> None:
    """And is done with nevertheless."""
    workers = Workers()
    clerk = clerk_of(workers)
    mapped = Many(abs, range(1000), spread=False)
    clerk.put(mapped)
    mapped.cancel()
    clerk.close()
    clerk.serve()
    assert not [each for each in workers.script if each[0] == "many"]
    assert (mapped.came.get_nowait(), mapped.came.empty()) == (None, True)


def test_the_chunks_of_a_map_grow_by_its_own_items() -> None:
    """A slow task before it does not make them small."""

    class Quick(Workers):
        """Says of each item of a map that it took a microsecond, and of a single task that it took a second."""

        def _run(self, worker, chunk, values):
            item_s = 1.0 if self.script[-1][0] == "tasks" else 1e-6
            self.news.append(ChunkDone(worker, chunk.id, Outcome(values, wall_s=item_s * len(values))))

    workers = Quick()
    clerk = Clerk(workers, Crew(workers=1, sizing=Sizing(target_s=0.01)), crash_retries=1, ahead=0)
    workers.news.append(WorkerReady(0))
    clerk.put(task(1))
    clerk.put(Many(abs, range(5000), spread=False))
    clerk.close()
    clerk.serve()
    assert [len(each[2]) for each in workers.script if each[0] in {"tasks", "many"}] == [1, 1, 32, 1024, 3943]


def test_nobody_reads_for_a_clerk() -> None:
    """Tasks come by themselves: the scheduler asks for none."""
    workers = Workers()
    clerk = clerk_of(workers)
    clerk.put(task(1))
    clerk._admit()
    assert not [each for each in clerk._scheduler.handle(WorkerReady(0)) if isinstance(each, Read)]


def test_closing_with_cancel_gives_up_what_has_not_begun() -> None:
    """Singles and maps alike; what a future calls back may turn to the clerk again."""
    clerk = clerk_of(Workers())
    single, mapped, told = task(1), Many(abs, range(3), spread=False), []

    def call_back(_):
        with pytest.raises(RuntimeError):
            clerk.put(task(2))
        told.append("called")

    single.future.add_done_callback(call_back)
    clerk.put(single)
    clerk.put(mapped)
    clerk.close(cancel=True)
    assert (single.future.cancelled(), mapped.cancelled, told) == (True, True, ["called"])


def test_when_no_worker_can_be_had_all_are_told() -> None:
    """Who waits, who has just come, and who comes later."""
    workers, error = Workers(), InitializerError("no")
    clerk = clerk_of(workers, news=[WorkerFailed(error)])
    single, mapped = task(1), Many(abs, range(3), spread=False)
    clerk.put(single)
    clerk.put(mapped)
    clerk.serve()
    assert single.future.exception(0) is error
    assert mapped.came.get_nowait() is error
    assert workers.closed is True
    with pytest.raises(InitializerError):
        clerk.put(task(2))


def test_an_error_of_the_loop_itself_leaves_nobody_waiting() -> None:
    """Whatever goes wrong in the pool's thread, the futures are told."""
    workers = Workers()
    clerk = clerk_of(workers)
    workers.wait = lambda timeout_s: 1 // 0
    single = task(1)
    clerk.put(single)
    with pytest.raises(ZeroDivisionError):
        clerk.serve()
    assert isinstance(single.future.exception(0), ZeroDivisionError)
    assert workers.closed is True


def test_a_forked_child_is_no_customer(monkeypatch) -> None:
    """It is told so, and closing does nothing there: the lock may have been held by a thread that it has not."""
    clerk = clerk_of(Workers())
    clerk._lock.acquire()
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pytest.raises(RuntimeError, match="a pool of its own"):
        clerk.put(task(1))
    clerk.close(cancel=True)
