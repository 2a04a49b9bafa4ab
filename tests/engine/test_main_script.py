"""Functions from wherever people define them: scripts without a guard, lambdas, closures, methods, notebooks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.programs import run_program, write

METHODS = pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])


@METHODS
def test_a_script_needs_no_guard(tmp_path: Path, method: str) -> None:
    """A script without ``if __name__ == "__main__"`` works under every start method, and runs once."""
    source = f"""
        import dataclasses
        import poolwise

        print("once")
        OFFSET = 100

        @dataclasses.dataclass
        class Point:
            x: int

        class Adder:
            def __init__(self, more): self.more = more
            def add(self, item): return item + self.more

        def with_global(item):
            return item + OFFSET

        def with_class(point):
            assert isinstance(point, Point)
            return Point(point.x + 1)

        def closure(more):
            def inner(item): return item + more
            return inner

        options = dict(backend="processes", max_workers=2, start_method={method!r})
        print(poolwise.map(with_global, range(3), **options))
        print(poolwise.map(with_class, [Point(1), Point(2)], **options) == [Point(2), Point(3)])
        print(poolwise.map(lambda item: item * 2, range(3), **options))
        print(poolwise.map(closure(7), range(3), **options))
        print(poolwise.map(Adder(5).add, range(3), **options))
    """
    done = run_program(tmp_path, source)
    lines = ["once", "[100, 101, 102]", "True", "[0, 2, 4]", "[7, 8, 9]", "[5, 6, 7]", ""]
    assert (done.stdout, done.stderr) == ("\n".join(lines), "")


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_a_module_that_starts_a_pool_when_imported_is_told_about_the_guard(tmp_path: Path, method: str) -> None:
    """Where a guard is needed, the error says so and shows it, instead of starting workers in workers."""
    write(
        tmp_path,
        f"""
        import poolwise

        def work(item):
            return item

        results = poolwise.map(work, range(4), backend="processes", start_method={method!r})
        """,
        "careless.py",
    )
    done = run_program(tmp_path, "import careless")
    assert done.returncode == 1
    assert "NestedStartError" in done.stderr
    assert 'if __name__ == "__main__":' in done.stderr
    assert "module 'careless'" in done.stderr


def test_a_function_that_cannot_travel_is_told_with_what_to_do(tmp_path: Path) -> None:
    """A closure over a lock cannot be sent to a fresh interpreter: the error names the function and the way out."""
    source = """
        import threading
        import poolwise

        lock = threading.Lock()

        def locked(item):
            with lock:
                return item

        try:
            poolwise.map(locked, range(4), backend="processes", start_method="spawn")
        except poolwise.errors.FunctionShippingError as error:
            print(error)
    """
    done = run_program(tmp_path, source)
    assert "the function locked cannot travel" in done.stdout, done.stderr
    assert "threads" in done.stdout


def test_python_c_and_standard_input(tmp_path: Path) -> None:
    """Functions typed into ``python -c`` have no file behind them and work all the same."""
    source = """
        import subprocess, sys
        code = (
            "import poolwise\\n"
            "def f(x): return x + 1\\n"
            "print(poolwise.map(f, range(3), backend='processes', start_method='spawn'))\\n"
        )
        for arguments, typed in (["-c", code], ""), (["-"], code):
            subprocess.run([sys.executable, *arguments], input=typed, text=True, check=True)
    """
    done = run_program(tmp_path, source)
    assert (done.stdout, done.stderr) == ("[1, 2, 3]\n" * 2, "")


def test_fork_is_not_chosen_beside_a_second_thread(tmp_path: Path) -> None:
    """A second thread may hold a lock at the moment of a fork: workers then come from a fresh process, told why."""
    source = """
        import threading
        import poolwise

        lock, stop = threading.Lock(), threading.Event()

        def hold():
            with lock:
                stop.wait()

        threading.Thread(target=hold, daemon=True).start()
        results = poolwise.map(lambda item: item + 1, range(4), backend="processes")
        print(results, results.report.plan.start_method)
        print("1 other Python thread" in str(results.report))
        stop.set()
    """
    done = run_program(tmp_path, source)
    assert (done.stdout, done.stderr) == ("[1, 2, 3, 4] forkserver\nTrue\n", "")
