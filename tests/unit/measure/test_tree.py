from hypothesis import given
from hypothesis import strategies as st

from poolwise.measure.tree import STEP_S, Books, Member

ROOT = Member(1, 0, 100, 5.0, 0.0)


def test_a_child_that_was_waited_for_is_in_its_parents_books_and_not_lost():
    """What a child used moves to the sum of what its parent has waited for."""
    books = Books(1)
    books.enter([ROOT, Member(2, 1, 101, 3.0, 1.0)])
    books.enter([ROOT._replace(reaped_s=4.2)])
    assert (books.live_s, books.lost_s) == (0, 0)


def test_a_child_that_nobody_waited_for_is_kept_as_last_seen():
    """With SIGCHLD ignored, the parent's books never show the child."""
    books = Books(1)
    books.enter([ROOT, Member(2, 1, 101, 3.0, 1.0)])
    books.enter([ROOT])
    assert (books.live_s, books.lost_s) == (0, 4.0)


def test_a_grandchild_goes_to_the_nearest_ancestor_that_lives():
    """Its parent ended as well: the parent's own books went on to the grandparent."""
    books = Books(1)
    books.enter([ROOT, Member(2, 1, 101, 3.0, 0.0), Member(3, 2, 102, 2.0, 0.0)])
    books.enter([ROOT._replace(reaped_s=5.0)])
    assert (books.live_s, books.lost_s) == (0, 0)


def test_an_orphan_that_ends_is_lost_to_its_new_parent():
    """Who was adopted by a process that is not ours takes nothing back to us."""
    books = Books(1)
    books.enter([ROOT, Member(2, 1, 101, 3.0, 0.0), Member(3, 2, 102, 2.0, 0.0)])
    books.enter([ROOT._replace(reaped_s=3.0), Member(3, 999, 102, 2.5, 0.0)])
    assert (books.live_s, books.lost_s) == (2.5, 0)
    books.enter([ROOT._replace(reaped_s=3.0)])
    assert (books.live_s, books.lost_s) == (0, 2.5)


def test_a_number_that_another_process_has_got_is_another_process():
    """The number of an ended process is given out again: when it began tells them apart."""
    books = Books(1)
    books.enter([ROOT, Member(2, 1, 101, 3.0, 0.0)])
    books.enter([ROOT, Member(2, 1, 200, 0.1, 0.0)])
    assert (books.live_s, books.lost_s) == (0.1, 3.0)


@given(
    used=st.lists(st.floats(min_value=0, max_value=100), min_size=1, max_size=8),
    ended=st.lists(st.booleans(), min_size=8, max_size=8),
)
def test_all_that_was_used_is_in_the_sum_whoever_has_ended(used, ended):
    """What the root has waited for, what lives and what is lost make up what was used."""
    books = Books(1)
    children = [Member(10 + k, 1, k, seconds, 0.0) for k, seconds in enumerate(used)]
    books.enter([ROOT, *children])
    gone = [each for each, over in zip(children, ended, strict=False) if over]
    root = ROOT._replace(reaped_s=sum(each.cpu_s for each in gone))
    books.enter([root, *(each for each in children if each not in gone)])
    assert abs(root.reaped_s + books.live_s + books.lost_s - sum(used)) <= STEP_S * (1 + len(used))


def test_the_time_in_the_queue_never_falls():
    """Neither when a process ends nor when one of its threads does."""
    books = Books(1)
    books.enter([ROOT._replace(queued_s=1.0), Member(2, 1, 101, 3.0, 0.0, 2.0)])
    books.enter([ROOT._replace(queued_s=0.25)])
    assert books.queued_s == 3.0
    books.enter([ROOT._replace(queued_s=0.75)])
    assert books.queued_s == 3.5
