"""What a run asks of the kernel's files about this process: little, and not the same twice."""

from __future__ import annotations

from pathlib import Path

from tests.engine.programs import run_program

PROGRAM = """
    import sys

    import poolwise

    opened = []


    def note(event, arguments):
        if event == "open" and str(arguments[0]).startswith(("/proc/", "/sys/")):
            opened.append(str(arguments[0]))


    def run():
        return poolwise.map(abs, range(4), backend="processes", max_workers=2)


    run()
    sys.addaudithook(note)
    run()
    print(*opened, sep="\\n")
"""


def test_a_run_opens_a_handful_of_the_kernels_files(tmp_path: Path) -> None:
    """The second run of a program opens six: memory, own groups, two counters of OOM kills, a worker's groups each."""
    opened = run_program(tmp_path, PROGRAM).stdout.split()
    assert 0 < len(opened) <= 6, opened
    own = [path for path in opened if "/self/" in path]
    assert len(own) == len(set(own))
