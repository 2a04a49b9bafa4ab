"""Who plays the scheduler while the driver waits: when it may, what it leaves to the driver, and when it calls it."""

from __future__ import annotations

import asyncio
import threading
from _thread import allocate_lock
from contextvars import ContextVar

import pytest

import poolwise
from poolwise.errors import InternalError
from poolwise.model.events import ChunkDone, Emit, Outcome, Send, Start, WorkerReady
from poolwise.run.deputy import HAND_OVER_S, Deputy
from poolwise.run.scheduler import Scheduler
from poolwise.run.terms import Wishes
from tests.unit.run.play import crew


class Post:
    """A deputy with a scheduler of two workers, and a list of what it does."""

    def __init__(self, items: int, known: int | None = None) -> None:
        self.baton = allocate_lock()
        self.baton.acquire()
        known = items if known is None else known
        self.scheduler = Scheduler(Wishes(ordered=False, stream=True), items if known == items else None, known)
        self.orders: list[object] = []
        self.calls = 0
        self.deputy = Deputy(self.baton, self.scheduler, self.scheduler.handle, self.orders.extend)
        self.scheduler.use(crew(2))
        self.scheduler.handle(WorkerReady(0), WorkerReady(1))

    def call(self) -> None:
        self.calls += 1

    def done(self, worker: int, chunk: int) -> bool:
        """Tell of a chunk that is done, as the backend's thread does."""
        return self.deputy.hear([ChunkDone(worker, chunk, Outcome([chunk]))])


def test_it_refuses_while_the_driver_is_there():
    """Whoever has the baton hears the news; the backend's thread does not wait for it."""
    post = Post(10)
    assert post.done(0, 1) is False
    assert post.orders == []


def test_it_gives_orders_and_leaves_results_to_the_driver():
    """The next item goes out at once; what is finished waits for the driver, who is called for the first of it."""
    post = Post(10)
    with post.deputy.on_duty(post.call, 1.0):
        assert post.done(0, 1) is True
    assert [type(each) for each in post.orders] == [Send]
    aside = post.deputy.relieve(())
    assert [each.batch.values for each in aside if isinstance(each, Emit)] == [[1]]
    assert post.calls == 1
    assert post.deputy.relieve(()) == []


def test_where_results_keep_coming_the_driver_comes_by_itself():
    """It was there a moment ago and looks again soon: to wake it for each would cost more than the items."""
    post = Post(10)
    with post.deputy.on_duty(post.call, 1.0):
        post.done(0, 1)
    post.deputy.relieve(())
    assert post.deputy.tick_s == HAND_OVER_S
    with post.deputy.on_duty(post.call, 1.0):
        post.done(1, 2)
        post.done(0, 3)
    assert post.calls == 1
    assert len([each for each in post.deputy.relieve(()) if isinstance(each, Emit)]) == 2


def test_the_driver_is_called_when_little_is_left_to_send():
    """More has to be read, which only the caller's thread may do: nobody is to stand idle for ten milliseconds."""
    post = Post(10, known=3)
    with post.deputy.on_duty(post.call, 1.0):
        post.done(0, 1)
    post.deputy.relieve(())
    with post.deputy.on_duty(post.call, 1.0):
        post.done(1, 2)
    assert post.calls == 2


def test_the_driver_is_called_at_the_end():
    """The last result is not kept for ten milliseconds."""
    post = Post(2)
    post.deputy.relieve([WorkerReady(0)])
    with post.deputy.on_duty(post.call, 1.0):
        post.done(0, 1)
        assert post.calls == 0
        post.done(1, 2)
    assert post.calls == 1


def test_its_errors_are_the_drivers():
    """Nobody would hear of them in the backend's thread."""
    post = Post(10)
    post.deputy = Deputy(post.baton, post.scheduler, _fail, post.orders.extend)
    with post.deputy.on_duty(post.call, 1.0):
        assert post.done(0, 1) is True
    assert post.calls == 1
    with pytest.raises(InternalError, match="on purpose"):
        post.deputy.relieve(())
    assert not any(isinstance(each, Start | Send) for each in post.orders)


def _fail(*_: object) -> list[object]:
    raise InternalError("on purpose")


@pytest.mark.parametrize("limited", [False, True])
def test_what_is_the_callers_is_called_in_the_callers_thread(limited):
    """The iterator and the keys run where the caller is, however the items are sent; every item runs once."""
    seen: set[int] = set()

    def items():
        for item in range(2000):
            seen.add(threading.get_ident())
            yield item

    def key(item: int) -> int:
        seen.add(threading.get_ident())
        return item % 3

    async def run(item: int) -> int:
        await asyncio.sleep(0)
        return item

    limit = poolwise.Limit(adaptive=True, key=key) if limited else None
    results = poolwise.imap(run, items(), backend="asyncio", ordered=False, max_workers=16, chunksize=1, limit=limit)
    assert sorted(results) == list(range(2000))
    assert seen == {threading.get_ident()}


def test_tasks_do_not_see_each_others_context():
    """A task that the end of another one begins sees what the caller has set, and nothing of that other one's."""
    mark: ContextVar[int] = ContextVar("mark", default=-1)

    async def run(item: int) -> int:
        before = mark.get()
        mark.set(item)
        await asyncio.sleep(0)
        return before

    results = poolwise.imap(run, range(200), backend="asyncio", ordered=False, max_workers=4, chunksize=1)
    assert set(results) == {-1}
