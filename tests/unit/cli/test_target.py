"""``MODULE:FUNCTION`` → the function, or words."""

import sys

import pytest

from poolwise.cli.target import load_target
from poolwise.errors import TargetError

SOURCE = """
LIMIT = 3
def resize(x): return x
async def fetch(x): return x
class Shop:
    @staticmethod
    def order(x): return x + 1
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give a folder with a module of its own name, and forget it afterwards."""
    (tmp_path / "cli_work.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def complaint(target):
    """Give the words in which a target is refused."""
    with pytest.raises(TargetError) as caught:
        load_target(target)
    return str(caught.value)


def test_a_module_is_found_in_the_current_folder(folder):
    """As ``python -m`` does it."""
    assert load_target("cli_work:resize")(2) == 2
    assert sys.path[0] == str(folder)


def test_a_file_is_found_by_its_path(folder, monkeypatch):
    """Its folder comes first on the path, so that worker processes can import it by its name."""
    inner = folder / "a dir"
    inner.mkdir()
    (inner / "cli-script 1.py").write_text(SOURCE)
    function = load_target("a dir/cli-script 1.py:resize")
    assert (function(1), function.__module__, sys.path[0]) == (1, "cli-script 1", str(inner))


def test_names_may_be_dotted(folder):
    """A method of a class, and a function of the standard library, are functions too."""
    assert load_target("cli_work:Shop.order")(1) == 2
    assert load_target("os.path:basename")("a/b") == "b"


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("cli_work", "the target 'cli_work' is not MODULE:FUNCTION"),
        ("cli_work:", "is not MODULE:FUNCTION"),
        ("cli_work.resize", "did you mean cli_work:resize?"),
        ("cli_work.py", "Write cli_work.py:FUNCTION"),
        ("cli_wrok:resize", "there is no module 'cli_wrok', neither installed nor in the current folder; did you mean"),
        ("cli_wrok.x:resize", "there is no module 'cli_wrok' (of 'cli_wrok.x')"),
        ("json.decodr:x", "there is no module 'json.decodr'; did you mean 'decoder'?"),
        ("cli_work.resize:x", "cli_work is not a package; for what is in it write cli_work:resize"),
        ("cli_wrok.py:resize", "there is no file 'cli_wrok.py'; did you mean 'cli_work.py'?"),
        ("no/cli_work.py:resize", "there is no folder 'no'"),
        ("./:resize", "is a folder; name a file in it"),
        ("cli work:resize", "'cli work' is no module name"),
        ("cli_work:resise", "cli_work has no 'resise'; did you mean 'resize'?"),
        ("cli_work:zzz", "cli_work has no 'zzz'; it has Shop, fetch, resize"),
        ("cli_work:Shop.ordr", "cli_work:Shop has no 'ordr'; did you mean 'order'?"),
        ("cli_work:LIMIT", "cli_work:LIMIT is no function but of type int; it has Shop, fetch, resize"),
    ],
)
def test_a_wrong_target_is_told_with_what_to_write(folder, target, words):
    """The complaint names what is wrong and the nearest that exists."""
    assert words in complaint(target)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import cli_missing\n", 'broken.py", line 1, in <module>\n    import cli_missing\nModuleNotFoundError: No'),
        ("def f(x):\n    return 1 / 0\nf(1)\n", 'broken.py", line 2, in f\n    return 1 / 0\nZeroDivisionError'),
        ("def f(:\n", "SyntaxError: invalid syntax"),
        ("import sys\nsys.exit(3)\n", 'called sys.exit(3) while it was being imported:\n  File "'),
    ],
)
@pytest.mark.parametrize("target", ["broken:f", "broken.py:f"])
def test_what_a_module_raises_is_shown_with_its_line(folder, source, words, target):
    """The user sees their own line, and none of ours."""
    (folder / "broken.py").write_text(source)
    told = complaint(target)
    assert words in told
    assert "importlib" not in told
    assert "target.py" not in told


def test_a_file_named_like_a_module_in_use_is_refused(folder):
    """A worker that imports that name would get the other one."""
    (folder / "json.py").write_text(SOURCE)
    assert "that name belongs to" in complaint("json.py:resize")


def test_a_file_with_a_dot_in_its_stem_is_refused(folder):
    """``import a.b`` looks for b in a package a."""
    (folder / "a.b.py").write_text(SOURCE)
    assert "rename it" in complaint("a.b.py:resize")
