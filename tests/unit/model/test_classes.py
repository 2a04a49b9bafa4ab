"""Our classes of values do what the same classes do that dataclasses has made."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import pytest

from poolwise.model.classes import FEW, field, field_names, frozen, mutable, replace


@frozen
class Point:
    """A point."""

    x: int
    y: int = 2
    names: list[str] = field(default_factory=list)
    note: str = field(default="", compare=False, repr=False)

    def far(self):
        return self.x + self.y > 10


@dataclasses.dataclass(frozen=True, slots=True)
class Twin:
    """The same, by dataclasses."""

    x: int
    y: int = 2
    names: list[str] = dataclasses.field(default_factory=list)
    note: str = dataclasses.field(default="", compare=False, repr=False)


@frozen(kw_only=True)
class Named:
    """What is given by name."""

    a: int
    b: int = 1
    c: int

    def __post_init__(self):
        if self.a < 0:
            raise ValueError("a < 0")


@mutable
class Count:
    """What changes."""

    n: int = 0
    seen: set[int] = field(default_factory=set)


@frozen
class Empty:
    """Nothing."""


@pytest.mark.parametrize("given", [(1,), (1, 3), (1, 3, ["a"]), (1, 3, [], "note")], ids=str)
def test_a_value_is_what_dataclasses_would_make(given):
    """Fields, repr and state are the same, of the first instances and of later ones, whose __init__ is compiled."""
    for _ in range(FEW + 2):
        ours, twin = Point(*given), Twin(*given)
        assert repr(ours) == repr(twin).replace("Twin", "Point")
        assert dataclasses.asdict(ours) == dataclasses.asdict(twin)
        assert ours.__getstate__() == [getattr(twin, each.name) for each in dataclasses.fields(twin)]
        assert Point(**dict(zip(field_names(Point), given, strict=False))) == ours


@pytest.mark.parametrize(("given", "named"), [((), {}), ((1, 2, [], "", 5), {}), ((1,), {"x": 1}), ((1,), {"z": 1})])
def test_wrong_arguments_are_refused_by_the_class_s_name(given, named):
    """As Python itself would say it, also when it is the first instance."""

    @frozen
    class Point:
        x: int
        y: int = 2
        names: list[str] = field(default_factory=list)
        note: str = ""

    with pytest.raises(TypeError, match=r"Point\.__init__\(\)"):
        Point(*given, **named)


def test_values_are_equal_by_the_fields_that_count():
    """A note does not count; another class with the same fields is another value."""
    assert Point(1, note="a") == Point(1, note="b")
    assert Point(1) != Point(2)
    assert Point(1) != Twin(1)
    assert Empty() == Empty()
    assert hash(Named(a=1, c=2)) == hash(Named(a=1, c=2))
    assert len({Empty(), Empty(), Named(a=1, c=2), Named(a=1, c=3)}) == 3


def test_a_frozen_value_does_not_change():
    """Neither by setting nor by deleting, and there is no room for more."""
    point = Point(1)
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'x'"):
        point.x = 2
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'x'"):
        del point.x
    with pytest.raises(AttributeError):
        point.other = 1
    assert not hasattr(point, "__dict__")


def test_a_mutable_value_changes_and_has_no_hash():
    """Each instance has a default of its own."""
    first, second = Count(), Count()
    first.n += 1
    first.seen.add(1)
    assert (first.n, first.seen, second.n, second.seen) == (1, {1}, 0, set())
    with pytest.raises(TypeError, match="unhashable"):
        hash(first)
    with pytest.raises(AttributeError):
        first.other = 1


def test_names_only():
    """Keyword-only fields may come in any order, a default before none, and are checked by __post_init__."""
    assert Named(c=3, a=1) == Named(a=1, b=1, c=3)
    with pytest.raises(TypeError):
        Named(1, 2, 3)
    with pytest.raises(ValueError, match="a < 0"):
        Named(a=-1, c=1)
    assert Named.__match_args__ == ()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
@pytest.mark.parametrize("value", [Point(1, 2, ["a"], "note"), Named(a=1, c=2), Count(3, {4}), Empty()], ids=repr)
def test_copies_are_equal(value, copied):
    """By copy and by pickle, the note included."""
    again = copied(value)
    assert again == value
    assert again.__getstate__() == value.__getstate__()


@pytest.mark.parametrize("change", [replace, dataclasses.replace])
def test_replace_changes_some_fields(change):
    """Ours and that of dataclasses."""
    assert change(Point(1, note="n"), y=5).__getstate__() == [1, 5, [], "n"]


def test_for_dataclasses_they_are_dataclasses():
    """Fields, parameters, matching, and a class that inherits."""
    assert dataclasses.is_dataclass(Point)
    assert [each.name for each in dataclasses.fields(Point)] == field_names(Point)
    assert [each.default for each in dataclasses.fields(Point)][:2] == [dataclasses.MISSING, 2]
    assert Point.__dataclass_params__.frozen
    assert not Count.__dataclass_params__.frozen

    @dataclasses.dataclass(frozen=True)
    class Place(Point):
        z: int = 9

    assert Place(1).z == 9
    match Point(7, 8):
        case Point(x, y):
            assert (x, y) == (7, 8)
    assert Point(7, 8).far()
    assert Point.__doc__ == "A point."
    assert Point.__qualname__ == "Point"
