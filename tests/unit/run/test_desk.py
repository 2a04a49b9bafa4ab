from __future__ import annotations

from concurrent.futures import Future

import pytest

from poolwise.model.events import Batch, Failed, TaskError
from poolwise.run.desk import Desk, Many, Singles
from poolwise.work.task import Task


def task(*, begun: bool = True) -> Task:
    """Make a task; one that has begun was sent already."""
    made = Task(Future(), abs, (1,), {})
    if begun:
        assert made.may_run()
    return made


def many(count: int, most: int | None = None) -> Many:
    """Make the items of a ``map``."""
    return Many(abs, range(count), spread=False, most=most)


def desk_with(*arrived: Task | Many) -> Desk:
    """Make a desk that has numbered what arrived."""
    desk = Desk()
    for each in arrived:
        desk.put(each)
    desk.admit()
    return desk


def test_tasks_are_numbered_as_they_arrive() -> None:
    """What was submitted one by one is one line, and each ``map`` is another."""
    singles = [task() for _ in range(3)]
    mapped = many(4)
    desk = desk_with(singles[0], singles[1], mapped, singles[2])
    assert desk.known == 7
    assert [desk.line_of(number).start for number in range(7)] == [0, 0, 2, 2, 2, 2, 6]
    assert desk.line_of(3) is mapped


def test_only_news_is_told() -> None:
    """Where nothing has arrived, nothing is known anew; an empty ``map`` is nothing."""
    desk = desk_with(task())
    assert not desk.admit()
    desk.put(many(0))
    assert not desk.admit()
    assert desk.known == 1


def test_lines_are_not_sent_together() -> None:
    """A chunk ends with its line, and with what the caller wants together at most."""
    desk = desk_with(task(), task(), many(10, most=3), many(5))
    assert [desk.end_of(number) for number in (0, 1, 2, 7, 11, 12)] == [2, 2, 5, 10, 12, 17]


def test_what_nobody_wants_needs_no_limit() -> None:
    """A ``map`` that was cancelled is passed over in one go."""
    mapped = many(10, most=3)
    desk = desk_with(mapped)
    mapped.cancel()
    assert desk.end_of(2) == 10


def test_results_and_errors_reach_their_futures() -> None:
    """Each future has its own, and a cancelled one is left alone."""
    tasks = [task(), task(), task(begun=False)]
    tasks[2].future.cancel()
    assert not tasks[2].may_run()
    desk = desk_with(*tasks)
    error = ValueError("no")
    desk.take(Batch(0, ["a"]))
    desk.take(Batch(1, [None, None], {0: Failed(1, TaskError(error), 1)}))
    assert tasks[0].future.result() == "a"
    assert tasks[1].future.exception() is error
    assert tasks[2].future.cancelled()


def test_nothing_is_held_of_what_is_done() -> None:
    """Not the task, though others of its line are not done; and a line of which all is done is forgotten."""
    tasks = [task(), task(), task()]
    desk = desk_with(*tasks)
    desk.take(Batch(1, ["b"]))
    line = desk.line_of(0)
    assert isinstance(line, Singles)
    assert line.tasks == [tasks[0], None, tasks[2]]
    assert desk.waiting() == [tasks[0], tasks[2]]
    desk.take(Batch(0, ["a"]))
    desk.take(Batch(2, ["c"]))
    assert desk.waiting() == []
    assert (desk._lines, desk._starts, desk._left) == ([], [], [])


def test_lines_end_in_any_order() -> None:
    """What comes later may be done first; the numbers of the others stay."""
    early, late = many(3), many(2)
    desk = desk_with(early, late)
    desk.take(Batch(3, ["d", "e"]))
    assert desk.waiting() == [early]
    desk.take(Batch(1, ["b", "c"]))
    assert desk.line_of(0) is early
    desk.take(Batch(0, ["a"]))
    assert {place: batch.values for place, batch in early.done.items()} == {1: ["b", "c"], 0: ["a"]}
    assert {place: batch.values for place, batch in late.done.items()} == {0: ["d", "e"]}


def test_what_waits_includes_what_has_just_arrived() -> None:
    """Also what has no number yet."""
    desk = Desk()
    desk.put(mapped := many(2))
    assert desk.waiting() == [mapped]


@pytest.mark.parametrize("before", [True, False])
def test_a_cancelled_map_keeps_only_what_was_there(before) -> None:
    """What comes after may be nothing that was run."""
    mapped = many(2)
    desk = desk_with(mapped)
    if before:
        desk.take(Batch(0, ["a", "b"]))
        mapped.cancel()
    else:
        mapped.cancel()
        desk.take(Batch(0, [None, None]))
    assert (0 in mapped.done) is before


def test_a_result_of_a_map_is_held_by_its_taker_alone() -> None:
    """Not also by the list in which it came, which the pool's thread may hold for a while."""
    mapped, came = many(2), ["a", "b"]
    desk_with(mapped).take(Batch(0, came))
    assert (came, mapped.done[0].values) == ([], ["a", "b"])
