"""Results are read back as what they were; JSON is used only where it keeps them exactly."""

from __future__ import annotations

import enum
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.journal.values import JSON, PICKLE, read_value, write_item, write_value
from tests.unit.journal.test_encoding import VALUES, written


class Level(enum.IntEnum):
    ONE = 1


class Text(str):
    __slots__ = ()


JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=10,
)


@given(JSON_VALUES)
def test_what_json_can_carry_is_json(value):
    """And reads back the same, type by type."""
    form, data = write_value(value)
    assert (form, written(read_value(form, data)), written(json.loads(data))) == (JSON, written(value), written(value))


@given(VALUES)
def test_anything_reads_back_the_same(value):
    """Whatever form was chosen."""
    assert written(read_value(*write_value(value))) == written(value)


@pytest.mark.parametrize(
    "value",
    [
        (1, 2),
        [(1,)],
        {1: 2},
        {"a": {True: 1}},
        Level.ONE,
        [Level.ONE],
        Text("a"),
        {Text("a"): 1},
        math.inf,
        -math.inf,
        [math.inf],
        "\ud83d\ude00",
        ["\ud83d\ude00"],
        b"a",
        {"a": {1}},
        [10**5000],
    ],
    ids=map(str, range(16)),
)
def test_what_json_would_change_is_pickled(value):
    """Tuples would become lists, numbers texts, enums numbers."""
    form, data = write_value(value)
    assert (form, written(read_value(form, data))) == (PICKLE, written(value))


def test_not_a_number():
    """It is none for JSON either."""
    form, data = write_value(math.nan)
    assert (form, math.isnan(read_value(form, data))) == (PICKLE, True)


def test_what_contains_itself_is_pickled():
    """JSON has no end of it."""
    value = []
    value.append(value)
    form, data = write_value(value)
    back = read_value(form, data)
    assert (form, back[0] is back) == (PICKLE, True)


@pytest.mark.parametrize(
    ("item", "told"),
    [
        (1, ("1", True)),
        ("a\0é", ('"a\\u0000é"', True)),
        ((1, "b"), ('[1, "b"]', True)),
        ({"a": None}, ('{"a": null}', True)),
        (b"a", ("b'a'", False)),
        (math.nan, ("nan", False)),
        ("\ud800", ("'\\ud800'", False)),
    ],
)
def test_items_for_people(item, told):
    """JSON where it can be, else a repr; which of them is said."""
    assert write_item(item) == told


@pytest.mark.parametrize("item", ["x" * 5000, list(range(100_000)), {str(n): "x" * 50 for n in range(100)}])
def test_a_long_item_is_cut(item):
    """Its beginning has to do."""
    text, is_json = write_item(item)
    assert (is_json, len(text) < 1025) == (False, True)
