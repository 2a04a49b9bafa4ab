"""A long session in a real kernel: one warm pool, while functions, classes and modules change between the cells."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.notebook.kernels import BEGUN, Kernel

POOLS = """
import dataclasses, enum, os, time
import poolwise

pools = {method: poolwise.Pool(max_workers=1, start_method=method) for method in %r}
pools["threads"] = poolwise.Pool("threads", max_workers=1)

def everywhere(function, item):
    "Give what came of one item, in each pool; one value where all agree."
    found = [pool.submit(function, item).result() for pool in pools.values()]
    assert len({repr(each) for each in found}) == 1, dict(zip(pools, found))
    return found[0]
"""
METHODS = ("forkserver", "spawn", "fork")


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    """One kernel with a pool of each kind."""
    kernel = Kernel()
    try:
        assert kernel.run(POOLS % (METHODS,)) == ""
        yield kernel
        assert kernel.run("for pool in pools.values(): pool.shutdown()") == ""
    finally:
        kernel.end()


def test_what_is_redefined_is_what_runs(kernel) -> None:
    """The function, what it calls, what it reads: each as it is when the task is submitted."""
    kernel.run("FACTOR = 10\ndef helper(x): return x + 1\ndef f(x): return helper(x) * FACTOR")
    told = [kernel.run("print(everywhere(f, 1))")]
    for cell in ("def helper(x): return x + 100", "FACTOR = 1000", "def f(x): return 'new', helper(x)"):
        kernel.run(cell)
        told.append(kernel.run("print(everywhere(f, 1))"))
    assert told == ["20\n", "1010\n", "101000\n", "('new', 101)\n"]


CLASSES = """
@dataclasses.dataclass(frozen=True)
class Point:
    x: int
    def word(self): return {word!r}

class Colour(enum.Enum):
    RED = {word!r}

class Base:
    level = {word!r}

class Below(Base):
    pass

class Odd(Exception):
    pass

def make(x): return Point(x)
def colour(_): return Colour.RED
def knows(point): return isinstance(point, Point), point == Point(1), point.word()
def level(each): return each.level
def fail(_): raise Odd
"""


def test_classes_of_a_cell_are_the_sessions_own(kernel) -> None:
    """What comes back is an instance of the class as it is now: equal, the same member, caught; redefined too."""
    for word in ("old", "new"):
        kernel.run(CLASSES.format(word=word))
        told = kernel.run(
            """
print([pool.submit(make, 1).result() == Point(1) for pool in pools.values()])
print([type(pool.submit(make, 1).result()) is Point for pool in pools.values()])
print([pool.submit(colour, 1).result() is Colour.RED for pool in pools.values()])
print(everywhere(knows, Point(1)), everywhere(level, Below()))
for pool in pools.values():
    try:
        pool.submit(fail, 1).result()
    except Odd:
        print("caught")
"""
        )
        assert told == f"{[True] * 4}\n" * 3 + f"(True, True, '{word}') {word}\n" + "caught\n" * 4
    kernel.run("Base.level = 'patched'")
    assert kernel.run("print(everywhere(level, Below()))") == "patched\n"


MODULE = """
import below

FACTOR = {factor}

class Kind:
    def word(self):
        return {word!r}

def f(x):
    return below.helper(x) * FACTOR, Kind().word()

def make(_):
    return Kind()
"""


def edit(folder: Path, name: str, source: str, second: int) -> None:
    """Change a module, so much later that nobody could take what was compiled before for it."""
    file = folder / f"{name}.py"
    file.write_text(source)
    os.utime(file, (1_700_000_000 + second, 1_700_000_000 + second))


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("mode", [2, 3])
def test_autoreload_reaches_workers_that_are_warm(tmp_path, mode) -> None:
    """A module that is edited between two cells: its functions, classes and constants, and those of what it imports."""
    edit(tmp_path, "below", "def helper(x): return x + 1", 0)
    edit(tmp_path, "above", MODULE.format(factor=1, word="old"), 0)
    kernel = Kernel(tmp_path)
    try:
        kernel.run(f"%load_ext autoreload\n%autoreload {mode}")
        kernel.run(POOLS % (METHODS,))
        kernel.run("import above\nfrom above import f as same")
        told = [kernel.run("print(everywhere(above.f, 1), everywhere(same, 1))")]
        edit(tmp_path, "below", "def helper(x): return x + 10", 10)
        told.append(kernel.run("print(everywhere(above.f, 1), everywhere(same, 1))"))
        edit(tmp_path, "above", MODULE.format(factor=10, word="old"), 20)
        told.append(kernel.run("print(everywhere(above.f, 1), everywhere(same, 1))"))
        edit(tmp_path, "above", MODULE.format(factor=10, word="new"), 30)
        told.append(kernel.run("print(everywhere(above.f, 1), everywhere(same, 1))"))
        expected = [(2, "old"), (11, "old"), (110, "old"), (110, "new")]
        assert told == [f"{each} {each}\n" for each in expected]
        told_kinds = "print([isinstance(pool.submit(above.make, 1).result(), above.Kind) for pool in pools.values()])"
        assert ast.literal_eval(kernel.run(told_kinds)) == [True] * 4
        # Workers are replaced where a module has changed, and only there.
        kernel.run("pids = lambda _: os.getpid()\nbefore = [pool.submit(pids, 1).result() for pool in pools.values()]")
        assert kernel.run("print(before == [pool.submit(pids, 1).result() for pool in pools.values()])") == "True\n"
        kernel.run("for pool in pools.values(): pool.shutdown()")
    finally:
        kernel.end()


def test_a_module_that_is_reloaded_by_hand(tmp_path) -> None:
    """``importlib.reload`` is seen too; an edit that nobody has loaded changes nothing."""
    edit(tmp_path, "byhand", "def f(x): return x + 1", 0)
    kernel = Kernel(tmp_path)
    try:
        kernel.run(POOLS % (("forkserver",),))
        kernel.run("import byhand, importlib")
        told = [kernel.run("print(everywhere(byhand.f, 1))")]
        edit(tmp_path, "byhand", "def f(x): return x + 10", 10)
        told.append(kernel.run("print(everywhere(byhand.f, 1))"))
        told.append(kernel.run("importlib.reload(byhand)\nprint(everywhere(byhand.f, 1))"))
        kernel.run("for pool in pools.values(): pool.shutdown()")
    finally:
        kernel.end()
    assert told == ["2\n", "2\n", "11\n"]


@pytest.mark.parametrize("kind", ["forkserver", "threads"])
def test_the_stop_button_leaves_a_pool_that_works(kernel, kind) -> None:
    """An interrupted wait ends at once; a ``map`` gives up what has not begun, and a future goes on."""
    kernel.run("nap = lambda x: time.sleep(0.5) or x")
    kernel.run(f"begun = lambda: print({BEGUN!r}, flush=True)")
    assert kernel.interrupt(f"begun()\nlist(pools[{kind!r}].map(nap, range(400)))")[0] == "KeyboardInterrupt"
    # Of 400 items, 200 seconds long, nothing is waited for but what had begun.
    assert kernel.run(f"print(pools[{kind!r}].submit(pow, 2, 5).result())") == "32\n"
    ended, _ = kernel.interrupt(f"future = pools[{kind!r}].submit(nap, 7)\nbegun()\nfuture.result()")
    assert ended == "KeyboardInterrupt"
    assert kernel.run("print(future.result())") == "7\n"
