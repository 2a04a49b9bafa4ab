"""However a program ends, its workers end with it within a second, and print nothing."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.engine.programs import descendants, files_in, lives, running_program, wait_until

# Fresh interpreters share all but their start with forked workers: tried with one way each, the others are slow tests.
METHODS = pytest.mark.parametrize(
    "method",
    ["fork", pytest.param("forkserver", marks=pytest.mark.slow), pytest.param("spawn", marks=pytest.mark.slow)],
)
ALL_METHODS = pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
# Promised; the rest is for a machine that is busy with something else.
GONE_S = 1.0
BUSY_S = 4.0

HEAD = """
    import os, pathlib, signal, sys, time
    import poolwise

    folder = pathlib.Path({folder!r})
    options = dict(backend="processes", max_workers=2, start_method={method!r}, progress=False)

    def sleep(item):
        (folder / f"begun-{{item}}").touch()
        time.sleep(600)

    def sleep_later(item):
        if item >= 4:
            sleep(item)
        return item

    def forever(item):
        return item
"""
AT_WORK = {
    "default": """
    poolwise.map(sleep, range(8), **options)
""",
    "SystemExit": """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
    try:
        poolwise.map(sleep, range(8), **options)
    finally:
        print("tidied up", flush=True)
""",
}
ENDS = {"default": (-signal.SIGTERM, ""), "SystemExit": (7, "tidied up\n")}


@METHODS
@pytest.mark.parametrize("handling", AT_WORK)
@pytest.mark.parametrize("whom", ["the program", "its group"])
def test_sigterm_ends_everything(tmp_path: Path, method: str, handling: str, whom: str) -> None:
    """SIGTERM, to the program or to its whole group, ends it as it says, ``finally`` included, with no worker left."""
    source = HEAD.format(folder=str(tmp_path), method=method) + AT_WORK[handling]
    with running_program(tmp_path, source) as program:
        wait_until(lambda: len(files_in(tmp_path, "begun-*")) >= 2, "both workers are at work")
        workers = descendants(program.pid)
        assert len(workers) >= 2
        (os.kill if whom == "the program" else os.killpg)(program.pid, signal.SIGTERM)
        out, err = program.communicate(timeout=GONE_S + BUSY_S)
        assert ((program.returncode, out), err) == (ENDS[handling], "")
        wait_until(lambda: not any(map(lives, workers)), "all workers are gone", within_s=GONE_S + BUSY_S)


# Each runs to its end by itself: what it prints, and its exit code.
LEFT_OPEN = {
    "in a global": (
        """
    results = poolwise.imap(sleep_later, range(10 ** 9), **options)
    print(next(results), flush=True)
    (folder / "end").touch()
""",
        ("0\n", "", 0),
    ),
    "in a list of a module": (
        """
    import json
    json.kept = [poolwise.imap(forever, iter(int, 1), **options)]
    print(next(json.kept[0]), flush=True)
    (folder / "end").touch()
""",
        ("0\n", "", 0),
    ),
    "in a cycle": (
        """
    class Holder: pass
    holder = Holder()
    holder.self, holder.results = holder, poolwise.imap(sleep_later, range(10 ** 9), **options)
    print(next(holder.results), flush=True)
    del holder
    (folder / "end").touch()
""",
        ("0\n", "", 0),
    ),
    "by sys.exit": (
        """
    for result in poolwise.imap(sleep_later, range(10 ** 9), **options):
        (folder / "end").touch()
        sys.exit(5)
""",
        ("", "", 5),
    ),
    "by the consumer's exception": (
        """
    try:
        for result in poolwise.imap(sleep_later, range(10 ** 9), **options):
            (folder / "end").touch()
            raise LookupError("of the consumer")
    except LookupError as error:
        print(error)
""",
        ("of the consumer\n", "", 0),
    ),
    "by the consumer's exception in a with": (
        """
    try:
        with poolwise.imap(sleep_later, range(10 ** 9), **options) as results:
            for result in results:
                (folder / "end").touch()
                raise LookupError("of the consumer")
    except LookupError as error:
        print(error)
""",
        ("of the consumer\n", "", 0),
    ),
}


@METHODS
@pytest.mark.parametrize("how", LEFT_OPEN)
def test_a_program_that_ends_with_work_pending_ends_cleanly(tmp_path: Path, method: str, how: str) -> None:
    """An iterator that is open at the end, or left by an exception, ends with the program: quietly, within a second."""
    source, (out, err, code) = LEFT_OPEN[how]
    with running_program(tmp_path, HEAD.format(folder=str(tmp_path), method=method) + source) as program:
        wait_until((tmp_path / "end").exists, "the program comes to its end")
        begun = time.monotonic()
        told = program.communicate(timeout=30)
        took_s = time.monotonic() - begun
        assert (*told, program.returncode) == (out, err, code)
        assert took_s < GONE_S + BUSY_S
        # Its workers hold its standard streams: it was all read, so that none of them lives.


@ALL_METHODS
def test_ctrl_c_ends_a_map_under_every_start_method(tmp_path: Path, method: str) -> None:
    """Ctrl-C, which reaches the workers too, is one KeyboardInterrupt of the program's."""
    source = (
        HEAD.format(folder=str(tmp_path), method=method)
        + """
    try:
        poolwise.map(sleep, range(8), **options)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""
    )
    with running_program(tmp_path, source) as program:
        wait_until(lambda: len(files_in(tmp_path, "begun-*")) >= 2, "both workers are at work")
        os.killpg(program.pid, signal.SIGINT)
        out, err = program.communicate(timeout=GONE_S + BUSY_S)
        assert (program.returncode, out, err) == (0, "interrupted\n", "")
