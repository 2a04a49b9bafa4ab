"""Items that failed in company: who is excused, and how much company is left."""

from __future__ import annotations

import urllib.error

import pytest

from poolwise.model.events import Chunk, ChunkDone, Outcome, Raise, Send, TaskError, WorkerReady
from poolwise.run.crowd import Crowd
from poolwise.work.crowding import crowding
from tests.unit.run.play import Play, crew, ranges

REFUSED = OSError(111, "Connection refused")
WRONG_THREAD = RuntimeError("SQLite objects created in a thread can only be used in that same thread")
OWN = ValueError("the function's own")


def send(crowd: Crowd, *numbers: int) -> None:
    """Let chunks with these numbers go out."""
    for number in numbers:
        crowd.sent(Chunk(number, number, number + 1))


def test_without_a_rule_nobody_is_excused() -> None:
    """Who names a backend has asked for company: errors are errors."""
    crowd = Crowd()
    send(crowd, 1)
    assert not crowd.excuses(1, REFUSED, 8, None)
    assert crowd.limit is None


def test_errors_of_the_function_are_its_own() -> None:
    """What company does not cause is not tried again."""
    crowd = Crowd()
    send(crowd, 1)
    assert not crowd.excuses(1, OWN, 8, crowding)
    assert (crowd.limit, crowd.only_here) == (None, False)


def test_the_limit_is_halved_once_for_all_that_were_under_way() -> None:
    """A hundred refusals at the same moment are one piece of news."""
    crowd = Crowd()
    send(crowd, *range(1, 9))
    assert all(crowd.excuses(number, REFUSED, 8, crowding) for number in range(1, 9))
    assert crowd.limit == 4


def test_what_was_sent_since_is_news() -> None:
    """8, 4, 2, 1: each refusal of an item that was sent with the new limit halves it again; alone, it is no excuse."""
    crowd, limits = Crowd(), []
    workers = 8
    for number in (1, 2, 3):
        send(crowd, number)
        assert crowd.excuses(number, REFUSED, workers, crowding)
        workers = crowd.limit
        limits.append(workers)
    send(crowd, 4)
    assert limits == [4, 2, 1]
    assert not crowd.excuses(4, REFUSED, 1, crowding)


def test_only_the_calling_thread() -> None:
    """What belongs to one thread is not tried with half of the threads."""
    crowd = Crowd()
    send(crowd, 1, 2)
    assert crowd.excuses(2, WRONG_THREAD, 128, crowding)
    assert (crowd.limit, crowd.only_here) == (1, True)
    assert crowd.excuses(1, WRONG_THREAD, 1, crowding)
    send(crowd, 3)
    assert not crowd.excuses(3, WRONG_THREAD, 1, crowding)


# --- In the scheduler ----------------------------------------------------------------------------------------


def crowded(items: int, workers: int, **wishes: object) -> Play:
    """Have so many workers at work on one item each."""
    play = Play(items, crew=crew(workers), crowding=crowding, **wishes)
    play.tell(*[WorkerReady(worker) for worker in range(workers)])
    return play


def test_a_refused_item_is_run_again_among_fewer() -> None:
    """Nothing is raised; it goes out again, once fewer than the new limit are busy, and counts for itself."""
    play = crowded(8, 4)
    assert play.done(0, {0: REFUSED}) == []
    assert (play.scheduler.workers, play.scheduler.most_workers) == (2, 2)
    assert play.done(1, {0: REFUSED}) == []
    # Two are at work still, as many as may be.
    assert ranges(play.done(2)) == [(0, 1, False)]
    assert ranges(play.done(3)) == [(1, 2, False)]
    while any(play.chunks.values()):
        play.done(next(worker for worker, chunks in play.chunks.items() if chunks))
    assert (play.emitted(), play.scheduler.counts.crowded) == (list(range(8)), 2)
    assert (play.scheduler.counts.failed, play.scheduler.counts.retried) == (0, 0)


def test_a_refusal_of_the_last_one_alone_ends_the_run() -> None:
    """Where no company is left that could be the cause, the error is the item's."""
    play = crowded(2, 2)
    play.done(0, {0: REFUSED})
    play.done(1)
    last = play.done(next(worker for worker, chunks in play.chunks.items() if chunks), {0: REFUSED})
    assert [each.error for each in last if isinstance(each, Raise)] == [REFUSED]


def test_an_item_for_the_calling_thread_pauses_the_run() -> None:
    """Somebody has to put the calling thread in the place of the workers: nothing more is sent before that."""
    play = crowded(8, 4)
    assert play.done(0, {0: WRONG_THREAD}) == []
    assert (play.scheduler.only_here, play.scheduler.paused) == (True, True)
    assert [play.done(worker) for worker in (2, 3)] == [[], []]
    out = play.go_on(crew(1), without=range(4))
    assert [type(each).__name__ for each in out] == ["Start"]
    # One of the former is still at it: the calling thread runs alone.
    assert play.tell(WorkerReady(4)) == []
    assert ranges(play.done(1)) == [(0, 1, False)]


def test_the_rest_of_a_chunk_that_stopped_at_an_excused_error_is_run() -> None:
    """The values before it are kept, the item is tried again, and those after it are sent for the first time."""
    play = Play(8, crew=crew(2, chunksize=4), crowding=crowding)
    play.tell(WorkerReady(0), WorkerReady(1))
    chunk = play.chunks[0].pop()
    outcome = Outcome([0, None], {1: TaskError(REFUSED)}, 0.001)
    play.tell(ChunkDone(0, chunk.id, outcome))
    play.done(1)
    while any(play.chunks.values()):
        play.done(next(worker for worker, chunks in play.chunks.items() if chunks))
    assert play.emitted() == list(range(8))
    assert sorted(ranges(play.script)) == [(0, 4, False), (1, 2, False), (2, 4, False), (4, 8, False)]


@pytest.mark.parametrize(
    ("values", "errors", "cut"),
    [
        ([], {0: REFUSED}, False),
        ([], {0: REFUSED}, True),
        ([0], {1: REFUSED}, False),
        ([0], {1: REFUSED}, True),
        ([0, None], {1: REFUSED}, True),
        ([0, None], {1: REFUSED, 3: REFUSED}, False),
        ([0, None], {1: REFUSED, 2: OWN}, False),
    ],
)
def test_an_excused_error_that_has_no_value_in_its_place_is_told_of_once(values, errors, cut) -> None:
    """Whether or not the outcome has a value there, and what else failed beside it: each item goes out once more."""
    play = Play(8, crew=crew(2, chunksize=4), crowding=crowding)
    play.tell(WorkerReady(0), WorkerReady(1))
    chunk = play.chunks[0].pop()
    told = {offset: TaskError(error) for offset, error in errors.items()}
    play.tell(ChunkDone(0, chunk.id, Outcome(values, told, 0.001), cut=cut))
    play.done(1)
    while any(play.chunks.values()):
        play.done(next(worker for worker, chunks in play.chunks.items() if chunks))
    assert play.emitted() == list(range(8))
    assert (play.scheduler.finished, play.scheduler.counts.crowded) == (True, 1)


def test_an_error_whose_chunk_has_kept_nothing_is_no_excuse() -> None:
    """The items before it are done and their values lost: to run them again would call the function twice."""
    play = Play(8, crew=crew(2, chunksize=4), crowding=crowding)
    play.tell(WorkerReady(0), WorkerReady(1))
    chunk = play.chunks[0].pop()
    out = play.tell(ChunkDone(0, chunk.id, Outcome([], {2: TaskError(REFUSED)}, 0.001)))
    assert [each.error for each in out if isinstance(each, Raise)] == [REFUSED]


@pytest.mark.parametrize("errors", ["collect", "skip"])
def test_where_errors_are_kept_refusals_are_tried_again_first(errors: str) -> None:
    """A failure in the results is a failure that the loop would have had too."""
    play = Play(4, crew=crew(2, chunksize=2), crowding=crowding, errors=errors)
    play.tell(WorkerReady(0), WorkerReady(1))
    play.done(0, {0: REFUSED, 1: OWN})
    play.done(1)
    while any(play.chunks.values()):
        play.done(next(worker for worker, chunks in play.chunks.items() if chunks))
    assert (play.emitted()[0], play.emitted()[2:]) == (0, [2, 3])
    assert play.emitted()[1].error.error is OWN


def test_refusals_use_up_no_retries() -> None:
    """What company caused is not held against the item."""
    play = crowded(4, 4, retries=1)
    play.done(0, {0: urllib.error.URLError(REFUSED)})
    assert (play.scheduler.counts.retried, play.scheduler.counts.crowded) == (0, 1)
    assert not [each for each in play.script if isinstance(each, Send) and each.worker > 3]
