"""Workers never outlive their parent, whatever either is doing."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.engine.programs import descendants, files_in, lives, running_program, wait_until

PROGRAM = """
    import ctypes, os, pathlib, signal, sys, time
    import poolwise

    def work(item):
        pathlib.Path({folder!r}, f"begun-{{os.getpid()}}").touch()
        {work}

    poolwise.map(work, range(8), backend="processes", max_workers=2, start_method={method!r})
"""
DEEP = {
    "sleeping": "time.sleep(600)",
    "computing in Python": "while True: pass",
    "holding the GIL in C": "sum(range(10 ** 13))",
    "holding the GIL in a sleep": "ctypes.PyDLL(None).pause()",
    "stopped": "os.kill(os.getpid(), signal.SIGSTOP)",
}
# Promised; the rest of what a test waits is for a machine that is busy with something else.
GONE_S = 1.0
BUSY_S = 4.0


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
@pytest.mark.parametrize("doing", DEEP)
def test_workers_die_with_a_killed_parent(tmp_path: Path, method: str, doing: str) -> None:
    """A parent killed by SIGKILL takes its workers with it within a second, however deep they are in something."""
    before = shared_memory()
    source = PROGRAM.format(folder=str(tmp_path), work=DEEP[doing], method=method)
    with running_program(tmp_path, source) as program:
        wait_until(lambda: len(files_in(tmp_path, "begun-*")) == 2, "both workers are at work")
        workers = descendants(program.pid)
        # The nursery of a forkserver counts.
        assert len(workers) == (3 if method == "forkserver" else 2)
        os.kill(program.pid, signal.SIGKILL)
        program.wait()
        wait_until(lambda: not any(map(lives, workers)), "all workers are gone", within_s=GONE_S + BUSY_S)
    assert shared_memory() <= before


STARTING = """
    import ctypes, os, pathlib, time
    import poolwise

    def begin():
        pathlib.Path({folder!r}, f"begun-{{os.getpid()}}").touch()
        {work}

    poolwise.map(abs, range(8), backend="processes", max_workers=2, start_method={method!r}, initializer=begin)
"""
IDLE = """
    import pathlib, time
    import poolwise

    results = poolwise.imap(abs, range(10 ** 9), backend="processes", max_workers=2, start_method={method!r})
    print(next(results))
    for number in range(2):
        pathlib.Path({folder!r}, f"begun-{{number}}").touch()
    time.sleep(600)
"""
LOADING = """
    import pathlib, os, time
    import poolwise

    class Slow:
        def __reduce__(self):
            return load, ()
        def __call__(self, item):
            return item

    def load():
        for number in range(2):
            pathlib.Path({folder!r}, f"begun-{{number}}").touch()
        time.sleep(600)

    poolwise.map(Slow(), range(8), backend="processes", max_workers=2, start_method={method!r})
"""


@pytest.mark.parametrize(
    ("method", "source"),
    [
        # Spawned workers share all but their start with the others.
        pytest.param(method, source, id=f"{method}-{name}", marks=pytest.mark.slow if method == "spawn" else ())
        for method in ("fork", "forkserver", "spawn")
        for name, source in {
            "initializer": STARTING.replace("{work}", "time.sleep(600)"),
            "initializer holding the GIL": STARTING.replace("{work}", "ctypes.PyDLL(None).pause()"),
            "loading": LOADING,
            "idle": IDLE,
        }.items()
        # A forked worker has the function already.
        if (method, name) != ("fork", "loading")
    ],
)
@pytest.mark.parametrize("ended", [signal.SIGKILL, signal.SIGINT], ids=lambda each: each.name)
def test_workers_end_with_their_parent_in_every_state(
    tmp_path: Path, method: str, source: str, ended: signal.Signals
) -> None:
    """Killed or interrupted while workers start, load the function or are idle, a program takes them all with it."""
    before = shared_memory()
    with running_program(tmp_path, source.format(folder=str(tmp_path), method=method)) as program:
        wait_until(lambda: len(files_in(tmp_path, "begun-*")) == 2, "both workers are there")
        workers = descendants(program.pid)
        assert workers
        os.kill(program.pid, ended)
        program.wait(GONE_S + BUSY_S)
        wait_until(lambda: not any(map(lives, workers)), "all workers are gone", within_s=GONE_S + BUSY_S)
    assert shared_memory() <= before


def shared_memory() -> set[str]:
    """Name the files in shared memory that may be ours: by our name, or by that of the standard library's."""
    names = {each.name for each in Path("/dev/shm").iterdir()}  # noqa: S108 - looked at, not written to
    return {name for name in names if "poolwise" in name or name.startswith("psm_")}


@pytest.mark.parametrize("backend", ["loop", "threads", "processes", "auto"])
def test_ctrl_c_ends_a_map_and_its_workers(tmp_path: Path, backend: str) -> None:
    """Ctrl-C comes out of ``map`` as KeyboardInterrupt; no worker is left, and no worker prints anything."""
    source = f"""
        import os, pathlib, time
        import poolwise

        def work(item):
            if item >= 4:
                pathlib.Path({str(tmp_path)!r}, f"begun-{{item}}").touch()
                time.sleep(30)

        try:
            poolwise.map(work, range(64), backend={backend!r}, progress=False)
        except KeyboardInterrupt:
            print("interrupted")
    """
    with running_program(tmp_path, source) as program:
        wait_until(lambda: bool(files_in(tmp_path, "begun-*")), "an item is under way")
        # Threads that are being started, for some 30 ms, may take the signal, which does not wake the main thread then:
        # each start unblocks signals in a thread, and the first to come gets them. No person is as quick.
        time.sleep(0.5)
        workers = descendants(program.pid)
        os.killpg(program.pid, signal.SIGINT)
        out, err = program.communicate(timeout=10)
        assert (program.returncode, out, err) == (0, "interrupted\n", "")
        wait_until(lambda: not any(map(lives, workers)), "all workers are gone", within_s=5)


def test_ctrl_c_ends_an_imap_whose_consumer_is_idle(tmp_path: Path) -> None:
    """Ctrl-C while the consumer of ``imap`` does something else ends the workers with the program."""
    source = f"""
        import pathlib, time
        import poolwise

        def work(item):
            return item

        results = poolwise.imap(work, range(10 ** 9), backend="processes", max_workers=2)
        next(results)
        pathlib.Path({str(tmp_path)!r}, "begun").touch()
        time.sleep(60)
    """
    with running_program(tmp_path, source) as program:
        wait_until(lambda: bool(files_in(tmp_path, "begun")), "the first result is there")
        workers = descendants(program.pid)
        assert len(workers) == 2
        os.killpg(program.pid, signal.SIGINT)
        _, err = program.communicate(timeout=10)
        assert err.count("Traceback") == 1
        assert "KeyboardInterrupt" in err
        wait_until(lambda: not any(map(lives, workers)), "all workers are gone", within_s=5)
