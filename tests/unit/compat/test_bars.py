"""The drop-ins that show a bar, on threads and in a loop: docs/compat holds their results against the real ones."""

from __future__ import annotations

import sys
from typing import ClassVar

import pytest

from poolwise.compat.bars import Follower, count
from poolwise.compat.futures import ThreadPoolExecutor
from poolwise.compat.p_tqdm import t_imap, t_map
from poolwise.compat.pqdm.threads import pqdm
from poolwise.compat.tqdm import process_map, thread_map
from poolwise.errors import OptionError
from poolwise.model.progress import Progress


class Bar:
    """What a bar is asked for."""

    made: ClassVar[list[Bar]] = []

    def __init__(self, **looks):
        self.looks = looks
        self.moved = 0
        self.open = True
        self.made.append(self)

    def update(self, more):
        self.moved += more

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.open = False


@pytest.fixture(autouse=True)
def bars():
    """Give the bars that a test has made."""
    Bar.made.clear()
    return Bar.made


def moment(done):
    """Give a moment of a run."""
    return Progress(done=done, total=9, failed=0, retried=0, workers=1, elapsed_s=1.0, finished=False)


def test_a_bar_follows_what_is_done():
    """It is moved by what is new."""
    bar = Bar()
    follower = Follower(bar)
    for done in (0, 3, 3, 9):
        follower.follow(moment(done))
    assert bar.moved == 9


@pytest.mark.parametrize(
    ("iterables", "known"),
    [
        ([[1, 2, 3]], 3),
        ([[1, 2, 3], [1]], 1),
        ([iter([1, 2]), [1, 2, 3]], 2),
        ([(each for each in [1])], None),
        ([], None),
    ],
    ids=["one", "the shortest", "an iterator that knows", "a generator", "none"],
)
def test_the_total_is_the_least_that_is_known(iterables, known):
    """As far as the iterables say."""
    assert count(iterables) == known


@pytest.mark.parametrize(
    ("run", "bar_option"),
    [
        (lambda **options: thread_map(abs, [-1, 2], **options), "tqdm_class"),
        (lambda **options: pqdm([-1, 2], abs, 2, **options), "tqdm_class"),
        (lambda **options: t_map(abs, [-1, 2], **options), "tqdm"),
    ],
    ids=["tqdm", "pqdm", "p_tqdm"],
)
def test_the_bar_is_of_the_class_that_is_given_and_gets_what_is_its_own(run, bar_option, bars):
    """All options that the drop-in does not know are the bar's; it is moved to its end, and closed."""
    assert run(**{bar_option: Bar}, desc="mine", unit="page") == [1, 2]
    (bar,) = bars
    assert bar.looks.items() >= {"total": 2, "desc": "mine", "unit": "page"}.items()
    assert (bar.moved, bar.open) == (2, False)


def test_a_bar_is_closed_by_an_error_and_by_who_stops_listening(bars):
    """Nothing is left on the screen."""
    with pytest.raises(ZeroDivisionError):
        thread_map(lambda number: 1 / number, [0], tqdm_class=Bar)
    results = t_imap(abs, range(9), tqdm=Bar)
    next(results)
    results.close()
    assert [bar.open for bar in bars] == [False, False]


@pytest.mark.parametrize(("options", "shown"), [({}, True), ({"disable": True}, False)], ids=["shown", "disabled"])
def test_without_tqdm_the_line_is_poolwises_own(monkeypatch, capsys, options, shown):
    """Who has taken tqdm out need not change the call."""
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    assert thread_map(abs, [-1, 2], desc="mine", **options) == [1, 2]
    assert ("mine" in capsys.readouterr().err) == shown


def test_pqdm_has_errors_stand_in_the_place_of_results():
    """Unless it is told otherwise."""
    one, error = pqdm([1, 0], lambda number: 1 // number, 2, disable=True)
    assert (one, type(error)) == (1, ZeroDivisionError)


def test_pqdm_raises_the_first_error_or_all_in_the_end():
    """As it is told; all of them are the arguments of one."""
    with pytest.raises(ZeroDivisionError):
        pqdm([1, 0], lambda number: 1 // number, 2, exception_behaviour="immediate", disable=True)
    with pytest.raises(Exception, match="division") as raised:
        pqdm([0, 1, 0], lambda number: 1 // number, 2, exception_behaviour="deferred", disable=True)
    assert (raised.type, [type(each) for each in raised.value.args]) == (Exception, [ZeroDivisionError] * 2)


@pytest.mark.parametrize(
    "call",
    [
        lambda: thread_map(abs, [1], timeout=1),
        lambda: thread_map(abs, [1], thread_name_prefix="mine"),
        lambda: process_map(abs, [1], max_tasks_per_child=1),
        lambda: pqdm([1], abs, 2, exception_behaviour="loud"),
        lambda: pqdm([1], abs, 2, thread_name_prefix="mine"),
        lambda: ThreadPoolExecutor(thread_name_prefix="mine"),
    ],
)
def test_what_is_not_offered_is_refused(call):
    """By name, before anything runs."""
    with pytest.raises(OptionError, match=r"is not offered|is none of"):
        call()


def test_a_thread_pool_is_called_as_the_standard_librarys():
    """The number of threads comes first, and arguments without an initializer are no matter."""
    with ThreadPoolExecutor(2, initargs=(1,)) as pool:
        assert [*pool.map(abs, [-1, 2])] == [1, 2]
