"""What the link to Ray makes of what Ray says, without Ray: a real one is in ``tests/others/ray``."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Any

import pytest

from poolwise.backends import ray_link as link
from poolwise.backends.cluster import Answered, ClusterBackend, Overdue, Seated
from poolwise.errors import TaskTimeoutError
from poolwise.model.events import Chunk, ChunkDone, WorkerLost, WorkerReady
from poolwise.work.actor import NOBODY, ActorWorker
from poolwise.work.call import Call
from poolwise.work.chunk import ChunkRules
from poolwise.work.host import Mail, open_greeting, pack_job
from poolwise.work.items import Indexed
from poolwise.work.job import Job
from tests.contract import functions

DIED = """The actor died unexpectedly before finishing this task.
\tclass_name: PoolwiseWorker
\tpid: 17688
\tip: 127.0.0.1
The actor is dead because its worker process has died. Worker exit type: {kind} Worker exit detail: {detail}"""


def job(timeout_s: float | None = None) -> Job:
    """Make a job that lingers on item 1."""

    def work(item: int) -> int:
        return int(functions.linger(30.0, frozenset({1}), item))

    return Job(call=Call(work), items=Indexed(([],)), rules=ChunkRules(timeout_s=timeout_s))


def test_a_death_is_told_in_rays_words():
    """The reason that Ray gives stands beside the process; where memory was the reason, that is said."""
    died = RuntimeError(DIED.format(kind="SYSTEM_ERROR", detail="connection error code 2. End of file."))
    told = link._why_gone(died, 17688)
    assert told == "has lost its process on the Ray cluster (pid 17688; Ray says: its worker process has died)"
    full = RuntimeError(DIED.format(kind="NODE_OUT_OF_MEMORY", detail="the node running low on memory."))
    assert link._why_gone(full, 0) == (
        "has lost its process on the Ray cluster (Ray killed it because its machine was running out of memory)"
    )
    assert link._why_gone(OSError("cut"), 3) == "has lost its process on the Ray cluster (pid 3; OSError: cut)"


def test_who_is_silent_for_too_long():
    """Counted from when the oldest message can have begun; without a timeout, or without work, nobody is."""
    at_work = link.Actor(None, limit_s=1.0, under_way={4: 100.0, 5: 100.5}, free_at=103.0)
    assert not link._is_silent(at_work, 103.0 + 1.0 + link.SILENCE_S)
    assert link._is_silent(at_work, 103.1 + 1.0 + link.SILENCE_S)
    assert not link._is_silent(link.Actor(None, limit_s=1.0, free_at=103.0), 1e6)
    assert not link._is_silent(link.Actor(None, under_way={4: 100.0}), 1e6)


def test_actors_that_have_just_ended_are_counted(monkeypatch):
    """Their CPUs count as free until Ray's books say so."""
    now = [1000.0]
    monkeypatch.setattr(link.time, "monotonic", lambda: now[0])
    let_go = link.LetGo()
    let_go.add(3)
    let_go.add(0)
    assert let_go.count() == 3
    now[0] += link.BOOKED_S + 0.1
    assert let_go.count() == 0


@pytest.fixture
def lingering() -> Iterator[None]:
    """Have those stay who linger, whatever other tests have said, and let them go in the end."""
    functions.released.clear()
    yield
    functions.released.set()


def test_an_actor_tells_a_late_item_and_begins_no_other(monkeypatch, lingering):
    """The reply to a late item is what it has taken, and what was sent ahead is not begun."""
    monkeypatch.setattr("poolwise.work.role._worker", False)
    worker = ActorWorker()
    greeting, limit_s, process = worker.begin(pack_job(job(timeout_s=0.05), "there"))
    assert (open_greeting(greeting)[1], limit_s, process > 0) == (None, 0.05, True)
    mail = Mail()
    reply: Any = worker.run(mail.pack(0, [0])[0])
    _, outcome = mail.open(reply, 1, 0)
    assert outcome.values == [0]
    late = worker.run(mail.pack(1, [1])[0])
    assert isinstance(late, float)
    assert late >= 0.05
    assert worker.run(mail.pack(2, [2])[0]) == NOBODY


class FakeLink:
    """Seats that a test plays."""

    library = "Fake"
    tick_s = None

    def __init__(self) -> None:
        self.sent: list[tuple[int, int, bool]] = []
        self.packed = self.message = b""

    def seat(self, worker: int, packed: bytes) -> None:
        self.packed = packed

    def send(self, worker: int, number: int, message: bytes, *, alone: bool) -> None:
        self.sent.append((worker, number, alone))
        self.message = message

    def unseat(self, worker: int) -> None:
        """Have nothing to give up."""

    def gather(self, notes: Any) -> list[Any]:
        return []

    def close(self, *, abort: bool) -> None:
        """Have nothing to let go of."""


def test_an_overdue_item_is_guilty_and_its_worker_lost(monkeypatch):
    """A marked chunk goes item by item; the one that is overdue is named by index, with the limit."""
    monkeypatch.setattr("poolwise.work.role._worker", False)
    outbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
    fake, there = FakeLink(), ActorWorker()
    backend = ClusterBackend(job(timeout_s=0.05), fake, outbox)
    backend.start(7)
    outbox.put(Seated(7, there.begin(fake.packed)[0]))
    assert backend.wait(0) == [WorkerReady(7)]
    backend.send(7, Chunk(1, 0, 2, marked=True), [0, 1])
    reply: Any = there.run(fake.message)
    outbox.put(Answered(7, 1, reply))
    (done,) = backend.wait(0)
    assert isinstance(done, ChunkDone)
    assert (done.more, done.outcome.values) == (True, [0])
    assert fake.sent == [(7, 1, True), (7, 2, True)]
    outbox.put(Overdue(7, 2, 0.05, 0.06))
    (lost,) = backend.wait(0)
    assert isinstance(lost, WorkerLost)
    assert (lost.worker, lost.index, lost.guilty, type(lost.error)) == (7, 1, True, TaskTimeoutError)
    assert str(lost.error) == "the item took 0.06 s, longer than timeout=0.05 s; its worker was ended"
