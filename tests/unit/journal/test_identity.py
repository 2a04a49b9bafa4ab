"""Which function it was: what counts as a change, and what does not."""

from __future__ import annotations

import functools
import operator
import os
import subprocess
import sys
import threading

import pytest

from poolwise.journal.identity import identify
from poolwise.work.call import Call


def made(source, name="f", **space):
    """Make a function of its source."""
    space = {"__name__": "theirs", **space}
    exec(compile(source, "theirs.py", "exec"), space)  # noqa: S102 - functions as they stand in a file before and after a change
    return space[name]


def code(function, *, spread=False):
    """Give the hash."""
    return identify(Call(function, spread)).code


BASE = "def f(x, y=1):\n    total = x + 256\n    return [total for _ in {1, 2}]\n"

SAME = {
    "again": BASE,
    "lines and comments": "# new\n\n\n" + BASE.replace("    return", "\n    # why\n    return"),
    "a docstring": BASE.replace(":\n    total", ':\n    """What it does."""\n    total'),
    "another docstring": BASE.replace(":\n    total", ':\n    """It does something."""\n    total'),
    "annotations": BASE.replace("(x, y=1)", "(x: int, y: int = 1) -> list"),
}
CHANGED = {
    "a constant": BASE.replace("256", "257"),
    "its type": BASE.replace("256", "256.0"),
    "an operator": BASE.replace("x + ", "x - "),
    "a name": BASE.replace("{1, 2}", "range(2)"),
    "a default": BASE.replace("y=1", "y=2"),
    "the kind of a parameter": BASE.replace("x, y", "x, *, y"),
    "the inner code": BASE.replace("[total for", "[-total for"),
    "a set of constants": BASE.replace("{1, 2}", "{1, 3}"),
}


@pytest.mark.parametrize("source", SAME.values(), ids=SAME)
def test_what_does_not_count(source):
    """How it is laid out and explained."""
    assert code(made(source)) == code(made(BASE))


@pytest.mark.parametrize("source", CHANGED.values(), ids=CHANGED)
def test_what_counts(source):
    """Whatever it does otherwise."""
    assert code(made(source)) != code(made(BASE))


def test_a_docstring_beside_a_return_of_none():
    """Where the compiler keeps the docstring, the constants move."""
    bare, told = "def f(x):\n    print(x, 5)\n", 'def f(x):\n    """Say it."""\n    print(x, 5)\n'
    assert code(made(bare)) == code(made(told))


def test_sets_of_constants_are_the_same_in_every_process():
    """Their order follows the hash seed."""
    program = (
        "from tests.unit.journal.test_identity import code\n"
        "def f(x):\n    return x in {'a', 'b', 'c', 'd', 'e', 'f'}\n"
        "print(code(f))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in "123"
    }
    assert len(told) == 1


def test_what_a_function_carries_counts():
    """Closures and partial arguments, by their content; what has none, by its type."""

    def adder(amount):
        return lambda x: x + amount

    assert code(adder(1)) == code(adder(1)) != code(adder(2))
    assert code(adder({"a": [1]})) == code(adder({"a": [1]})) != code(adder({"a": [2]}))
    assert code(adder(threading.Lock())) == code(adder(threading.Lock())) != code(adder(threading.Event()))
    assert code(functools.partial(pow, 2)) == code(functools.partial(pow, 2)) != code(functools.partial(pow, 3))
    assert code(functools.partial(pow, exp=2)) != code(functools.partial(pow, mod=2))
    assert code(adder(adder(1))) == code(adder(adder(1))) != code(adder(adder(2)))


def test_a_function_that_knows_itself():
    """A recursive closure has an end."""

    def maker(step):
        def down(x):
            return 0 if x <= 0 else down(x - step)

        return down

    assert code(maker(1)) == code(maker(1)) != code(maker(2))


class Scaler:
    def __init__(self, factor):
        self.factor = factor

    def scale(self, x):
        return x * self.factor

    def __call__(self, x):
        return x * self.factor

    @classmethod
    def make(cls, x):
        return cls(x)


def test_methods_and_callables_by_their_state():
    """Two objects of a class do different things where they hold different values."""
    for pick in (lambda each: each, lambda each: each.scale):
        assert code(pick(Scaler(2))) == code(pick(Scaler(2))) != code(pick(Scaler(3)))
    assert identify(Call(Scaler(2).scale)).name == "Scaler.scale"
    assert len({code(Scaler), code(Scaler.make), code(Scaler(1)), code(Scaler(1).scale)}) == 4


def test_how_the_item_becomes_arguments_counts():
    """f(*item) is another result than f(item)."""
    assert code(max) != code(max, spread=True)


def test_builtins_and_wrappers():
    """By their names, and by what they wrap."""
    names = [identify(Call(each)) for each in (len, abs, operator.add, str.upper, int, "x".join)]
    assert len({each.code for each in names}) == len(names)
    assert (str(names[0]), names[0].code) == ("builtins:len", code(len))
    one, other = functools.lru_cache(made(BASE)), functools.lru_cache(made(CHANGED["a constant"]))
    assert code(one) == code(functools.lru_cache(made(BASE))) != code(other)


class Odd:
    """Answers almost every question with an error."""

    def __call__(self, x):
        return x

    def __getattribute__(self, name):
        if name != "__class__":
            raise RuntimeError(name)
        return Odd


def test_an_odd_callable_has_an_identity_too():
    """Nothing that can be called is refused."""
    assert identify(Call(Odd())).code == code(Odd())


SCRIPT = """
from poolwise.journal.identity import identify
from poolwise.work.call import Call
def f(x):
    return Kind(x)
class Kind:
    pass
if __name__ == "__main__":
    print(*map(str, (identify(Call(f)), identify(Call(f)).code)))
"""


def test_a_script_is_known_by_its_name(tmp_path):
    """Run twice, run from elsewhere, run as a module, or imported: the function is the same."""
    (tmp_path / "job.py").write_text(SCRIPT)
    imported = "import job, sys; from poolwise.journal.identity import identify; from poolwise.work.call import Call"
    ways = [
        (["job.py"], tmp_path),
        ([str(tmp_path / "job.py")], None),
        (["-m", "job"], tmp_path),
        (["-c", f"{imported}; i = identify(Call(job.f)); print(i, i.code)"], tmp_path),
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path])}
    told = {
        subprocess.run(
            [sys.executable, *way], cwd=cwd, env=environment, capture_output=True, text=True, check=True
        ).stdout
        for way, cwd in ways
    }
    assert len(told) == 1
    assert told.pop().startswith("job:f ")
