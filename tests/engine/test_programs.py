"""Programs however they are run: functions and classes of ``__main__`` work in ``map`` and in a ``Pool``, unguarded."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import zipapp
from pathlib import Path

import pytest

from tests.engine.programs import WATCHDOG_S

SOURCE = """\
import dataclasses
import sys
import poolwise

OFFSET = 100

@dataclasses.dataclass
class Point:
    x: int

def helper(item): return item + OFFSET
def add(item): return helper(item)
def move(point): return Point(point.x + 1)

for method in sys.argv[1:] or ["fork", "forkserver", "spawn"]:
    options = {"max_workers": 2, "start_method": method}
    print(poolwise.map(add, range(3), backend="processes", **options), end=" ")
    print(poolwise.map(move, [Point(1)], backend="processes", **options) == [Point(2)], end=" ")
    with poolwise.Pool(**options) as pool:
        print(list(pool.map(add, range(3))), pool.submit(move, Point(1)).result() == Point(2))
"""
LINE = "[100, 101, 102] True [100, 101, 102] True\n"


def run(folder: Path, *arguments: str, typed: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run this Python with these arguments."""
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=folder, input=typed, capture_output=True, text=True, timeout=WATCHDOG_S, check=False
    )


def lay_out(folder: Path) -> None:
    """Write the program as a script, a module, a package, a folder and an archive."""
    (folder / "ein skript ünïcode ☃.py").write_text(SOURCE)
    (folder / "module.py").write_text(SOURCE)
    package = folder / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "near.py").write_text("ZERO = 0\n")
    relative = "from . import near\n" + SOURCE.replace("item + OFFSET", "item + OFFSET + near.ZERO")
    (package / "__main__.py").write_text(relative)
    (package / "module.py").write_text(relative)
    app = folder / "app"
    app.mkdir()
    (app / "__main__.py").write_text("import inner\n" + SOURCE.replace("item + OFFSET", "item + OFFSET + inner.ZERO"))
    (app / "inner.py").write_text("ZERO = 0\n")
    zipapp.create_archive(app, folder / "app.pyz")


WAYS = {
    "script": ["ein skript ünïcode ☃.py"],
    "module": ["-m", "module"],
    "package": ["-m", "package"],
    "module of a package": ["-m", "package.module"],
    "folder": ["app"],
    "zipapp": ["app.pyz"],
    "-c": ["-c", SOURCE],
    "-i": ["-i", "module.py"],
    "without asserts": ["-OO", "module.py"],
    "profiled": ["-m", "cProfile", "-o", os.devnull, "module.py"],
    "traced": ["-m", "trace", "--count", "-C", "counted", "module.py"],
    "exec": ["-c", f"exec(compile({SOURCE!r}, '<made>', 'exec'), {{'__name__': '__main__'}})"],
    "runpy": ["-c", "import runpy; runpy.run_path('module.py', run_name='__main__')"],
    "ipython": ["-m", "IPython", "--simple-prompt", "--no-banner", "module.py"],
}
QUICK = ("zipapp", "module of a package")


@pytest.mark.parametrize(
    "way", [pytest.param(each, marks=[] if each in QUICK else [pytest.mark.slow]) for each in WAYS]
)
def test_a_program_works_by_every_start_method(tmp_path: Path, way: str) -> None:
    """Nothing is run twice, nothing needs a guard, and values are of the program's own classes."""
    lay_out(tmp_path)
    done = run(tmp_path, *WAYS[way])
    assert done.stdout.count(LINE) == 3, done.stdout + done.stderr
    assert done.returncode == 0
    if way not in {"-i", "ipython"}:
        assert done.stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [[], ["-"], ["-i", "-q"]], ids=["pipe", "dash", "prompt"])
def test_a_program_that_is_typed_in(tmp_path: Path, arguments: list[str]) -> None:
    """From a pipe, or into Python's own prompt, which wants an empty line behind each block."""
    typed = SOURCE.replace("\ndef ", "\n\ndef ").replace("\nfor ", "\n\nfor ") + "\n"
    done = run(tmp_path, *arguments, typed=typed)
    assert done.stdout.count(LINE) == 3, done.stdout + done.stderr


# --- Frozen programs ------------------------------------------------------------------------------------------------

FROZEN = """\
    #!{python}
    import os, sys, threading
    with open({log!r}, "a") as log:
        print("started", file=log)
    # What PyInstaller's bootloader sets.
    sys.frozen, sys.executable = True, os.path.abspath(__file__)
    import poolwise

    def add(item): return item + 1
    def die(_): os._exit(3)

    def attempt(**options):
        try:
            print(poolwise.map(add, range(3), max_workers=2, **options))
        except poolwise.errors.PoolwiseError as error:
            print(type(error).__name__, error)

    attempt()
    attempt(backend="processes")
    attempt(backend="processes", start_method="spawn")
    with poolwise.Pool(max_workers=1) as pool:
        try:
            pool.submit(die, 0).result()
        except poolwise.errors.WorkerDiedError:
            print("died")
        print(pool.submit(add, 1).result())
    stop = threading.Event()
    threading.Thread(target=stop.wait, daemon=True).start()
    attempt(backend="processes")
    attempt()
    import multiprocessing.spawn
    multiprocessing.set_executable({python!r})
    attempt(backend="processes")
"""
REFUSED = (
    "OptionError start_method='spawn' needs a Python to start, and this program is frozen (PyInstaller): its "
    "executable is the program itself, which would be run again by every worker, without end. Use "
    "start_method='fork', or name an interpreter by multiprocessing.set_executable(path)"
)


def test_a_frozen_program_never_starts_itself(tmp_path: Path) -> None:
    """Workers come by fork, those too that replace one; else the error says why not, and what to do."""
    app, log = tmp_path / "app", tmp_path / "log"
    app.write_text(textwrap.dedent(FROZEN).format(python=sys.executable, log=str(log)))
    app.chmod(0o755)
    done = subprocess.run([str(app)], capture_output=True, text=True, timeout=WATCHDOG_S, check=False)
    works = "[1, 2, 3]"
    assert done.stdout.splitlines() == [works, works, REFUSED, "died", "2", REFUSED, works, works], done.stderr
    assert log.read_text() == "started\n"
