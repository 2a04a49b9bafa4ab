"""What an initializer does wrong comes out once, and clearly."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.programs import run_program

METHODS = pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
SOURCE = """
    import os, sys
    import poolwise
    from poolwise.errors import PoolwiseError

    def begin():
        {work}

    try:
        poolwise.map(abs, range(100), backend="processes", max_workers=4, start_method={method!r}, initializer=begin)
    except PoolwiseError as error:
        print(type(error).__name__, "|", error, "|", repr(error.__cause__ and error.__cause__.__class__.__name__))
"""


WORDS = "the initializer begin raised LookupError: no such database; no worker can start without it"


@METHODS
def test_an_initializer_that_raises_is_told_once(tmp_path: Path, method: str) -> None:
    """Four workers fail in the same way: one InitializerError with the words and the traceback, nothing on stderr."""
    done = run_program(tmp_path, SOURCE.format(work='raise LookupError("no such database")', method=method))
    assert (done.stdout, done.stderr) == (
        f"InitializerError | {WORDS} | 'RemoteTraceback'\n",
        "",
    )


@METHODS
def test_an_initializer_that_ends_the_process_is_told_once(tmp_path: Path, method: str) -> None:
    """The run ends after a few tries, with how the process ended and where to look."""
    done = run_program(tmp_path, SOURCE.format(work="os._exit(9)", method=method))
    assert done.stderr == ""
    assert done.stdout.startswith("WorkerStartError | worker ")
    assert "ended with exit code 9 before it was ready" in done.stdout
    assert "look at the initializer" in done.stdout
    assert len(done.stdout.splitlines()) == 1
