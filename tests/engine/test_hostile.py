"""Functions and programs that do what nobody expects of them: fork, exit, reap children, feed results back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.programs import run_program


@pytest.mark.parametrize("backend", ["auto", "loop", "threads", "processes"])
@pytest.mark.parametrize("errors", ["raise", "collect"])
def test_a_child_that_the_function_forks_ends_where_it_says(tmp_path: Path, backend: str, errors: str) -> None:
    """A forked child that calls ``sys.exit`` ends there, as in a loop, and is no second run of the program."""
    source = f"""
        import os, sys, warnings
        import poolwise

        warnings.simplefilter("ignore")  # Python warns of a fork beside threads; this is what is tried

        def work(item):
            child = os.fork()
            if child == 0:
                sys.exit(0)
            os.waitpid(child, 0)
            return item

        print(poolwise.map(work, range(3), backend={backend!r}, errors={errors!r}), flush=True)
    """
    done = run_program(tmp_path, source)
    assert (done.stdout, done.returncode) == ("[0, 1, 2]\n", 0), done.stderr


@pytest.mark.parametrize("backend", ["auto", "asyncio"])
def test_a_subtask_that_exits_is_that_items_failure(tmp_path: Path, backend: str) -> None:
    """``sys.exit`` in a task beside the function's own stops its event loop; the run goes on and tells it."""
    source = f"""
        import asyncio, sys
        import poolwise

        async def inner(item):
            if item == 1:
                sys.exit(3)
            return item

        async def work(item):
            return (await asyncio.gather(inner(item)))[0]

        results = poolwise.map(work, range(4), backend={backend!r}, errors="collect")
        print([value if isinstance(value, int) else type(value.error).__name__ for value in results])
    """
    done = run_program(tmp_path, source)
    assert done.stdout == "[0, 'FunctionExitedError', 2, 3]\n", done.stderr


@pytest.mark.parametrize("backend", ["auto", "loop", "threads", "processes"])
def test_results_can_be_fed_back_into_the_input(tmp_path: Path, backend: str) -> None:
    """An iterator that waits for what the consumer does with the last result gets it: nothing is read too early."""
    source = f"""
        import queue
        import poolwise

        todo = queue.Queue()
        todo.put(1)
        seen = []
        for result in poolwise.imap(lambda item: item + 1, iter(todo.get, None), backend={backend!r}):
            seen.append(result)
            todo.put(result if result < 6 else None)
        print(seen)
    """
    done = run_program(tmp_path, source)
    assert done.stdout == "[2, 3, 4, 5, 6]\n", done.stderr


@pytest.mark.parametrize("backend", ["auto", "loop"])
def test_a_result_comes_before_the_next_item_is_asked_for(tmp_path: Path, backend: str) -> None:
    """In one thread nothing is read ahead of a slow iterator: item, result, item, result."""
    source = f"""
        import poolwise

        def items():
            for item in range(3):
                print("asked", item)
                yield item

        for result in poolwise.imap(abs, items(), backend={backend!r}):
            print("result", result)
    """
    done = run_program(tmp_path, source)
    assert done.stdout.split("\n")[:4] == ["asked 0", "result 0", "asked 1", "result 1"], done.stderr


@pytest.mark.parametrize(
    "handling", ["signal.SIG_IGN", "lambda *_: os.waitpid(-1, os.WNOHANG)"], ids=["ignored", "reaped elsewhere"]
)
def test_a_program_that_reaps_children_by_itself_gets_its_results(tmp_path: Path, handling: str) -> None:
    """Where SIGCHLD is ignored or handled by the program, a worker's exit code is unknown, and nothing else is lost."""
    source = f"""
        import os, signal
        import poolwise

        signal.signal(signal.SIGCHLD, {handling})
        print(sum(poolwise.map(lambda item: item, range(1000), backend="processes")))
    """
    done = run_program(tmp_path, source)
    assert (done.stdout, done.returncode) == ("499500\n", 0), done.stderr


def test_a_child_that_the_consumer_forks_leaves_the_workers_alone(tmp_path: Path) -> None:
    """A forked copy of the program that drops its copy of an iterator does not end the workers."""
    source = """
        import os, sys
        import poolwise

        total = 0
        for result in poolwise.imap(lambda item: item, range(50), backend="processes", max_workers=2):
            if result == 10:
                child = os.fork()
                if child == 0:
                    sys.exit(0)
                os.waitpid(child, 0)
            total += result
        print(total)
    """
    done = run_program(tmp_path, source)
    assert (done.stdout, done.returncode) == ("1225\n", 0), done.stderr


def test_no_item_is_begun_after_map_was_left(tmp_path: Path) -> None:
    """An error leaves threads in the middle of a chunk; they finish their item and begin no other."""
    source = """
        import threading, time
        import poolwise

        begun, hold = [], threading.Event()

        def work(item):
            begun.append(item)
            if item == 150:
                while len(begun) < 4:
                    time.sleep(0.001)
                raise ValueError(item)
            hold.wait(20)

        try:
            poolwise.map(work, range(400), backend="threads", max_workers=4, chunksize=50)
        except ValueError:
            before = len(begun)
        hold.set()
        threads = [each for each in threading.enumerate() if each.name.startswith("poolwise-")]
        for thread in threads:
            thread.join(20)
        print(before, len(begun))
    """
    done = run_program(tmp_path, source)
    assert done.stdout == "4 4\n", done.stderr


def test_a_copy_that_never_becomes_ready_keeps_nothing(tmp_path: Path) -> None:
    """What it was given with its start is done by the others."""
    source = """
        import os, time
        import poolwise

        born = []

        def hang():
            if not born:
                time.sleep(60)

        os.register_at_fork(after_in_child=hang, after_in_parent=lambda: born.append(1))
        items = list(range(40))
        print(poolwise.map(lambda item: item + 1, items, backend="processes", max_workers=2, start_method="fork"))
    """
    done = run_program(tmp_path, source)
    assert done.stdout == f"{[item + 1 for item in range(40)]}\n", done.stderr
