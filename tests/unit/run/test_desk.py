from __future__ import annotations

from concurrent.futures import Future

import pytest

from poolwise.model.events import Batch, Failed, TaskError
from poolwise.run.adapt import Sizing
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


def came(mapped: Many) -> list[object]:
    """Take what has come of a ``map``, as its caller does: the values of each piece, or what stands in its place."""
    taken = [mapped.came.get_nowait() for _ in range(mapped.came.qsize())]
    return [each.values if isinstance(each, Batch) else each for each in taken]


def desk_with(*arrived: Task | Many) -> Desk:
    """Make a desk that has numbered what arrived."""
    desk = Desk(Sizing())
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


def test_each_map_learns_for_itself() -> None:
    """Slow tasks before it say nothing of its items, which begin one at a time as the first of all did."""
    first, second = many(10), many(10)
    desk = desk_with(task(), first, second, task())
    desk.sizer_of(0).observe(1, 0.5)
    desk.sizer_of(1).observe(1000, 0.001)
    assert [desk.sizer_of(number).item_s for number in (0, 1, 10, 11, 20, 21)] == [0.5, 1e-6, 1e-6, None, None, 0.5]
    assert desk.sizer_of(11).size(None, 2) == 1


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
    assert [came(early), came(late)] == [[["a"], ["b", "c"]], [["d", "e"]]]


def test_a_piece_waits_for_those_before_it() -> None:
    """The caller is not woken for what is not in its turn."""
    mapped = many(4)
    desk = desk_with(mapped)
    desk.take(Batch(2, ["c", "d"]))
    desk.take(Batch(1, ["b"]))
    assert came(mapped) == []
    desk.take(Batch(0, ["a"]))
    assert came(mapped) == [["a"], ["b"], ["c", "d"]]


def test_what_waits_includes_what_has_just_arrived() -> None:
    """Also what has no number yet."""
    desk = Desk(Sizing())
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
    assert came(mapped) == ([["a", "b"], None] if before else [None])


def test_a_cancelled_map_lets_go_of_what_waited_for_its_turn() -> None:
    """Nobody will ever ask for it."""
    mapped = many(3)
    desk = desk_with(mapped)
    desk.take(Batch(2, ["c"]))
    mapped.cancel()
    desk.take(Batch(1, [None]))
    assert mapped._early == {}


def test_a_result_of_a_map_is_held_by_its_taker_alone() -> None:
    """It is handed on in the very list in which it came, which its taker empties."""
    mapped, values = many(2), ["a", "b"]
    desk_with(mapped).take(Batch(0, values))
    taken = mapped.came.get_nowait()
    assert isinstance(taken, Batch)
    assert taken.values is values
    assert mapped._early == {}
