"""What only interpreters promise: their errors say what cannot be loaded there, and older Pythons refuse them."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from importlib import import_module

import pytest

import poolwise
from poolwise.errors import FunctionShippingError, OptionError
from poolwise.model import options
from poolwise.model.options import HAS_INTERPRETERS
from tests.contract.ways import INTERPRETERS, Way, on

needs_interpreters = pytest.mark.skipif(not HAS_INTERPRETERS, reason="needs CPython 3.14 or newer")

calls: list[int] = []


def test_an_older_python_refuses_them_before_anything_runs(monkeypatch):
    """The error says which Python it takes, and what computes side by side on this one."""
    monkeypatch.setattr(options, "HAS_INTERPRETERS", False)
    with pytest.raises(OptionError, match=r"needs CPython 3\.14 or newer.*use backend='processes'"):
        poolwise.map(calls.append, [1], backend="interpreters")
    assert calls == []


@on(INTERPRETERS, core=True)
def test_a_function_whose_module_cannot_be_loaded_there(way: Way):
    """A function that holds NumPy cannot be loaded: the error names it and says what to use."""
    numpy = pytest.importorskip("numpy")
    with pytest.raises(FunctionShippingError, match=r'numpy.*second interpreter.*use backend="processes"'):
        way.map(numpy_holder(numpy), range(4))


@on(INTERPRETERS, core=True)
def test_a_function_that_imports_what_cannot_be_loaded_there(way: Way):
    """The import fails as it fails there, on its item, with a note that says what to use."""
    pytest.importorskip("numpy")
    with pytest.raises(ImportError) as caught:
        way.map(import_numpy, [0])
    assert 'use backend="processes"' in caught.value.__notes__[0]
    assert caught.value.__notes__[1] == "poolwise: on item 0: 0"


def numpy_holder(numpy):
    """Give a function that closes over NumPy."""
    return lambda item: numpy.sqrt(item + 1)


def import_numpy(item):
    """Import what no second interpreter can load."""
    import numpy as np  # noqa: PLC0415 - that is the case

    return np.sqrt(item)


@on(INTERPRETERS, core=True)
def test_each_worker_is_an_interpreter_of_this_process(way: Way):
    """Items run in interpreters other than the first one, and none of them is left afterwards."""
    interpreters = import_module("concurrent.interpreters")

    before = len(interpreters.list_all())
    found = set(way.map(where_am_i, range(20), chunksize=1))
    assert 1 <= len(found) <= 2
    assert interpreters.get_main().id not in found
    assert len(interpreters.list_all()) == before


def where_am_i(item):
    """Give the interpreter's number."""
    interpreters = import_module("concurrent.interpreters")

    return interpreters.get_current().id


@needs_interpreters
def test_a_program_that_leaves_one_behind_ends_at_once_and_in_silence():
    """An item that was given up and computes on neither keeps the program alive nor makes it warn at its end."""
    code = """
        import poolwise
        def forever(item):
            while item: pass
            return item
        print(poolwise.map(forever, [0, 1], backend="interpreters", timeout=0.3, errors="skip", progress=False))
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[0]\n", "")
