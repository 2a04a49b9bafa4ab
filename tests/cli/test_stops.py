"""Ctrl-C and SIGTERM, for real."""

import os
import signal
import subprocess

import pytest

from tests.cli.programs import PATIENCE_S, descendants, started, until

ITEMS = [f"i{number}" for number in range(6)]
WAYS = [
    ("--backend", "loop"),
    ("--backend", "threads", "--max-workers", "2"),
    ("--backend", "processes", "--max-workers", "2", "--start-method", "fork"),
    ("--backend", "processes", "--max-workers", "2", "--start-method", "forkserver"),
    ("--backend", "processes", "--max-workers", "2", "--start-method", "spawn"),
]


def stop(child, number, workers):
    """Send Ctrl-C as a terminal does, to the group, or SIGTERM as ``kill`` does; give what was said on the way out."""
    if number == signal.SIGINT:
        os.killpg(child.pid, number)
    else:
        os.kill(child.pid, number)
    _, err = child.communicate(timeout=PATIENCE_S)
    until(lambda: not any(each.is_running() for each in workers), "the workers have ended")
    return child.returncode, err.decode()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: " ".join(way[1::2]))
@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_a_signal_ends_everything_with_one_line(folder, way, number, code, word):
    """Items that sleep do not hold it up: one line, the exit code, and no process is left."""
    with started("map", "work:hang", *ITEMS, *way, cwd=folder) as child:
        until(lambda: len(list(folder.glob("begun-*"))) >= (1 if way[1] == "loop" else 2), "items are under way")
        workers = descendants(child.pid)
        assert bool(workers) == (way[1] == "processes")
        assert stop(child, number, workers) == (code, f"poolwise: {word} after 0 of 6 items\n")


def test_what_was_done_before_ctrl_c_is_written(folder):
    """The lines are complete, and counted."""
    script = "import time\ndef f(x):\n    time.sleep(600 if x == 'slow' else 0)\n    return x\n"
    (folder / "some.py").write_text(script)
    way = ("--backend", "loop", "--chunksize", "1")  # a chunk's lines come together
    with started("map", "some:f", "a", "b", "slow", "-o", "out.jsonl", *way, cwd=folder) as child:
        until(lambda: _count(folder / "out.jsonl") == 2, "two lines are written")
        assert stop(child, signal.SIGINT, []) == (130, "poolwise: interrupted after 2 of 3 items\n")
    assert _count(folder / "out.jsonl") == 2


@pytest.mark.parametrize("backend", ["auto", "loop", "threads", "processes"])
def test_ctrl_c_while_items_wait_for_their_next_try(folder, backend):
    """Nothing runs meanwhile, and nothing has to come to its end: the command ends at once."""
    script = """
import pathlib
class Busy(Exception):
    retry_after_s = 250.0
def f(x):
    if x == "a":
        return x
    pathlib.Path("begun-0").touch()
    raise Busy
"""
    (folder / "busy.py").write_text(script)
    way = ("--backend", backend, "--retries", "3")
    with started("map", "busy:f", "a", "b", "-o", "out.jsonl", *way, cwd=folder) as child:
        until(lambda: (folder / "begun-0").exists() and _count(folder / "out.jsonl") == 1, "an item waits")
        assert stop(child, signal.SIGINT, []) == (130, "poolwise: interrupted after 1 of 2 items\n")


def test_ctrl_c_while_waiting_for_standard_input(folder):
    """Nobody types on: the command ends nevertheless."""
    (folder / "typed.py").write_text("import pathlib\npathlib.Path('begun-0').touch()\ndef f(x): return x\n")
    with started("map", "typed:f", "--input", "-", cwd=folder, stdin=subprocess.PIPE) as child:
        child.stdin.write(b"a\nb\n")
        child.stdin.flush()
        until(lambda: list(folder.glob("begun-*")), "the target is loaded")
        code, err = stop(child, signal.SIGINT, [])
    assert code == 130
    assert err.startswith("poolwise: interrupted")
    assert err.count("\n") == 1


def test_a_function_that_swallows_ctrl_c_does_not_keep_the_command_alive(folder):
    """A bare ``except`` in the user's code delays the end by that item only."""
    with started("map", "work:deaf", *ITEMS, "--backend", "loop", cwd=folder) as child:
        until(lambda: list(folder.glob("begun-*")), "an item is under way")
        code, err = stop(child, signal.SIGINT, [])
    assert (code, err) == (130, "poolwise: interrupted after 1 of 6 items\n")


def test_ctrl_c_during_the_import_of_the_target(folder):
    """No traceback of an import, one line."""
    (folder / "slow.py").write_text("import pathlib, time\npathlib.Path('begun-0').touch()\ntime.sleep(600)\n")
    with started("map", "slow:f", "a", cwd=folder) as child:
        until(lambda: list(folder.glob("begun-*")), "the import has begun")
        assert stop(child, signal.SIGINT, []) == (130, "poolwise: interrupted\n")


def _count(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0
