"""What it costs to ship a thing, or why it cannot be shipped."""

from __future__ import annotations

import pathlib
import pickle
import sys
import threading
import time

import cloudpickle
import pytest

from poolwise.measure.payload import COPY_S_PER_BYTE, measure_payload, measure_payloads


class OfMain:
    """Stands for a class of the program: pickle finds it by its name, cloudpickle takes it along."""


OfMain.__module__ = "__main__"


class RaisesWhenPickled:
    def __reduce__(self):
        raise RuntimeError("not today")


class RaisesWhenUnpickled:
    def __reduce__(self):
        return (int, ("not a number",))


class Strided:
    """Hands out a buffer with holes, which cannot be sent as it is."""

    def __reduce_ex__(self, protocol):
        return (bytes, (pickle.PickleBuffer(memoryview(bytes(10))[::2]),))


@pytest.mark.parametrize("thing", [None, 7, "text", [1, 2, 3], {"a": (1.5, b"x")}, len], ids=repr)
def test_what_can_be_pickled_is_counted(thing):
    """The bytes are those of the pickle."""
    found = measure_payload(thing)
    assert (found.bytes, found.problem) == (len(pickle.dumps(thing, 5)), None)
    assert found.seconds > 0


def test_large_bytes_count():
    """A megabyte costs a megabyte."""
    assert measure_payload(b"x" * (1 << 20)).bytes == pytest.approx(1 << 20, rel=0.001)


def test_a_lambda_travels_by_cloudpickle():
    """What pickle refuses and cloudpickle carries can be shipped."""
    base = 10
    found = measure_payload(lambda item: item + base)
    assert found.problem is None
    assert found.bytes > 100


def test_a_lock_cannot_travel():
    """The problem names the thing and what pickle said."""
    lock = threading.Lock()
    found = measure_payload(lock)
    assert (found.bytes, found.seconds) == (0, 0.0)
    assert found.problem == f"{lock!r} cannot be pickled (TypeError: cannot pickle '_thread.lock' object)"


@pytest.mark.parametrize(
    ("thing", "said"),
    [
        (RaisesWhenPickled(), "RuntimeError: not today"),
        (RaisesWhenUnpickled(), "ValueError: invalid literal"),
        (Strided(), "non-contiguous buffer"),
    ],
    ids=["pickling raises", "unpickling raises", "a buffer with holes"],
)
def test_whatever_goes_wrong_is_told_and_not_raised(thing, said):
    """A user's class may raise anything; that it does is the finding."""
    problem = measure_payload(thing).problem
    assert problem is not None
    assert said in problem


def test_an_array_is_counted_by_its_buffer():
    """Arrays travel outside the pickle: their bytes count, and the time of copying them, without a copy being made."""
    numpy = pytest.importorskip("numpy")
    found = measure_payload(numpy.zeros(1_000_000))
    assert 8_000_000 < found.bytes < 8_001_000
    assert found.problem is None
    assert found.seconds >= 2 * 8_000_000 * COPY_S_PER_BYTE


def test_an_array_with_holes_is_counted_too():
    """A slice that is not contiguous is pickled as a whole of its own."""
    numpy = pytest.importorskip("numpy")
    assert measure_payload(numpy.zeros((1000, 1000))[:, ::2]).bytes == pytest.approx(4_000_000, rel=0.001)


def test_built_in_values_are_measured_as_they_travel_together():
    """Built-in values are sent as one pickle, nested ones too: each costs its share, less than a pickle of its own."""
    for things in (list(range(1000, 1064)), [{"number": number, "words": ["one", 2.5]} for number in range(64)]):
        found = measure_payloads(things)
        assert found.bytes == -(-len(pickle.dumps(things, 5)) // 64)
        assert found.bytes < measure_payload(things[0]).bytes
    assert measure_payloads([7]).bytes == len(pickle.dumps([7], 5))


def test_other_things_are_measured_one_by_one():
    """Anything else has a pickle of its own, and the first stands for all."""
    thing = pathlib.PurePosixPath("a/b")
    assert measure_payloads([thing, "x" * 1000]).bytes == len(pickle.dumps(thing, 5))
    assert measure_payloads([threading.Lock(), 1]).problem is not None


def test_small_buffers_are_measured_inside_the_pickle():
    """A buffer below 64 KiB is not worth a way of its own, and is pickled as the engine pickles it."""
    numpy = pytest.importorskip("numpy")
    small = numpy.zeros(100)
    assert measure_payload(small).bytes == len(pickle.dumps(small, 5))


def test_by_value_is_measured_by_cloudpickle(monkeypatch):
    """To a process that is no copy of this one, what is defined in ``__main__`` travels whole."""
    monkeypatch.setattr("__main__.OfMain", OfMain, raising=False)
    found = measure_payload(OfMain(), by_value=True)
    assert found.problem is None
    assert found.bytes == len(cloudpickle.dumps(OfMain(), 5)) > 2 * measure_payload(OfMain()).bytes


def test_importing_cloudpickle_is_not_part_of_the_price(monkeypatch):
    """Only the first of all pays for it, and that once in a program."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "cloudpickle"]:
        monkeypatch.delitem(sys.modules, name)
    begun = time.perf_counter()
    found = measure_payload(lambda: 0)
    took = time.perf_counter() - begun
    assert "cloudpickle" in sys.modules
    assert 0 < found.seconds < took / 4
