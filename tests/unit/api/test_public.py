from __future__ import annotations

import asyncio
import concurrent.futures
import dataclasses
import doctest
import inspect
import subprocess
import sys
import types
import typing

import pytest

import poolwise
from poolwise.api.keywords import Keeping, Keywords, Raising
from poolwise.errors import CallerError, NotCallableError, OptionError, UnknownOptionError
from poolwise.model.options import Options

FUNCTIONS = ["aimap", "amap", "imap", "machine", "map", "starmap", "why"]
VALUES = [
    "Diagnosis",
    "Failure",
    "Machine",
    "Plan",
    "Profile",
    "Progress",
    "Report",
    "ResultIterator",
    "Results",
    "Retry",
    "Timeline",
]
# The public modules, and what is imported only when somebody asks for it.
MODULES = ["errors", "testing"]
LATER = ["Pool", "fetch", "race", "sweep", "timer"]
LATER_VALUES = [
    "Difference",
    "Entrant",
    "Fit",
    "Journal",
    "Lap",
    "Page",
    "Limit",
    "Point",
    "Race",
    "Rate",
    "Sweep",
    "Timing",
    "Usage",
    "Verdict",
]
# What an example needs that only an extra brings.
EXTRAS = {"fetch": ("aiohttp", "protego")}
# What takes long to import: libraries, longer than Poolwise itself ...
HEAVY = {"numpy", "asyncio", "multiprocessing", "rich", "psutil", "cloudpickle", "threadpoolctl", "IPython"}
# ... and modules of the standard library that would be a third of it.
HEAVY |= {"dataclasses", "inspect", "pathlib", "difflib", "concurrent", "subprocess", "ctypes"}

# --- What is public --------------------------------------------------------------------------------------------


def test_all_names_what_is_public_and_nothing_else():
    """``__all__`` is the list of the design, in order, and the package binds no other public name but its rooms."""
    bound = [
        name
        for name, value in vars(poolwise).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    ]
    # What is imported later is bound once somebody has asked for it.
    assert poolwise.__all__ == sorted({*bound, *MODULES, *LATER, *LATER_VALUES})
    assert poolwise.__all__ == sorted([*FUNCTIONS, *VALUES, *MODULES, *LATER, *LATER_VALUES])


@pytest.mark.parametrize("name", poolwise.__all__)
def test_everything_public_says_what_it_is(name):
    """Every public word, and every public method and property of a class, has a docstring that starts with one line."""
    thing = getattr(poolwise, name)
    members = [value for key, value in vars(thing).items() if not key.startswith("_")] if inspect.isclass(thing) else []
    told = [thing, *(each for each in members if callable(each) or isinstance(each, property))]
    without = [each for each in told if not (each.__doc__ or "").split("\n\n")[0].strip().endswith(".")]
    assert without == []


@pytest.mark.parametrize("name", [*FUNCTIONS, *LATER])
def test_the_examples_are_true(name):
    """Each function's docstring has an example, and it gives what stands there."""
    for library in EXTRAS.get(name, ()):
        pytest.importorskip(library)
    runner = doctest.DocTestRunner(verbose=False)
    told: list[str] = []
    for example in doctest.DocTestFinder(recurse=False).find(getattr(poolwise, name), name, globs={}):
        runner.run(example, out=told.append)
    assert told == []
    assert runner.tries > 0


@pytest.mark.parametrize("name", FUNCTIONS)
def test_annotations_can_be_read_at_run_time(name):
    """Tools that read annotations find all their names."""
    assert "return" in typing.get_type_hints(getattr(poolwise, name))


def test_import_is_light():
    """``import poolwise`` imports nothing heavy: who only maps a few numbers waits for nothing."""
    # From Python 3.14 on, logging itself imports some of them.
    program = (
        "import sys, logging; before = set(sys.modules); import poolwise; "
        "print(*sorted(set(sys.modules) - before), sep='\\n')"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    imported = {name.split(".")[0] for name in told.stdout.split()}
    assert imported & HEAVY == set()
    assert "poolwise" in imported


def test_an_interpreter_of_a_worker_loads_the_engine_alone():
    """The verbs are imported there when the function asks for them, and all of them can be."""
    program = """
import sys, poolwise.engine.worker
assert not {"poolwise.api", "poolwise.run", "poolwise.decide", "poolwise.measure"} & set(sys.modules), sys.modules
import poolwise
assert all(getattr(poolwise, name) is getattr(poolwise, name) for name in poolwise.__all__)
from poolwise import Pool, map, machine
assert poolwise.map(abs, [-1]) == [1]
"""
    told = subprocess.run(
        [sys.executable, "-X", "poolwise-worker", "-c", program], capture_output=True, text=True, check=False
    )
    assert (told.stderr, told.returncode) == ("", 0)


def test_a_pool_takes_what_an_executor_takes():
    """Its methods have the parameters of the standard library's, in the same order."""
    for method in ("submit", "map", "shutdown"):
        ours = inspect.signature(getattr(poolwise.Pool, method)).parameters
        theirs = inspect.signature(getattr(concurrent.futures.ThreadPoolExecutor, method)).parameters
        shared = [name for name in theirs if name in ours]
        assert [name for name in ours if name in theirs] == shared
        # 3.14 has map(buffersize=...) besides.
        assert {*theirs} - {*ours} <= {"buffersize"}


def test_a_pool_explains_its_options_which_are_those_of_map():
    """Each of them stands in the docstring, and has the default that it has elsewhere."""
    parameters = [*inspect.signature(poolwise.Pool).parameters.values()]
    assert all(f"``{each.name}``" in (poolwise.Pool.__doc__ or "") for each in parameters)
    defaults = {each.name: each.default for each in dataclasses.fields(Options)}
    differing = {each.name for each in parameters if each.default != defaults[each.name]}
    assert differing == {"backend"}


# --- The options -----------------------------------------------------------------------------------------------


def hints(thing):
    """Read the types of the fields; the type of ``progress`` is a forward reference."""
    return typing.get_type_hints(thing, localns={"Progress": poolwise.Progress})


def test_the_options_for_type_checkers_are_those_of_the_house():
    """``Keywords`` has the names and types of ``Options``, no more and no fewer."""
    assert hints(Keywords) == hints(Options)


def test_what_errors_may_be_decides_the_type_of_the_results():
    """``Raising`` and ``Keeping`` differ from ``Keywords`` in ``errors`` alone."""
    of_all, of_raising, of_keeping = hints(Keywords), hints(Raising), hints(Keeping)
    assert of_keeping == of_all
    assert of_raising == {**of_all, "errors": typing.Literal["raise", "skip"]}


@pytest.mark.parametrize("name", [*Options.__dataclass_fields__])
def test_map_explains_every_option(name):
    """The docstring of ``map`` is the one place where each option is explained."""
    explained = [line for line in (poolwise.map.__doc__ or "").splitlines() if line.lstrip().startswith("``")]
    assert any(f"``{name}``" in line.split(":")[0] for line in explained)


# --- What is refused -------------------------------------------------------------------------------------------


def call_aimap(*args, **options):
    """Call ``aimap`` in a running event loop, and do not ask for a result."""

    async def inside():
        poolwise.aimap(*args, **options)

    asyncio.run(inside())


VERBS = {
    "map": poolwise.map,
    "imap": poolwise.imap,
    "starmap": poolwise.starmap,
    # A coroutine does nothing before it is awaited, and so refuses nothing before.
    "amap": lambda *args, **options: asyncio.run(poolwise.amap(*args, **options)),
    "aimap": call_aimap,
    "why": poolwise.why,
}
every_verb = pytest.mark.parametrize("verb", VERBS)

COUNT = "write a whole number, 1 to 10000; leave it out and Poolwise chooses"
SECONDS = "write a number of seconds above 0, or None for no limit"
REFUSED = [
    ({"max_workers": 0}, OptionError, f"max_workers=0: {COUNT}"),
    ({"max_workers": -1}, OptionError, f"max_workers=-1: {COUNT}"),
    ({"max_workers": True}, OptionError, f"max_workers=True: {COUNT}"),
    ({"max_workers": 1.5}, OptionError, f"max_workers=1.5: {COUNT}"),
    ({"max_workers": 10_001}, OptionError, f"max_workers=10001: {COUNT}"),
    ({"chunksize": 0}, OptionError, "chunksize=0: write a whole number, 1 or more"),
    ({"retries": -1}, OptionError, "retries=-1: write a whole number, 0 or more"),
    ({"timeout": 0}, OptionError, f"timeout=0: {SECONDS}"),
    ({"timeout": -1.0}, OptionError, f"timeout=-1.0: {SECONDS}"),
    ({"timeout": float("nan")}, OptionError, f"timeout=nan: {SECONDS}"),
    ({"timeout": float("inf")}, OptionError, f"timeout=inf: {SECONDS}"),
    ({"timeout": "1"}, OptionError, f"timeout='1': {SECONDS}"),
    ({"backend": "thread"}, OptionError, "did you mean 'threads'?"),
    ({"backend": "gpu"}, OptionError, "one of 'auto', 'loop', 'threads', 'processes', 'interpreters', 'asyncio'"),
    ({"errors": "colect"}, OptionError, "did you mean 'collect'?"),
    ({"start_method": "frok"}, OptionError, "did you mean 'fork'?"),
    ({"ordered": "yes"}, OptionError, "ordered='yes': write True or False"),
    ({"progress": 3}, OptionError, "write 'auto', True, False, or a function that takes a poolwise.Progress"),
    ({"desc": 3}, OptionError, "desc=3: write a short text, or None for the function's name"),
    ({"total": -1}, OptionError, "total=-1: write a whole number, 0 or more"),
    ({"total": 1.5}, OptionError, "total=1.5: write a whole number, 0 or more"),
    ({"initializer": 3}, OptionError, "initializer=3 cannot be called: write a function"),
    ({"initargs": (1,)}, OptionError, "name the initializer too, or leave initargs out"),
    ({"initializer": print, "initargs": "ab"}, OptionError, "write a tuple of arguments, such as ('ab',)"),
    ({"retrys": 1}, UnknownOptionError, "got an unknown option 'retrys'; did you mean 'retries'?"),
    ({"n_jobs": 1}, UnknownOptionError, "the options are backend, max_workers, chunksize"),
    ({"journal": 3}, OptionError, "journal=3: write the name of a file"),
    ({"journal": ""}, OptionError, "this names no file"),
]


@every_verb
@pytest.mark.parametrize(("options", "error", "words"), REFUSED, ids=[str(options) for options, *_ in REFUSED])
def test_an_option_that_cannot_be_used_is_refused_at_once(verb, options, error, words):
    """A bad option is refused with what to write instead, before any item is run."""
    called = []
    with pytest.raises(error) as refusal:
        VERBS[verb](called.append, [(1,), (2,)], **options)
    assert words in str(refusal.value)
    assert isinstance(refusal.value, CallerError)
    assert called == []


@every_verb
def test_an_option_is_refused_in_the_name_of_the_verb(verb):
    """The refusal of an unknown option names the word that was called."""
    with pytest.raises(UnknownOptionError, match=rf"^{verb}\(\) got"):
        VERBS[verb](print, [], retrys=1)


@every_verb
@pytest.mark.parametrize("thing", [3, "f", [1], None], ids=repr)
def test_what_cannot_be_called_is_refused_at_once(verb, thing):
    """Something else in the place of the function is named, with the right way to write it."""
    with pytest.raises(NotCallableError) as refusal:
        VERBS[verb](thing, [1])
    assert f"the first argument must be a function, not {thing!r}" in str(refusal.value)
    assert "write poolwise.map(function, items)" in str(refusal.value)


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "starmap"])
def test_a_call_without_items_is_refused_at_once(verb):
    """A function alone is refused with the right way to write it."""
    called = []
    with pytest.raises(OptionError, match=rf"write|needs the items too: poolwise\.{verb}\(function, items\)"):
        VERBS[verb](called.append)
    assert called == []


@pytest.mark.parametrize("iterables", [[], [[(1,)], [(2,)]]], ids=["none", "two"])
def test_starmap_takes_exactly_one_iterable(iterables):
    """``starmap`` has one argument for its items, and Python itself says so."""
    called = []
    with pytest.raises(TypeError, match=r"positional argument"):
        poolwise.starmap(called.append, *iterables)
    assert called == []


@every_verb
def test_items_that_cannot_be_iterated_are_refused_at_once(verb):
    """A number in the place of the items is refused before the function is called."""
    called = []
    with pytest.raises(TypeError, match="not iterable"):
        VERBS[verb](called.append, 3)
    assert called == []


def test_the_function_has_no_name_that_an_option_could_take():
    """Function and items are given by position only."""
    with pytest.raises(TypeError, match="function"):
        poolwise.map(function=abs)


def test_aimap_is_refused_outside_of_an_event_loop():
    """Without a running event loop there is nobody to iterate, and ``imap`` is named instead."""
    with pytest.raises(CallerError, match=r"aimap\(\) must be called from a coroutine.*elsewhere use imap\(\)"):
        poolwise.aimap(abs, [1])
