"""Classes that no module holds come back from a worker as what they are: made in a function, or by ``exec``."""

from __future__ import annotations

import collections
import dataclasses
import enum

import pytest

import poolwise

METHODS = pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])


def options(method: str) -> dict[str, object]:
    """Two worker processes by a start method."""
    return {"backend": "processes", "start_method": method, "max_workers": 2}


@METHODS
def test_values_are_instances_of_the_callers_classes(method) -> None:
    """Dataclasses are equal, enum members are the same, and ``isinstance`` holds, for subclasses too."""

    @dataclasses.dataclass(frozen=True)
    class Point:
        x: int

    class Near(Point):
        pass

    class Colour(enum.Enum):
        RED = 1

    Pair = collections.namedtuple("Pair", "a b")  # noqa: PYI024 - as people write it

    def make(item):
        return Point(item), Near(item), Colour.RED, Pair(item, item), Point

    for index, (point, near, colour, pair, kind) in enumerate(poolwise.map(make, range(3), **options(method))):
        assert (point, near) == (Point(index), Near(index))
        assert isinstance(near, Point)
        assert colour is Colour.RED
        assert type(pair) is Pair
        assert kind is Point


@METHODS
def test_an_error_is_caught_by_its_class(method) -> None:
    """``except`` knows it, where it is no error of a module."""

    class NotFoundError(Exception):
        pass

    def fail(item):
        raise NotFoundError(item)

    with pytest.raises(NotFoundError):
        poolwise.map(fail, range(2), **options(method))


@METHODS
def test_a_class_that_is_made_in_the_worker_comes_whole(method) -> None:
    """It was never here: each has its own, with what it holds."""

    def make(item):
        class Local:
            value = item

        return Local()

    first, second = poolwise.map(make, range(2), **options(method))
    assert (first.value, second.value) == (0, 1)


def test_a_script_that_is_run_by_exec() -> None:
    """As profilers, tracers and doctest run it: its classes are in no module."""
    source = (
        "import dataclasses, poolwise\n"
        "@dataclasses.dataclass\n"
        "class Point:\n"
        "    x: int\n"
        "def move(point): return Point(point.x + 1)\n"
        "made = {m: poolwise.map(move, [Point(1)], backend='processes', start_method=m) == [Point(2)]\n"
        "        for m in ('fork', 'forkserver', 'spawn')}\n"
    )
    space: dict[str, object] = {"__name__": "__main__"}
    exec(source, space)  # noqa: S102 - what this is about
    assert space["made"] == {"fork": True, "forkserver": True, "spawn": True}
