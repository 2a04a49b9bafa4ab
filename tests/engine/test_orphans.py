"""Workers never outlive their parent, whatever either is doing."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.engine.programs import descendants, files_in, lives, running_program, wait_until

PROGRAM = """
    import os, pathlib, sys, time
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
}


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
@pytest.mark.parametrize("doing", DEEP)
def test_workers_die_with_a_killed_parent(tmp_path: Path, method: str, doing: str) -> None:
    """A parent killed by SIGKILL takes its workers with it within a second, however deep they are in something."""
    source = PROGRAM.format(folder=str(tmp_path), work=DEEP[doing], method=method)
    with running_program(tmp_path, source) as program:
        wait_until(lambda: len(files_in(tmp_path, "begun-*")) == 2, "both workers are at work")
        workers = descendants(program.pid)
        assert len(workers) >= 2
        os.kill(program.pid, signal.SIGKILL)
        program.wait()
        # A second is promised; the rest is for a machine that is busy with something else.
        wait_until(lambda: not any(map(lives, workers)), "all workers are gone", within_s=5)


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
