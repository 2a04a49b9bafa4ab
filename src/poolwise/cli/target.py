"""``MODULE:FUNCTION`` → the function, or words for what is wrong and what to write instead."""

from __future__ import annotations

import difflib
import importlib
import os
import pkgutil
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from poolwise.errors import TargetError

# More names than this are no help any more.
MOST_NAMES = 8


def load_target(target: str) -> Callable[..., Any]:
    """Import the module or file and give its function, as worker processes will be able to import it too.

    Raises TargetError.
    """
    place, _, path = target.rpartition(":")
    if not place or not path or not all(part.isidentifier() for part in path.split(".")):
        raise TargetError(_how_to_write(target))
    module = _load_file(Path(place), path) if _is_file(place) else _load_module(place)
    return _find(module, place, path)


def _is_file(place: str) -> bool:
    return place.endswith(".py") or "/" in place or os.sep in place


def _how_to_write(target: str) -> str:
    hint = ""
    if _is_file(target) and Path(target).suffix == ".py":
        hint = f"; which function of that file? Write {target}:FUNCTION"
    elif "." in target and ":" not in target and all(part.isidentifier() for part in target.split(".")):
        module, _, name = target.rpartition(".")
        hint = f"; did you mean {module}:{name}?"
    return f"the target {target!r} is not MODULE:FUNCTION or path/to/file.py:FUNCTION{hint}"


# --- Files and modules ---------------------------------------------------------------------------------------


def _load_file(file: Path, function: str) -> ModuleType:
    """Import a file under its stem's name, with its folder first on ``sys.path``, as Python does for scripts."""
    if not file.is_file():
        raise TargetError(_no_such_file(file, function))
    if file.suffix != ".py" or "." in file.stem:
        raise TargetError(
            f"{file} cannot be imported: a Python file is named like name.py, with no other dot; rename it"
        )
    _put_first(str(file.resolve().parent))
    module = _import(file.stem, str(file))
    found = getattr(module, "__file__", None)
    if found is None or not file.samefile(found):
        raise TargetError(
            f"{file} cannot be imported as {file.stem!r}: that name belongs to "
            f"{found or 'a built-in module'} already; rename the file"
        )
    return module


def _load_module(name: str) -> ModuleType:
    """Import a module, looking in the current folder first, as ``python -m`` does."""
    if not all(part.isidentifier() for part in name.split(".")):
        raise TargetError(f"{name!r} is no module name; for a file write path/to/file.py:FUNCTION")
    _put_first(str(Path.cwd()))
    return _import(name, name)


def _put_first(folder: str) -> None:
    if sys.path[:1] != [folder]:
        sys.path.insert(0, folder)


def _import(name: str, told: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name == missing or name.startswith(f"{missing}."):
            raise TargetError(_no_such_module(name, missing)) from None
        raise TargetError(_raised(told, error)) from error
    except (Exception, SystemExit) as error:
        raise TargetError(_raised(told, error)) from error


def _no_such_file(file: Path, function: str) -> str:
    if file.is_dir():
        return f"{file} is a folder; name a file in it, such as {file / 'NAME.py'}:{function}"
    if not file.parent.is_dir():
        return f"there is no folder {str(file.parent)!r}, so no file {str(file)!r}"
    names = [each.name for each in file.parent.glob("*.py")]
    return f"there is no file {str(file)!r}{_did_you_mean(file.name, names, f'{file.parent} has')}"


def _no_such_module(name: str, missing: str) -> str:
    inside = f" (of {name!r})" if missing != name else ""
    parent, _, last = missing.rpartition(".")
    if parent:
        path = getattr(sys.modules.get(parent), "__path__", None)
        if path is None:
            return f"there is no module {missing!r}: {parent} is not a package; for what is in it write {parent}:{last}"
        return f"there is no module {missing!r}{inside}{_did_you_mean(last, _modules_in(path), f'{parent} has')}"
    where = "neither installed nor in the current folder"
    return f"there is no module {missing!r}{inside}, {where}{_did_you_mean(last, _modules_in(['.']), 'which has')}"


def _modules_in(path: Iterable[str]) -> list[str]:
    return [each.name for each in pkgutil.iter_modules(path) if each.name.isidentifier()]


def _raised(told: str, error: BaseException) -> str:
    """Show what a module raised while it was being imported, with the line of the user's that did."""
    if isinstance(error, SystemExit):
        text = f"{told} called sys.exit({error.code!r}) while it was being imported"
        return f'{text}{_where(error)}\nPut what should run only as a script under `if __name__ == "__main__":`'
    shown = "".join(traceback.format_exception_only(error)).rstrip()
    return f"{told} raised an error while it was being imported{_where(error)}\n{shown}"


def _where(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = str(Path(__file__))
    theirs = [each for each in frames if each.filename != ours and not each.filename.startswith("<frozen importlib")]
    theirs = [each for each in theirs if Path(each.filename) != Path(importlib.__file__)]
    if not theirs:
        return ":"
    last = theirs[-1]
    return f':\n  File "{last.filename}", line {last.lineno}, in {last.name}\n    {last.line}'


# --- The function in it --------------------------------------------------------------------------------------


def _find(module: ModuleType, place: str, path: str) -> Callable[..., Any]:
    found: Any = module
    reached = place
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            raise TargetError(f"{reached} has no {name!r}{_near_in(found, name)}") from None
        reached += ("." if ":" in reached else ":") + name
    if not callable(found):
        raise TargetError(f"{reached} is no function but of type {type(found).__name__}{_near_in(module, path)}")
    function: Callable[..., Any] = found
    return function


def _near_in(owner: object, name: str) -> str:
    """Name what could be meant: what is spelled alike, else the functions that are defined there."""
    names = [each for each in dir(owner) if not each.startswith("_") and callable(getattr(owner, each, None))]
    own = getattr(owner, "__name__", None)
    home = [each for each in names if getattr(getattr(owner, each), "__module__", None) == own]
    near = difflib.get_close_matches(name, [each for each in names if each != name], n=1)
    return _did_you_mean(near[0] if near else name, near or home, "it has")


def _did_you_mean(name: str, names: Iterable[str], has: str) -> str:
    known = sorted(set(names))
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]!r}?"
    if not known:
        return ""
    more = ", …" if len(known) > MOST_NAMES else ""
    return f"; {has} {', '.join(known[:MOST_NAMES])}{more}"
