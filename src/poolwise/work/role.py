"""What this process is: the user's own program, a worker that is starting, or a worker."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from poolwise.errors import NestedStartError
from poolwise.work import keyboard

_worker = False
_copy = False
_importing: str | None = None


def become_worker() -> None:
    """Remember, for good, that this process is one of our workers, in which nobody is at the keyboard."""
    global _worker  # noqa: PLW0603 - a process's nature is as global as it gets
    _worker = True
    keyboard.take_away()


def is_worker() -> bool:
    """Tell whether this process is one of our workers."""
    return _worker


def become_copy() -> None:
    """Remember that this worker was forked from the process that reads its results, when all that was there froze."""
    global _copy  # noqa: PLW0603 - see become_worker
    _copy = True


def is_copy() -> bool:
    """Tell whether this process is a worker that was forked from the one that reads its results."""
    return _copy


@contextlib.contextmanager
def importing(what: str) -> Iterator[None]:
    """Mark the time in which a starting worker imports the user's modules."""
    global _importing  # noqa: PLW0603 - see become_worker
    _importing = what
    try:
        yield
    finally:
        _importing = None


def refuse_nested_start(verb: str) -> None:
    """Raise if a module calls ``verb`` while a worker imports it: each worker would start workers, without end."""
    if _importing is None:
        return
    msg = (
        f"poolwise.{verb}() was called while a worker process was importing {_importing}, which would start workers "
        "in every worker. Put the call (and whatever else should run only once) at the end of the module under\n"
        '    if __name__ == "__main__":\n'
        "or into a function that the import does not call"
    )
    raise NestedStartError(msg)
