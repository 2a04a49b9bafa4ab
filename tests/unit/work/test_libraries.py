"""Libraries with threads of their own, held to one for a moment: NumPy's real OpenBLAS, where it has some."""

from __future__ import annotations

import os

import pytest

from poolwise.work import libraries
from poolwise.work.libraries import have_threads, loaded_libraries, one_thread_inside


@pytest.fixture
def two_threads():
    """Give NumPy's library two threads, whatever the tests before have left it."""
    pytest.importorskip("numpy").linalg.inv([[1.0]])
    before = [(each, each.num_threads) for each in loaded_libraries()]
    assert before, "threadpoolctl does not know NumPy's library"
    for each, _ in before:
        each.set_num_threads(2)
    if not have_threads():
        pytest.skip("this build has one thread only")
    yield
    for each, threads in before:
        each.set_num_threads(threads)


def counts():
    """Give the threads of each library."""
    return [each.num_threads for each in loaded_libraries()]


def test_they_have_one_thread_and_then_as_many_as_before(two_threads):
    """Whatever happens meanwhile."""
    before, meanwhile = counts(), []

    def fail():
        with one_thread_inside():
            meanwhile.extend(counts())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert set(meanwhile) == {1}
    assert counts() == before
    assert have_threads()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_that_is_forked_meanwhile_keeps_one(two_threads, monkeypatch):
    """It was given one, and starting threads in there is not ours to do."""
    before = counts()
    with one_thread_inside():
        monkeypatch.setattr(libraries.os, "getpid", lambda: 0)
    assert set(counts()) == {1}
    monkeypatch.undo()
    for each, threads in zip(loaded_libraries(), before, strict=True):
        each.set_num_threads(threads)


def test_nothing_is_looked_for_where_nobody_brings_one(monkeypatch):
    """Importing threadpoolctl takes time."""
    monkeypatch.setattr(libraries, "NATIVE", ("no such package",))
    assert loaded_libraries() == ()
    assert not have_threads()
    with one_thread_inside():
        pass
