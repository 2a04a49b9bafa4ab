"""Each transition of the scheduler: an event goes in, instructions come out."""

from __future__ import annotations

import itertools

import pytest

from poolwise.errors import CallerError, InitializerError, InternalError, TaskTimeoutError, WorkerDiedError
from poolwise.model.classes import replace
from poolwise.model.events import (
    NOTHING_BEGUN,
    Batch,
    ChunkDone,
    Emit,
    Failed,
    ItemsRead,
    Now,
    Outcome,
    Raise,
    Read,
    Send,
    Start,
    TakeBack,
    TakenBack,
    TaskError,
    Trouble,
    Waited,
    WorkerFailed,
    WorkerLost,
    WorkerReady,
    WorkerRefused,
    WorkerRetired,
)
from poolwise.run.inquest import MOST_UNBEGUN
from poolwise.run.scheduler import MOST_START_FAILURES, PROVEN_START_FAILURES, Scheduler
from poolwise.run.supply import AHEAD_BELOW_S, AHEAD_PER_WORKER, MOST_AHEAD
from poolwise.run.terms import Wishes
from tests.unit.run.play import Play, crew, ranges

BAD = ValueError("bad")
DIED = WorkerDiedError("died")


def lost(worker: int, index: int | None = None) -> WorkerLost:
    """Tell a death."""
    return WorkerLost(worker, DIED, index)


# --- Workers and chunks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("items", "workers", "started"), [(10, 3, 3), (2, 3, 2), (1, 1, 1), (0, 3, 0)])
def test_never_more_workers_than_items(items: int, workers: int, started: int):
    """A crew starts, as far as there are items for it, and is sent nothing before it is ready."""
    assert Play(items).use(crew(workers)) == [Start(worker) for worker in range(started)]


def test_no_items_are_finished_at_once():
    """With no items there is nothing to do."""
    play = Play(0, crew=crew())
    assert (play.scheduler.finished, play.scheduler.total, play.scheduler.left) == (True, 0, 0)


def test_a_ready_worker_is_sent_the_next_chunk():
    """Chunks are sent in order, one to each worker that is ready."""
    play = Play(8, crew=crew(2, chunksize=3))
    assert ranges(play.tell(WorkerReady(0))) == [(0, 3, False)]
    assert ranges(play.tell(WorkerReady(1))) == [(3, 6, False)]
    assert ranges(play.done(0)) == [(6, 8, False)]
    assert play.sent() == [(0, 0, 3), (1, 3, 6), (0, 6, 8)]


def test_a_finished_chunk_is_emitted():
    """Values go to the caller as one batch."""
    play = Play(2, crew=crew(chunksize=2))
    play.tell(WorkerReady(0))
    assert play.done(0) == [Emit(Batch(0, [0, 1]))]
    assert play.scheduler.finished
    assert play.scheduler.counts.done == 2


def test_later_chunks_are_held_until_their_turn():
    """In order, what finishes early waits for what comes before it."""
    play = Play(4, crew=crew(2, chunksize=2))
    play.tell(WorkerReady(0), WorkerReady(1))
    assert play.done(1) == []
    assert not play.scheduler.finished
    assert play.done(0) == [Emit(Batch(0, [0, 1])), Emit(Batch(2, [2, 3]))]


def test_unordered_chunks_are_emitted_at_once():
    """Without order nothing is held."""
    play = Play(4, crew=crew(2, chunksize=2), ordered=False)
    play.tell(WorkerReady(0), WorkerReady(1))
    assert play.done(1) == [Emit(Batch(2, [2, 3]))]
    assert play.done(0) == [Emit(Batch(0, [0, 1]))]


def test_the_numbers_that_are_told():
    """Left and busy follow what is sent and done."""
    play = Play(6, crew=crew(2, chunksize=2))
    play.tell(WorkerReady(0), WorkerReady(1))
    assert (play.scheduler.left, play.scheduler.busy_workers) == (6, 2)
    play.done(0)
    assert (play.scheduler.left, play.scheduler.busy_workers) == (4, 2)
    play.done(0)
    assert (play.scheduler.left, play.scheduler.busy_workers) == (2, 1)
    assert (play.scheduler.counts.chunks, play.scheduler.counts.started) == (3, 2)


def test_the_longest_item_is_remembered():
    """Of a chunk only the mean is known, which is less than its longest item took."""
    play = Play(6, crew=crew(1, chunksize=2))
    play.tell(WorkerReady(0))
    for wall_s in (0.5, 4.0, 1.0):
        play.done(0, wall_s=wall_s)
    assert play.scheduler.longest_s == 2.0


def test_all_that_is_left_is_taken_up_again():
    """One worker that may take all that is left at once takes it again after a death that is nobody's fault."""
    play = Play(2, crew=crew(1, chunksize=None, item_s=0.001, finish_s=1.0))
    assert ranges(play.tell(WorkerReady(0))) == [(0, 2, False)]
    play.tell(lost(0, NOTHING_BEGUN))
    assert ranges(play.tell(WorkerReady(1))) == [(0, 2, False)]


def test_short_chunks_are_sent_ahead():
    """With depth 2 a worker has its next chunk before it finishes the last, once it is known to be short."""
    play = Play(9, crew=crew(1, chunksize=2, depth=2))
    assert ranges(play.tell(WorkerReady(0))) == [(0, 2, False)]
    assert ranges(play.done(0, wall_s=0.001)) == [(2, 4, False), (4, 6, False)]
    assert ranges(play.done(0, wall_s=0.001)) == [(6, 8, False)]


def test_long_chunks_are_not_sent_ahead():
    """Behind a long chunk the next would wait for a busy worker while another is idle."""
    play = Play(9, crew=crew(1, chunksize=2, depth=2))
    play.tell(WorkerReady(0))
    assert ranges(play.done(0, wall_s=3 * AHEAD_BELOW_S)) == [(2, 4, False)]


def test_idle_workers_are_served_before_chunks_are_sent_ahead():
    """Nobody gets a second chunk while another has none."""
    play = Play(6, crew=crew(2, chunksize=1, depth=2))
    play.tell(WorkerReady(0))
    play.done(0)
    assert play.sent() == [(0, 0, 1), (0, 1, 2), (0, 2, 3)]
    play.tell(WorkerReady(1))
    assert play.sent()[3:] == [(1, 3, 4), (1, 4, 5)]


# --- Errors ------------------------------------------------------------------------------------------------------


def test_an_error_ends_the_run():
    """With errors="raise" the first error is raised, and nothing is sent or emitted any more."""
    play = Play(9, crew=crew(2, chunksize=3))
    play.tell(WorkerReady(0), WorkerReady(1))
    failed = Failed(1, TaskError(BAD), 1)
    assert play.done(0, {1: BAD}) == [Emit(Batch(0, [0])), Raise(failed, BAD)]
    assert play.scheduler.finished
    assert play.done(1) == []
    assert play.scheduler.counts.failed == 1


@pytest.mark.parametrize("errors", ["collect", "skip"])
def test_a_collected_error_takes_its_place(errors: str):
    """An item that failed is emitted as such between its neighbours."""
    play = Play(4, crew=crew(chunksize=4), errors=errors)
    play.tell(WorkerReady(0))
    failed = Failed(2, TaskError(BAD), 1)
    assert play.done(0, {2: BAD}) == [Emit(Batch(0, [0, 1])), Emit(Batch(2, [None], {0: failed})), Emit(Batch(3, [3]))]
    assert play.scheduler.finished
    assert (play.scheduler.counts.done, play.scheduler.counts.failed) == (4, 1)


def test_a_chunk_of_errors():
    """Every item of a chunk may fail."""
    play = Play(3, crew=crew(chunksize=3), errors="collect")
    play.tell(WorkerReady(0))
    play.done(0, {0: BAD, 1: BAD, 2: BAD})
    assert play.emitted() == [Failed(index, TaskError(BAD), 1) for index in range(3)]


def test_a_stream_raises_in_its_turn():
    """What comes before the failed item is run and handed over first; what comes after it is dropped."""
    play = Play(9, crew=crew(3, chunksize=1), stream=True)
    play.tell(WorkerReady(0), WorkerReady(1), WorkerReady(2))
    assert play.done(1, {0: BAD}) == []
    assert play.done(2) == []
    assert not play.scheduler.finished
    assert play.done(0) == [Emit(Batch(0, [0])), Raise(Failed(1, TaskError(BAD), 1), BAD)]
    assert play.scheduler.finished


def test_what_was_taken_back_before_a_failure_is_still_run():
    """A worker leaves what it has not begun, and the failed item waits for it: it goes to another."""
    play = Play(9, crew=crew(2, chunksize=2), stream=True)
    play.tell(WorkerReady(0), WorkerReady(1))
    play.done(1, {0: BAD})
    left = play.chunks[0].pop()
    sent = play.tell(ChunkDone(0, left.id, Outcome([], {}, 0.001), cut=True))
    assert ranges(sent) == [(0, 2, False)]
    assert play.done(sent[0].worker)[-1] == Raise(Failed(2, TaskError(BAD), 1), BAD)


def test_what_was_taken_back_behind_a_failure_is_dropped():
    """Nobody wants it any more."""
    play = Play(9, crew=crew(3, chunksize=2), stream=True)
    play.tell(WorkerReady(0), WorkerReady(1), WorkerReady(2))
    play.done(1, {0: BAD})
    behind = play.chunks[2].pop()
    assert play.tell(ChunkDone(2, behind.id, Outcome([], {}, 0.001), cut=True)) == []
    assert play.done(0)[-1] == Raise(Failed(2, TaskError(BAD), 1), BAD)


def test_a_stream_raises_the_first_of_two_errors():
    """An error further on gives way to one before it."""
    other = KeyError("other")
    play = Play(9, crew=crew(3, chunksize=1), stream=True)
    play.tell(WorkerReady(0), WorkerReady(1), WorkerReady(2))
    play.done(2, {0: BAD})
    play.done(1, {0: other})
    assert play.done(0)[-1] == Raise(Failed(1, TaskError(other), 1), other)


def test_an_unordered_stream_raises_at_once():
    """Without order there is no turn to wait for."""
    play = Play(9, crew=crew(2, chunksize=1), stream=True, ordered=False)
    play.tell(WorkerReady(0), WorkerReady(1))
    assert play.done(1, {0: BAD}) == [Raise(Failed(1, TaskError(BAD), 1), BAD)]


def test_retries_go_before_new_items():
    """A failed item is run again, alone, before the next ones; its attempts are counted."""
    play = Play(4, crew=crew(chunksize=2), retries=2, errors="collect")
    play.tell(WorkerReady(0))
    assert ranges(play.done(0, {1: BAD})) == [(1, 2, False)]
    assert ranges(play.done(0, {0: BAD})) == [(1, 2, False)]
    assert ranges(play.done(0, {0: BAD})) == [(2, 4, False)]
    assert play.emitted() == [0, Failed(1, TaskError(BAD), 3)]
    assert play.scheduler.counts.retried == 2


def test_a_retry_that_succeeds():
    """A later success is a result like any other."""
    play = Play(2, crew=crew(chunksize=2), retries=1)
    play.tell(WorkerReady(0))
    play.done(0, {0: BAD})
    play.done(0)
    assert play.emitted() == [0, 1]
    assert play.scheduler.counts.failed == 0


def test_a_chunk_that_brings_the_wrong_number_of_values():
    """Where the list was changed meanwhile, the run ends with a clear word instead of waiting for ever."""
    play = Play(4, crew=crew(chunksize=4))
    play.tell(WorkerReady(0))
    (chunk,) = play.chunks[0]
    (end,) = play.tell(ChunkDone(0, chunk.id, Outcome([0, 1, 2])))
    assert isinstance(end, Raise)
    assert (end.failed, type(end.error)) == (None, CallerError)


# --- Deaths ------------------------------------------------------------------------------------------------------


def test_a_death_without_a_name_runs_the_chunk_again_marked():
    """Not knowing which item it was, all are run again on a new worker that marks them."""
    play = Play(4, crew=crew(chunksize=4))
    play.tell(WorkerReady(0))
    assert play.tell(lost(0)) == [Start(1)]
    assert ranges(play.tell(WorkerReady(1))) == [(0, 4, True)]


@pytest.mark.parametrize("how", ["taken back", "left", "retired", "not begun"])
def test_suspects_stay_marked_whoever_gives_them_back(how: str):
    """Unmarked, they could kill once more without being named; items that no death is laid upon stay as they were."""
    play = Play(8, crew=crew(2, chunksize=4, depth=2, gives_back=True))
    play.tell(WorkerReady(0), lost(0), WorkerReady(1))
    suspected, other = play.chunks[1]
    assert ranges(play.script[-2:]) == [(0, 4, True), (4, 8, False)]
    events, sent = {
        "taken back": ([WorkerReady(2), TakenBack(1, ((suspected.id, 2), (other.id, 4)))], [(2, 4), (4, 8)]),
        "left": ([ChunkDone(1, suspected.id, Outcome([0, 1], {}, 0.001), cut=True), WorkerReady(2)], [(2, 4)]),
        "retired": ([WorkerRetired(1), WorkerReady(2)], [(0, 4), (4, 8)]),
        "not begun": ([lost(1, NOTHING_BEGUN), WorkerReady(2)], [(0, 4), (4, 8)]),
    }[how]
    assert ranges(play.tell(*events)) == [(start, stop, start < 4) for start, stop in sent]


def test_a_named_death_runs_the_suspect_alone():
    """The suspect gets another try by itself, and its neighbours are run again: none of them is suspected."""
    play = Play(9, crew=crew(1, chunksize=5))
    play.tell(WorkerReady(0), lost(0, 2))
    again = [play.tell(WorkerReady(1)), play.done(1), play.done(1), play.done(1)]
    assert [sent for each in again for sent in ranges(each)] == [
        (2, 3, True),
        (0, 2, False),
        (3, 5, False),
        (5, 9, False),
    ]
    play.done(1)
    assert play.emitted() == list(range(9))


def test_a_second_death_on_an_item_is_its_failure():
    """An item that kills twice is named, with its two attempts."""
    play = Play(3, crew=crew(chunksize=3), errors="collect")
    play.tell(WorkerReady(0), lost(0, 1), WorkerReady(1), lost(1, 1), WorkerReady(2))
    play.done(2)
    play.done(2)
    assert play.emitted() == [0, Failed(1, TaskError(DIED), 2), 2]
    assert play.scheduler.counts.deaths == 2


def test_a_second_death_is_raised():
    """With errors="raise" it ends the run, naming the item."""
    play = Play(3, crew=crew(chunksize=1))
    play.tell(WorkerReady(0), lost(0), WorkerReady(1))
    assert play.tell(lost(1)) == [Raise(Failed(0, TaskError(DIED), 2), DIED)]


def test_where_a_worker_was_ready_once_more_failed_starts_are_borne():
    """Workers have shown that they can start: somebody kills them, and that may end."""
    play = Play(1, crew=crew())
    play.tell(WorkerReady(0))
    for worker in range(PROVEN_START_FAILURES):
        assert play.tell(lost(worker, NOTHING_BEGUN)) == [Start(worker + 1)]
    assert play.tell(lost(PROVEN_START_FAILURES)) == [Raise(None, DIED)]


@pytest.mark.parametrize("crash_retries", [0, 1, 3])
def test_an_option_says_how_often_a_suspect_is_run_again(crash_retries: int):
    """An item is named at the death after its last retry, with all its attempts."""
    play = Play(1, crew=crew(), errors="collect", crash_retries=crash_retries)
    for worker in range(crash_retries + 1):
        play.tell(WorkerReady(worker), lost(worker))
    assert play.emitted() == [Failed(0, TaskError(DIED), crash_retries + 1)]
    assert play.scheduler.finished


def test_a_chunk_that_was_not_begun_is_not_to_blame():
    """Whatever it was sent to may have been dead already: it goes to the next worker as it was."""
    play = Play(1, crew=crew(), errors="collect")
    for worker in range(MOST_UNBEGUN):
        play.tell(WorkerReady(worker))
        assert ranges(play.script[-1:]) == [(0, 1, False)]
        play.tell(lost(worker, NOTHING_BEGUN))
    play.tell(WorkerReady(MOST_UNBEGUN))
    play.done(MOST_UNBEGUN)
    assert play.emitted() == [0]


def test_a_chunk_that_kills_whoever_reads_it_is_found():
    """Dying before it is begun, again and again, is a death like any other: the run ends."""
    play = Play(2, crew=crew(), errors="collect")
    for worker in itertools.count():
        play.tell(WorkerReady(worker))
        while play.chunks[worker] and play.chunks[worker][0].start == 1:
            play.done(worker)
        if not play.chunks[worker]:
            break
        play.tell(lost(worker, NOTHING_BEGUN))
    assert [type(each) for each in play.emitted()] == [Failed, int]


def test_a_worker_that_retires_gives_back_what_was_sent_ahead():
    """Its chunks go to another worker first, as they were; no death is counted, and nothing runs twice."""
    play = Play(6, crew=crew(chunksize=2, depth=2, item_s=0.001))
    play.tell(WorkerReady(0))
    play.done(0)
    assert play.tell(WorkerRetired(0)) == [Start(1)]
    assert ranges(play.tell(WorkerReady(1))) == [(2, 4, False), (4, 6, False)]
    assert (play.scheduler.counts.deaths, play.scheduler.counts.recycled) == (0, 1)


def test_attempts_before_a_death_are_counted():
    """Failures and deaths of one item add up; retries do not excuse a second death."""
    play = Play(1, crew=crew(), retries=5, errors="collect")
    play.tell(WorkerReady(0))
    play.done(0, {0: BAD})
    play.tell(lost(0), WorkerReady(1), lost(1))
    assert play.emitted() == [Failed(0, TaskError(DIED), 3)]


def test_a_late_item_fails_by_one_death():
    """A guilty item has failed at once, or is tried again as ``retries`` says; its neighbours run again."""
    late = TaskTimeoutError("late")
    play = Play(3, crew=crew(chunksize=3, marked=True), errors="collect")
    play.tell(WorkerReady(0), WorkerLost(0, late, 1, guilty=True), WorkerReady(1))
    play.done(1)
    play.done(1)
    trouble = Trouble(what="TaskTimeoutError")
    assert play.emitted() == [0, Failed(1, TaskError(late, trouble=trouble), 1), 2]


def test_a_late_item_is_tried_again():
    """With retries a late item gets its next attempt, after a wait: it may have waited for a service."""
    late = TaskTimeoutError("late")
    play = Play(1, crew=crew(marked=True), retries=1)
    play.tell(Now(5.0), WorkerReady(0), WorkerLost(0, late, 0, guilty=True))
    assert play.scheduler.next_at is not None
    assert play.tell(Now(play.scheduler.next_at)) == [Start(1)]
    assert ranges(play.tell(WorkerReady(1))) == [(0, 1, True)]
    failed = Failed(0, TaskError(late, trouble=Trouble(what="TaskTimeoutError")), 2)
    assert play.tell(WorkerLost(1, late, 0, guilty=True)) == [Raise(failed, late)]


def test_a_marked_chunk_that_dies_without_a_name_is_halved():
    """What kills where no mark covers it (unpickling) is found by halving, in logarithmically many deaths."""
    killer, deaths = 5, 0
    play = Play(8, crew=crew(chunksize=8), errors="collect")
    play.tell(WorkerReady(0))
    for worker in itertools.count():
        while play.chunks[worker] and not (play.chunks[worker][0].start <= killer < play.chunks[worker][0].stop):
            play.done(worker)
        if not play.chunks[worker]:
            break
        deaths += 1
        play.tell(lost(worker), WorkerReady(worker + 1))
        if play.scheduler.finished:
            break
    assert play.emitted() == [0, 1, 2, 3, 4, Failed(5, TaskError(DIED), 2), 6, 7]
    assert deaths == 6  # unmarked, marked, halves of 4, 2, 1, and the second strike


def test_a_death_named_after_an_item_that_came_back_blames_nobody():
    """A mark left over from the chunk before says nothing about this one: it runs again as it was."""
    play = Play(4, crew=crew(chunksize=1, depth=2, item_s=0.001), errors="collect")
    play.tell(WorkerReady(0))
    assert play.sent() == [(0, 0, 1), (0, 1, 2)]
    play.done(0)
    play.tell(WorkerLost(0, TaskTimeoutError("late"), 0, guilty=True), WorkerReady(1))
    assert play.sent()[3:] == [(1, 1, 2), (1, 2, 3)]
    for _ in range(3):
        play.done(1)
    assert play.emitted() == [0, 1, 2, 3]


def test_chunks_sent_ahead_to_the_dead_go_first_and_unblamed():
    """The dead worker's second chunk was not begun: it is run again as it was, after the suspect."""
    play = Play(8, crew=crew(chunksize=2, depth=2, item_s=0.001))
    play.tell(WorkerReady(0))
    play.tell(lost(0, 1))
    assert ranges(play.tell(WorkerReady(1))) == [(1, 2, True), (0, 1, False)]
    play.done(1)
    play.done(1)
    assert play.sent()[4:] == [(1, 2, 4), (1, 4, 6)]


def test_an_idle_worker_that_dies_is_replaced_only_where_there_is_work():
    """A death of a worker that has nothing costs nothing, and nobody is started for nothing."""
    play = Play(2, crew=crew(2, chunksize=1))
    play.tell(WorkerReady(0), WorkerReady(1))
    play.done(1)
    assert play.tell(lost(1)) == []
    play.done(0)
    assert play.emitted() == [0, 1]


def test_workers_that_cannot_start_end_the_run():
    """After so many deaths in a row before being ready, the last one's error is raised."""
    play = Play(3, crew=crew(1))
    for worker in range(MOST_START_FAILURES - 1):
        assert play.tell(lost(worker)) == [Start(worker + 1)]
    assert play.tell(lost(MOST_START_FAILURES - 1)) == [Raise(None, DIED)]


def test_a_worker_that_starts_clears_the_count():
    """Failures to start count in a row only."""
    play = Play(10, crew=crew(1))
    worker = 0
    for _ in range(3):
        for _ in range(MOST_START_FAILURES - 1):
            play.tell(lost(worker))
            worker += 1
        play.tell(WorkerReady(worker))
        play.done(worker)
        play.tell(lost(worker))
        worker += 1
    assert not play.scheduler.finished
    assert play.emitted() == [0, 1, 2]


def test_a_worker_that_can_never_be_ready_ends_the_run():
    """An initializer that raises is the run's own error, told once."""
    error = InitializerError("bad")
    play = Play(3, crew=crew(2))
    assert play.tell(WorkerFailed(error)) == [Raise(None, error)]
    assert play.tell(WorkerFailed(error)) == []


# --- Reading -----------------------------------------------------------------------------------------------------


def test_items_of_an_iterator_are_asked_for():
    """Where more may come, the scheduler asks for what workers can take, and starts them when there is some."""
    play = Play(None)
    assert play.use(crew(2)) == [Read(4)]
    assert play.tell(ItemsRead(1, ended=False)) == [Start(0)]
    assert play.tell(ItemsRead(2, ended=True)) == [Start(1)]
    play.tell(WorkerReady(0), WorkerReady(1))
    assert play.scheduler.total == 2


def test_an_empty_iterator_is_finished():
    """An iterator that gives nothing ends the run."""
    play = Play(None, crew=crew(2))
    assert play.tell(ItemsRead(0, ended=True)) == []
    assert play.scheduler.finished


def test_a_stream_is_read_a_little_ahead_only():
    """An idle consumer is read ahead for by so many items for each worker, however fast they are."""
    play = Play(None, crew=crew(2, chunksize=100), stream=True)
    assert play.script == [Read(2 * AHEAD_PER_WORKER)]
    play.tell(ItemsRead(2 * AHEAD_PER_WORKER, ended=False), WorkerReady(0))
    assert play.sent() == [(0, 0, 8)]
    assert [each for each in play.script if isinstance(each, Read)] == [Read(8)]


def test_a_stream_is_read_further_as_it_is_consumed():
    """As much again as was taken may be read ahead, and never more than the most."""
    play = Play(None, crew=crew(1, chunksize=1000), stream=True)
    ahead, taken = [], 0
    play.tell(WorkerReady(0))
    for _ in range(12):
        known = taken + [each.count for each in play.script if isinstance(each, Read)][-1]
        ahead.append(known - taken)
        play.tell(ItemsRead(known, ended=False))
        play.done(0)
        play.take(known - taken)
        taken = known
    assert ahead == [4, 4, 8, 16, 32, 64, 128, 256, 512, MOST_AHEAD, MOST_AHEAD, MOST_AHEAD]


def test_a_stream_waits_for_its_consumer():
    """What is handed over and not taken yet counts as ahead: with an idle consumer everything comes to a halt."""
    play = Play(100, crew=crew(2, chunksize=1), stream=True)
    play.tell(WorkerReady(0), WorkerReady(1))
    while play.scheduler.busy_workers:
        play.done(0 if play.chunks[0] else 1)
    assert play.emitted() == list(range(2 * AHEAD_PER_WORKER))
    assert ranges(play.take(1)) == [(8, 9, False)]


def test_the_lowest_item_that_is_needed():
    """Items below the next turn, and not under way, may be let go."""
    play = Play(6, crew=crew(2, chunksize=2))
    play.tell(WorkerReady(0), WorkerReady(1))
    assert play.scheduler.lowest_needed() == 0
    play.done(1)
    assert play.scheduler.lowest_needed() == 0
    play.done(0)
    assert play.scheduler.lowest_needed() == 4
    unordered = Play(6, crew=crew(2, chunksize=2), ordered=False)
    unordered.tell(WorkerReady(0), WorkerReady(1))
    unordered.done(0)
    assert unordered.scheduler.lowest_needed() == 2


# --- Changing the backend ----------------------------------------------------------------------------------------


def test_a_paused_run_drains_and_goes_on_elsewhere():
    """Paused, nothing more is sent; once nothing is in flight, another crew takes over where the first stopped."""
    play = Play(4, crew=crew(1, chunksize=1))
    play.tell(WorkerReady(0))
    play.scheduler.pause()
    assert not play.scheduler.drained
    assert play.done(0) == [Emit(Batch(0, [0]))]
    assert play.scheduler.drained
    assert play.use(crew(2, chunksize=3)) == [Start(0), Start(1)]
    assert ranges(play.tell(WorkerReady(1))) == [(1, 4, False)]


def test_the_backend_cannot_change_with_chunks_in_flight():
    """To change it then would lose them: that is an error of ours."""
    play = Play(4, crew=crew(1))
    play.tell(WorkerReady(0))
    with pytest.raises(InternalError, match="with chunks in flight"):
        play.scheduler.use(crew(1))


# --- The check itself ----------------------------------------------------------------------------------------------


def in_flight() -> Scheduler:
    """Give a scheduler with one chunk in flight and one worker starting."""
    play = Play(6, crew=crew(2, chunksize=2))
    play.tell(WorkerReady(0))
    return play.scheduler


def double_chunk(scheduler: Scheduler) -> None:
    """Put an item in two places."""
    scheduler._run_again(1, 2)


def lose_chunk(scheduler: Scheduler) -> None:
    """Forget a chunk in flight."""
    scheduler._staff._queues[0].clear()


def idle_with_work(scheduler: Scheduler) -> None:
    """Call a busy worker idle."""
    scheduler._staff._idle[0] = None


def not_ready(scheduler: Scheduler) -> None:
    """Forget that a worker is ready."""
    scheduler._staff._ready.clear()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (double_chunk, "item 1 is in two places"),
        (lose_chunk, "2 items were sent or known, 0 are done and 0 under way"),
        (idle_with_work, "worker 0 is idle with"),
        (not_ready, "worker 0 has chunks before it is ready"),
    ],
)
def test_validate_finds_damage(damage, words: str):
    """``validate`` names what is wrong with a damaged state."""
    scheduler = in_flight()
    scheduler.validate()
    damage(scheduler)
    with pytest.raises(InternalError, match=words):
        scheduler.validate()


def test_validate_finds_a_standstill():
    """Items that could be sent, and nobody who runs anything, are a hang in the making."""
    scheduler = Scheduler(Wishes(), 3, 3)
    with pytest.raises(InternalError, match="3 items could be sent and nobody runs anything"):
        scheduler.validate()


def test_a_copy_of_this_process_is_given_its_first_chunk_at_once():
    """With its start; when it is ready, nothing more than what it has room for."""
    play = Play(4, crew=crew(2, at_once=True))
    assert play.sent() == [(0, 0, 1), (1, 1, 2)]
    assert play.tell(WorkerReady(0), WorkerReady(1)) == []
    play.done(0)
    assert play.sent()[2:] == [(0, 2, 3)]


def test_what_a_worker_was_given_before_it_was_ready_is_nobodys_fault():
    """It had not begun it: the chunk goes to the next, unmarked, and the start failed."""
    play = Play(2, crew=crew(1, 2, at_once=True))
    assert ranges(play.tell(WorkerLost(0, DIED))) == [(0, 2, False)]
    for worker in range(1, MOST_START_FAILURES - 1):
        assert not play.scheduler.finished
        play.tell(WorkerLost(worker, DIED))
    assert play.tell(WorkerLost(MOST_START_FAILURES - 1, DIED)) == [Raise(None, DIED)]


def test_wishes_and_crews_are_values():
    """What is handed to the scheduler is equal by value."""
    assert crew(2) == crew(2)
    assert Wishes() == Wishes(ordered=True, errors="raise", stream=False)
    assert Send(0, Play(1).scheduler._supply.chunk(0, 1, marked=False)) == Send(
        0, Play(1).scheduler._supply.chunk(0, 1, marked=False)
    )


# --- A calling thread among the workers ----------------------------------------------------------------------


def test_a_suspect_is_never_given_to_the_calling_thread():
    """An item that may have killed a worker would end the caller's program: it is tried again somewhere else."""
    play = Play(6, crew=replace(crew(2), here=0))
    play.tell(WorkerReady(0), WorkerReady(1))
    out = play.tell(WorkerLost(1, WorkerDiedError("died")))
    assert play.scheduler.has_suspects
    assert [each for each in out if isinstance(each, Start)] == [Start(2), Start(3)]
    # It finishes what it has, and nobody is asked to wait for it.
    assert play.done(0) == [Emit(Batch(0, [0]))]
    assert ranges(play.tell(WorkerReady(2))) == [(1, 2, True)]
    assert ranges(play.tell(WorkerReady(3))) == [(2, 3, False)]


def test_where_nobody_has_died_there_are_no_suspects():
    """A start that failed, an item that was late: nobody is suspected."""
    play = Play(6, crew=replace(crew(2), here=0))
    play.tell(WorkerReady(0))
    play.tell(WorkerLost(1, WorkerDiedError("died")))
    play.done(0)
    assert (play.scheduler.has_suspects, play.chunks[0][0].start) == (False, 1)


def test_those_without_whom_it_goes_on_finish_what_they_have():
    """They are not sent anything more, and others are started in their place."""
    play = Play(6, crew=crew(2))
    play.tell(WorkerReady(0), WorkerReady(1))
    out = play.go_on(crew(2), without=[0, 1])
    assert [each for each in out if isinstance(each, Start)] == [Start(2), Start(3)]
    play.tell(WorkerReady(2), WorkerReady(3))
    # No more than two at a time, the former ones included.
    assert ranges(play.script)[2:] == []
    assert ranges(play.done(0)) == [(2, 3, False)]
    assert ranges(play.done(1)) == [(3, 4, False)]
    assert [play.sent()[number][0] for number in (2, 3)] == [2, 3]


def test_what_they_have_not_begun_is_taken_back():
    """Those that are recalled answer; what was asked of somebody else is still under way then."""
    play = Play(12, crew=crew(1, chunksize=4))
    play.tell(WorkerReady(0))
    out = play.go_on(crew(1, chunksize=4), without=[0], recall=[0])
    assert TakeBack(0, whole=True) in out
    chunk = play.chunks[0][0]
    play.chunks[0][0] = chunk.between(0, 1)
    play.tell(TakenBack(0, ((chunk.id, 1),)), WorkerReady(1))
    play.done(0)
    assert ranges(play.script)[1:] == [(1, 4, False)]
    while play.chunks[1]:
        play.done(1)
    assert play.emitted() == list(range(12))


def test_fewer_workers_rest_and_more_are_started():
    """The number of workers follows; nobody is ended, and nobody is started twice."""
    play = Play(20, crew=crew(4))
    play.tell(*[WorkerReady(worker) for worker in range(4)])
    assert play.resize(1) == []
    assert [ranges(play.done(worker)) for worker in range(4)] == [[], [], [], [(4, 5, False)]]
    assert ranges(play.resize(3)) == [(5, 6, False), (6, 7, False)]
    assert [each for each in play.resize(6) if isinstance(each, Start)] == [Start(4), Start(5)]
    assert play.scheduler.counts.started == 6


def test_a_list_made_shorter_is_noticed_beside_an_error():
    """Items that are not there any more are nobody's to run, whatever else their chunk tells of."""
    play = Play(4, crew=crew(1, chunksize=4), errors="skip")
    play.tell(WorkerReady(0))
    out = play.tell(ChunkDone(0, play.chunks[0].pop().id, Outcome([0, None, 2], {1: TaskError(ValueError())})))
    assert [type(each.error) for each in out if isinstance(each, Raise)] == [CallerError]


def test_a_list_made_shorter_behind_an_error_is_noticed_when_its_rest_is_run():
    """It looks as if the error had ended the chunk; who is sent the rest finds nothing."""
    play = Play(4, crew=crew(1, chunksize=4), errors="skip")
    play.tell(WorkerReady(0))
    out = play.tell(ChunkDone(0, play.chunks[0].pop().id, Outcome([0, None], {1: TaskError(ValueError())})))
    assert ranges(out) == [(2, 4, False)]
    last = play.tell(ChunkDone(0, play.chunks[0].pop().id, Outcome([])))
    assert [type(each.error) for each in last if isinstance(each, Raise)] == [CallerError]


def test_who_is_gone_before_it_answers_is_not_waited_for():
    """A worker that was asked for what it has not begun, and then cannot be had: another may be asked."""
    play = Play(12, crew=crew(3, chunksize=4, at_once=True, gives_back=True))
    play.tell(WorkerReady(0))
    play.done(0)
    assert play.tell(Waited()) == [TakeBack(1)]
    assert ranges(play.tell(WorkerRefused(1, RuntimeError("can't start new thread")))) == [(4, 8, False)]
    play.done(0)
    assert play.tell(Waited()) == [TakeBack(2)]


def test_what_was_asked_of_another_backend_is_not_waited_for():
    """The answer would have come from a worker that is there no more."""
    play = Play(None, known=8)
    for known in (8, 16):
        play.scheduler.pause()
        play.use(crew(2, chunksize=4, gives_back=True))
        play.tell(ItemsRead(known, ended=False), WorkerReady(0), WorkerReady(1))
        assert TakeBack(1) in play.done(0)
        play.scheduler.pause()
        play.done(1)


def test_who_does_not_answer_keeps_nobody_from_giving_back():
    """One worker is asked at a time; after a wait without an answer another is, and the first one not again."""
    play = Play(13, crew=crew(4, chunksize=4, at_once=True, gives_back=True))
    play.tell(*[WorkerReady(worker) for worker in range(4)])
    assert play.done(3, wall_s=1.0)[-1] == TakeBack(0)
    assert play.scheduler.could_take_back
    assert play.tell(Waited()) == [TakeBack(1)]
    assert play.tell(Waited()) == [TakeBack(2)]
    assert not play.scheduler.could_take_back
    assert play.tell(Waited()) == []
    chunk = play.chunks[1][0]
    play.chunks[1][0] = chunk.between(4, 6)
    assert ranges(play.tell(TakenBack(1, ((chunk.id, 6),)))) == [(6, 8, False)]


@pytest.mark.parametrize("others", range(12, 20))
def test_the_one_that_was_furthest_behind_keeps_nobody_waiting_once_it_is_done(
    monkeypatch: pytest.MonkeyPatch, others: int
):
    """Without order no item overtakes another by too many; when that one ends, what waited for it goes out at once."""
    monkeypatch.setattr("poolwise.run.supply.MOST_BEHIND", 50)
    play = Play(1000, crew=crew(40), stream=True, ordered=False)
    play.tell(*[WorkerReady(worker) for worker in range(40)])
    for worker in range(1, others):
        play.done(worker)
        play.take(1)
    assert max(stop for _, stop, _ in ranges(play.script)) == 50
    idle = others - 11
    assert len(ranges(play.done(0))) == idle + 1
