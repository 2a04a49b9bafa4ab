"""In a worker nobody is at the keyboard: who asks for somebody is told so, by the failure of the item."""

from __future__ import annotations

import bdb
import os
import pdb  # noqa: T100 - what this is about
import sys
from pathlib import Path

import pytest

import poolwise
from poolwise.errors import InteractionError
from poolwise.model.options import HAS_INTERPRETERS
from tests.engine.programs import run_program

WAYS = [
    {"backend": "processes", "start_method": "fork"},
    {"backend": "processes", "start_method": "spawn"},
    {"backend": "processes", "start_method": "forkserver"},
    *([{"backend": "interpreters"}] if HAS_INTERPRETERS else []),
]
ways = pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join(way.values()))
ADVICE = 'use backend="loop", which calls the function in your own thread, where a debugger can step into it'


def stops(item):
    """Stop where a person could look."""
    breakpoint()  # noqa: T100 - what this is about
    return item


def traces(item):
    """Start a debugger."""
    pdb.set_trace()  # noqa: T100 - what this is about
    return item


def asks(item):
    """Ask a person."""
    return input("name? ")


def looks_back(item):
    """Look at an error afterwards."""
    try:
        [][item]
    except IndexError as error:
        pdb.post_mortem(error.__traceback__)


def quits(item):
    """Be left by a debugger that found nobody."""
    raise bdb.BdbQuit


@ways
@pytest.mark.parametrize(
    ("function", "what"),
    [
        (stops, "breakpoint() was reached"),
        (traces, "a debugger was started"),
        (looks_back, "a debugger was started"),
        (quits, "a debugger was started"),
        (asks, "input() was called"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_who_asks_for_a_person_fails_with_the_way_out(way, function, what) -> None:
    """One error for all of them, instead of BdbQuit and EOFError; the other items are not harmed."""
    results = poolwise.map(function, range(2), errors="collect", max_workers=1, **way)
    told = f"{what} in a worker, where nobody is at the keyboard; {ADVICE}"
    assert [(type(each.error), str(each.error)) for each in results] == [(InteractionError, told)] * 2


@ways
def test_a_breakpoint_that_is_switched_off_is_passed(way, monkeypatch) -> None:
    """``PYTHONBREAKPOINT=0`` means it in workers too, and a debugger that needs no terminal is called."""
    monkeypatch.setenv("PYTHONBREAKPOINT", "0")
    monkeypatch.setattr(sys, "breakpointhook", sys.__breakpointhook__)
    assert poolwise.map(stops, range(2), max_workers=1, **way) == [0, 1]
    monkeypatch.setenv("PYTHONBREAKPOINT", "os.getpid")
    assert poolwise.map(stops, range(2), max_workers=1, **way) == [0, 1]


def test_a_task_of_a_pool_says_it_too() -> None:
    """A pool's future raises it, and the pool goes on."""
    with poolwise.Pool(max_workers=1) as pool:
        with pytest.raises(InteractionError, match="breakpoint"):
            pool.submit(stops, 1).result()
        assert pool.submit(abs, -1).result() == 1


def test_standard_input_of_a_worker_is_empty_as_ever(tmp_path: Path) -> None:
    """What reads it finds its end, and takes nothing from the program."""
    source = """
        import sys, poolwise
        print(poolwise.map(lambda _: sys.stdin.read(), range(2), backend="processes"))
    """
    assert run_program(tmp_path, source).stdout == "['', '']\n"


def test_a_prompt_of_the_program_is_its_own_again() -> None:
    """Nothing of this is left in the calling process."""
    hook, ask = sys.breakpointhook, input
    poolwise.map(os.path.basename, ["a"], backend="processes")
    assert (sys.breakpointhook, input) == (hook, ask)
