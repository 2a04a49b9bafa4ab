"""A free-threaded Python whose GIL is turned on, by a real extension module, before a run and in the middle of one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import textwrap
from pathlib import Path

import pytest

from poolwise.measure.free_threading import FREE_THREADED

COMPILER = shutil.which((sysconfig.get_config_var("CC") or "cc").split()[0]) or shutil.which("cc")
HEADERS = sysconfig.get_paths()["include"]

pytestmark = [
    pytest.mark.interpreters,
    pytest.mark.skipif(not FREE_THREADED, reason="needs a free-threaded build"),
    pytest.mark.skipif(COMPILER is None, reason="needs a C compiler"),
    pytest.mark.skipif(not Path(HEADERS, "Python.h").exists(), reason="needs the headers of Python"),
]

# It has slots, and does not say that it can do without a GIL.
SOURCE = """\
#include <Python.h>
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "wants_gil", NULL, 0, NULL};
PyMODINIT_FUNC PyInit_wants_gil(void) { return PyModuleDef_Init(&definition); }
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Give a folder with the extension module ``wants_gil``."""
    folder = tmp_path_factory.mktemp("extension")
    (folder / "wants_gil.c").write_text(SOURCE)
    module = folder / f"wants_gil{sysconfig.get_config_var('EXT_SUFFIX')}"
    command = [COMPILER, "-shared", "-fPIC", f"-I{HEADERS}", str(folder / "wants_gil.c"), "-o", str(module)]
    subprocess.run(command, check=True)
    return folder


def run(folder: Path, program: str, *options: str, **environment: str) -> dict:
    """Run a program in a Python of its own, and give the JSON that it prints last."""
    (folder / "program.py").write_text(textwrap.dedent(program))
    done = subprocess.run(
        [sys.executable, *options, "program.py"],
        cwd=folder,
        env={**{name: value for name, value in os.environ.items() if name != "PYTHON_GIL"}, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {"warned": "wants_gil" in done.stderr, **json.loads(done.stdout.splitlines()[-1])}


MACHINE = """
    import json
    import poolwise
    import wants_gil
    from poolwise.cli.machine import rows
    found = poolwise.machine()
    print(json.dumps({"gil": found.gil, "by": found.gil_by, "told": dict(rows(found))["python"].partition(", ")[2]}))
"""


def test_the_machine_names_the_module_that_turned_it_on(folder):
    """The command says it, too."""
    told = "GIL on (turned on by 'wants_gil', an extension module that does not say that it can do without)"
    assert run(folder, MACHINE) == {"warned": True, "gil": True, "by": "wants_gil", "told": told}


def test_where_the_warning_is_ignored_the_module_is_not_known(folder):
    """That it is on is known all the same."""
    told = "GIL on (turned on by an extension module that does not say that it can do without)"
    found = run(folder, MACHINE, "-W", "ignore")
    assert found == {"warned": False, "gil": True, "by": "", "told": told}


def test_a_gil_that_is_kept_off_stays_off(folder):
    """Whatever is loaded, at the user's own risk."""
    found = run(folder, MACHINE, PYTHON_GIL="0")
    assert found == {"warned": False, "gil": False, "by": None, "told": "GIL off"}


def test_a_gil_that_was_asked_for_is_nobodys_fault(folder):
    """It was on before anything was loaded."""
    told = "GIL on (turned on by PYTHON_GIL or -X gil, as asked)"
    found = run(folder, MACHINE, "-X", "gil=1")
    assert found == {"warned": False, "gil": True, "by": "PYTHON_GIL", "told": told}


COMPUTE = """
    import json, sys, time
    import poolwise

    def compute(item):
        if item == {at}:
            import wants_gil
        until = time.thread_time() + 0.002
        while time.thread_time() < until:
            pass
        return item

    if __name__ == "__main__":
        results = poolwise.map(compute, range(120), progress=False, {options})
        assert results == list(range(120))
        report = results.report
        print(json.dumps({{
            "gil": sys._is_gil_enabled(),
            "by": report.gil_by,
            "backend": report.plan.backend,
            "told": [line.strip() for line in str(report).splitlines() if "wants_gil" in line],
        }}))
"""


def compute(folder: Path, at: int, options: str = "") -> dict:
    """Compute, and import the module on one item."""
    return run(folder, COMPUTE.format(at=at, options=options), POOLWISE_MAX_CORES="2")


def test_where_nothing_turns_it_on_nothing_is_told(folder):
    """It is off from the first item to the last."""
    found = compute(folder, at=-1)
    assert (found["gil"], found["by"], found["told"]) == (False, None, [])


@pytest.mark.parametrize("at", [0, 40], ids=["by the first item", "in mid-run"])
@pytest.mark.timeout(180)
def test_an_item_that_turns_it_on_is_told_of(folder, at):
    """Whatever was decided: in the reasons, as the cause of another plan, or in a line of its own."""
    found = compute(folder, at)
    assert (found["gil"], found["by"]) == (True, "wants_gil")
    assert found["told"]


def test_where_the_backend_is_given_it_is_told(folder):
    """Nobody decides, and still it is not unnoticed."""
    found = compute(folder, at=40, options="backend='threads', max_workers=2")
    assert (found["gil"], found["by"], found["backend"]) == (True, "wants_gil", "threads")
    why = "it was turned on by 'wants_gil', an extension module that does not say that it can do without"
    assert found["told"] == [f"GIL       {why}, while the run went on: from then on threads took turns"]


def test_a_worker_process_that_turns_its_own_on_says_so_here(folder):
    """Each process has its own; the interpreter's warning is heard in the caller's process, as any from a worker."""
    found = compute(folder, at=40, options="backend='processes', max_workers=2")
    assert (found["gil"], found["by"], found["warned"]) == (False, None, True)
