"""SIGKILL at any moment: what was kept is there, and the file is whole."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import subprocess
import sys

import pytest

from tests.unit.journal.books import opened

# Each round takes up what the one before has left.
ROUNDS = 12
PROGRAM = """
import os, sys
from poolwise.model.events import Batch
from tests.unit.journal.books import opened
book = opened(sys.argv[1])
os.write(1, b"0\\n")
for index in range(100_000):
    found = book.find(index, [index])
    assert not found or found[0].values == [index * 2], found
    if not found:
        book.keep(Batch(index, [index * 2]), [index])
        os.write(1, b"%d\\n" % (index + 1))
    if index % 100 == 0:
        book.sync()
"""


@pytest.mark.slow
def test_a_killed_run_loses_nothing_that_was_kept(tmp_path):
    """Whatever it had told before it died is found by the next run, at most one more; and only once."""
    path = tmp_path / "run.db"
    rng = random.Random(7)
    for _ in range(ROUNDS):
        told = kept = 0
        with subprocess.Popen([sys.executable, "-c", PROGRAM, str(path)], stdout=subprocess.PIPE) as process:
            for _ in range(rng.randrange(1, 500)):
                told = max(told, int(process.stdout.readline()))
            process.kill()
            told = max([told, *(int(line) for line in process.stdout.read().split(b"\n")[:-1])])
        with contextlib.closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            kept, different = connection.execute("SELECT count(*), count(DISTINCT key) FROM results").fetchone()
        assert (different, kept in {told, told + 1}) == (kept, True)
    book = opened(path)
    assert len(book.find(0, range(kept))[0].values) == kept
    book.close("done")
