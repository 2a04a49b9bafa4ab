"""Keys: equal content gives equal bytes, in every process; different content gives different ones."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import itertools
import os
import pathlib
import subprocess
import sys
import threading
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.journal.encoding import NotEncodableError, encode
from poolwise.journal.items import keys_of


@dataclasses.dataclass(frozen=True)
class Point:
    x: object
    y: object = None


@dataclasses.dataclass(slots=True)
class Slotted:
    x: object


class Plain:
    def __init__(self, **fields):
        self.__dict__.update(fields)


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Level(enum.IntEnum):
    ONE = 1


Pair = collections.namedtuple("Pair", "a b")  # noqa: PYI024 - the old kind, too


class Text(str):
    __slots__ = ()


ATOMS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary(), st.complex_numbers()
)
HASHABLE = st.recursive(
    ATOMS, lambda inner: st.one_of(st.tuples(inner, inner), st.frozensets(inner, max_size=4)), max_leaves=8
)
VALUES = st.recursive(
    HASHABLE,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(HASHABLE, inner, max_size=4),
        st.builds(Point, inner, inner),
        st.builds(Slotted, inner),
    ),
    max_leaves=6,
)


def written(value):
    """Write a value out with all its types, as equality does not tell 1 from True."""
    kind = type(value)
    if kind in {set, frozenset}:
        return kind, frozenset(map(written, value))
    if kind is dict:
        return kind, frozenset((written(key), written(each)) for key, each in value.items())
    if kind in {list, tuple}:
        return kind, tuple(map(written, value))
    if dataclasses.is_dataclass(value):
        return kind, tuple(written(getattr(value, field.name)) for field in dataclasses.fields(value))
    return kind, hex(value) if kind is int else repr(value)


@given(VALUES, VALUES)
def test_the_same_bytes_if_and_only_if_the_same_content(one, other):
    """Types count; the order of sets and dicts does not."""
    assert (encode(one) == encode(other)) == (written(one) == written(other))


@given(st.lists(st.tuples(HASHABLE, HASHABLE), max_size=5), st.randoms())
def test_the_order_of_dicts_and_sets_does_not_count(pairs, random):
    """They are equal, however they were built."""
    pairs = list(dict(pairs).items())
    mixed = random.sample(pairs, len(pairs))
    assert encode(dict(pairs)) == encode(dict(mixed))
    assert encode({key for key, _ in pairs}) == encode({key for key, _ in mixed})
    assert encode(collections.defaultdict(int, pairs)) == encode(collections.defaultdict(int, mixed))


def others():
    """Give values that are no two of them the same, in pairs of equal ones."""
    zone = dt.timezone(dt.timedelta(hours=2))
    return [
        (1, 1),
        (True, True),
        (1.0, 1.0),
        (Level.ONE, Level.ONE),
        (decimal.Decimal(1), decimal.Decimal(1)),
        (fractions.Fraction(1), fractions.Fraction(2, 2)),
        (1 << 20_000, 1 << 20_000),
        (-0.0, -0.0),
        (0.0, 0.0),
        (float("nan"), float("nan")),
        ("a", "a"),
        (b"a", b"a"),
        (bytearray(b"a"), bytearray(b"a")),
        (Text("a"), Text("a")),
        ("\ud800", "\ud800"),
        (Colour.RED, Colour["RED"]),
        (Colour.BLUE, Colour.BLUE),
        (Colour, Colour),
        (Pair(1, 2), Pair(1, 2)),
        ((1, 2), (1, 2)),
        ([1, 2], [1, 2]),
        (range(3), range(3)),
        (slice(1, 2), slice(1, 2)),
        (..., Ellipsis),
        (pathlib.PurePosixPath("a/b"), pathlib.PurePosixPath("a") / "b"),
        (dt.datetime(2026, 1, 2, tzinfo=zone), dt.datetime(2026, 1, 2, tzinfo=zone)),
        (dt.date(2026, 1, 2), dt.date(2026, 1, 2)),
        (uuid.UUID(int=7), uuid.UUID(int=7)),
        (collections.OrderedDict(a=1, b=2), collections.OrderedDict(a=1, b=2)),
        (collections.OrderedDict(b=2, a=1), collections.OrderedDict(b=2, a=1)),
        (collections.Counter("aab"), collections.Counter("baa")),
        (collections.deque([1, 2]), collections.deque([1, 2])),
        (Plain(a=1, b={2, 3}), Plain(b={3, 2}, a=1)),
        (Plain(a=1, b={2}), Plain(a=1, b={2})),
        (Point(1, [2]), Point(1, [2])),
        (len, len),
        (os.path.join, os.path.join),
        ("x".upper, "x".upper),
        (lambda x: x + 1, lambda x: x + 1),
    ]


def test_values_of_many_kinds():
    """Equal ones have one key, each kind has its own."""
    pairs = others()
    unequal = [place for place, (one, twin) in enumerate(pairs[:-1]) if encode(one) != encode(twin)]
    assert unequal == []
    different = [encode(one) for one, _ in pairs]
    assert [(a, b) for a, b in itertools.combinations(different, 2) if a == b] == []


def test_arrays_by_their_content():
    """An array's type, shape and numbers count."""
    numpy = pytest.importorskip("numpy")
    base = numpy.arange(6)
    assert encode(base) == encode(base.copy()) == encode(numpy.arange(12)[::2] // 2)
    different = [base, base.reshape(2, 3), base.astype("f8"), base + 1, base[0], base.tolist()]
    assert len({encode(each) for each in different}) == len(different)


def test_the_same_object_twice_is_as_two_that_are_equal():
    """Pickle's memo would tell them apart."""
    part = ["x", Point(1, 2)]
    assert encode([part, part]) == encode([["x", Point(1, 2)], ["x", Point(1, 2)]])


PROGRAM = """
import sys
from tests.unit.journal.test_encoding import others
from poolwise.journal.encoding import encode
for one, twin in others()[:-1]:
    print(encode(one).hex(), flush=True)
"""


def test_another_process_gives_the_same_bytes():
    """With another hash seed, too."""
    told = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for seed in ("1", "2")
    ]
    assert told[0] == told[1] == [encode(one).hex() for one, _ in others()[:-1]]


def cyclic():
    """Give a list that holds itself."""
    made = []
    made.append(made)
    return made


def deep():
    """Give a list that is nested more deeply than Python follows."""
    made = []
    for _ in range(100_000):
        made = [made]
    return made


class Rude:
    def __reduce_ex__(self, protocol):
        raise ValueError("not me")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (threading.Lock(), "cannot pickle"),
        (iter(x for x in ()), "cannot pickle"),
        (cyclic(), "it contains itself"),
        (deep(), "nested too deeply"),
        (Rude(), "ValueError: not me"),
    ],
    ids=["lock", "generator", "cycle", "deep", "rude"],
)
def test_what_has_no_content_is_refused(value, words):
    """With the reason in words."""
    with pytest.raises(NotEncodableError, match=words):
        encode(value)


@given(st.lists(HASHABLE, unique_by=written))
def test_keys_differ_where_items_do(items):
    """Short ones are their own bytes, long ones a hash of sixteen."""
    keys = keys_of(items, None, 0)
    assert len(set(keys)) == len(items)
    assert max(map(len, keys), default=0) <= 16
