"""Calls: what can be called, what it is called, and how values are shown."""

from __future__ import annotations

import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.errors import NotCallableError
from poolwise.work.call import REPR_LENGTH, Call, is_coroutine_function, make_call, one_line, short_repr, show_error


async def coroutine(item):
    """Do nothing."""


def plain(item):
    """Do nothing."""


class Asks:
    async def __call__(self, item):
        """Do nothing."""

    async def method(self, item):
        """Do nothing."""

    def plain(self, item):
        """Do nothing."""


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (coroutine, True),
        (functools.partial(coroutine, 1), True),
        (functools.partial(functools.partial(coroutine, 1), 2), True),
        (Asks(), True),
        (Asks().method, True),
        (functools.partial(Asks().method, 1), True),
        (plain, False),
        (functools.partial(plain, 1), False),
        (Asks().plain, False),
        (Asks, False),
        (abs, False),
        (lambda item: (coroutine, item), False),
    ],
)
def test_coroutine_functions_are_told_from_plain_ones(function, expected):
    """An ``async def`` is known behind partials, methods and ``__call__``."""
    assert is_coroutine_function(function) == expected
    assert make_call(function, spread=False) == Call(function, spread=False, coroutine=expected)


@pytest.mark.parametrize("wrong", [3, None, [abs], "abs"])
def test_what_cannot_be_called_is_refused(wrong):
    """The error shows what was given, and how to write it."""
    with pytest.raises(NotCallableError, match=r"write poolwise\.map"):
        make_call(wrong, spread=False)


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (plain, "plain"),
        (functools.partial(functools.partial(plain, 1), 2), "plain"),
        (Asks().method, "Asks.method"),
        (Asks(), "Asks"),
        (Asks, "Asks"),
        (abs, "abs"),
    ],
)
def test_a_function_is_named_as_a_person_would(function, name):
    """Partials go by their function's name, callable objects by their class's."""
    assert make_call(function, spread=False).name == name


class Unshowable:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


class UnshowableList(list):
    __repr__ = Unshowable.__repr__


class Wordy:
    def __repr__(self) -> str:
        return "word\n" * 10**6


class Mute(Exception):  # noqa: N818 - it says nothing
    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_short_values_are_shown_whole():
    """What is short is shown as it is."""
    assert [short_repr(each) for each in (3, "x", None, (1, 2), {"a": [1]})] == [
        "3",
        "'x'",
        "None",
        "(1, 2)",
        "{'a': [1]}",
    ]


@pytest.mark.parametrize(
    "value",
    ["x" * 10**6, list(range(10**5)), 10**4000, Wordy(), [["deep"] * 9] * 9, dict.fromkeys(range(99), "y" * 999)],
)
def test_huge_values_are_cut_to_a_line(value):
    """However long a repr is, it becomes one short line."""
    text = short_repr(value)
    assert len(text) <= 2 * REPR_LENGTH
    assert "\n" not in text


@pytest.mark.parametrize("value", [Unshowable(), [Unshowable()], UnshowableList([1]), {1: Unshowable()}])
def test_a_repr_that_raises_does_no_harm(value):
    """Whatever a ``__repr__`` does, there is something to show."""
    assert "Unshowable" in short_repr(value)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_value_has_a_short_line(value):
    """Every value is shown in one short line."""
    text = short_repr(value)
    assert 0 < len(text) <= 2 * REPR_LENGTH
    assert text.splitlines() == [text]


def test_what_a_terminal_would_obey_is_shown_and_not_obeyed():
    """Colours, titles, line breaks, the direction of writing; letters of any script stay what they are."""
    assert one_line("a\x1b[31mb\x9bc\u202ed\r\n e") == r"a\x1b[31mb\x9bc\u202ed e"
    assert one_line("漢字 é — ok") == "漢字 é — ok"
    assert one_line("long" * 5, 10) == "longlongl…"
    assert one_line("\x1b" * 3, 10) == r"\x1b\x1b\…"
    assert one_line("\x1b" * 2, 10) == r"\x1b\x1b"


def test_errors_are_shown_by_type_and_words():
    """An error is shown as a person would quote it, also one that cannot speak."""
    assert show_error(ValueError("bad", 3)) == "ValueError: ('bad', 3)"
    assert show_error(KeyError()) == "KeyError"
    assert show_error(Mute()) == "Mute: <its str raises RuntimeError>"
