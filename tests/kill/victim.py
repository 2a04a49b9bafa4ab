"""The program that is killed: a run with a journal, as a user would write it.

Run: ``python -m tests.kill.victim FOLDER JOURNAL VERB BACKEND ITEMS``. In FOLDER it leaves ``begun`` (the number of
each item, as the function begins it), ``given`` (as its result is handed over) and, at the end, ``results``.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import poolwise

FOLDER = "POOLWISE_KILL_FOLDER"


def answer(item):
    """Give what the function gives for an item."""
    return [item, item * item]


def note(name, item):
    """Write a number down at once: a write of a few bytes at the end of a file is whole or not there."""
    file = os.open(Path(os.environ[FOLDER], name), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(file, b"%d\n" % item)
    finally:
        os.close(file)


def duration_s(item):
    """Say how long an item takes: none is like its neighbours."""
    return 0.001 * (1 + item * 7 % 4)


def work(item):
    """Take a while."""
    note("begun", item)
    time.sleep(duration_s(item))
    return answer(item)


async def work_async(item):
    """Take a while, and let others do so too."""
    note("begun", item)
    await asyncio.sleep(duration_s(item))
    return answer(item)


def main(folder, journal, verb, backend, count):
    """Run all items, or those that are left."""
    os.environ[FOLDER] = folder
    function = work_async if backend == "asyncio" else work
    options = {"backend": backend, "journal": journal, "progress": False, "crash_retries": 50}
    if backend != "auto":
        options["max_workers"] = 1 if backend == "loop" else 3
    if verb == "map":
        results = list(poolwise.map(function, range(count), **options))
    else:
        results = []
        for result in poolwise.imap(function, range(count), **options):
            note("given", result[0])
            results.append(result)
    Path(folder, "results").write_text(json.dumps(results), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:5], int(sys.argv[5]))
