"""The option ``journal``: a file for results as they come, so that a run can be taken up again."""

from __future__ import annotations

import os
import reprlib
from collections.abc import Callable
from typing import Any, Literal, TypeAlias, get_args

from poolwise.errors import OptionError
from poolwise.model.classes import frozen

ChangedChoice: TypeAlias = Literal["raise", "rerun", "keep"]
CHANGED: tuple[ChangedChoice, ...] = get_args(ChangedChoice)


@frozen
class Journal:
    """A file for results, and how items and functions are recognised in it.

    Args:
        path: The file; made where there is none.
        key: A function of the item that gives what names it, such as its id, in the place of its whole content.
        changed: What to do where the file holds results of another version of the function: ``"raise"``
            JournalChangedError; ``"rerun"``: leave them alone and call the function again; ``"keep"``: use them.
        stands: A function of the item and of what an earlier run has kept of it (the result, or the exception), which
            says whether that still stands. Where it does not, the item is run again, and what comes of it takes the
            place of the old.
    """

    path: str | os.PathLike[str]
    key: Callable[[Any], object] | None = None
    changed: ChangedChoice = "raise"
    stands: Callable[[Any, Any], bool] | None = None

    def __post_init__(self) -> None:
        """Check every value once, here."""
        if not isinstance(self.path, (str, os.PathLike)):
            raise OptionError(f"Journal({reprlib.repr(self.path)}): write the name of a file, such as 'run.db'")
        if not os.fspath(self.path) or "\0" in os.fspath(self.path):
            raise OptionError(f"Journal({self.path!r}): this names no file; write one, such as 'run.db'")
        if self.key is not None and not callable(self.key):
            raise OptionError(f"Journal(key={reprlib.repr(self.key)}): write a function of the item, or leave it out")
        if self.stands is not None and not callable(self.stands):
            raise OptionError(
                f"Journal(stands={reprlib.repr(self.stands)}): write a function of the item and its result, "
                "or leave it out"
            )
        if self.changed not in CHANGED:
            raise OptionError(
                f"Journal(changed={reprlib.repr(self.changed)}) is not known (one of {', '.join(CHANGED)})"
            )


JournalChoice: TypeAlias = str | os.PathLike[str] | Journal | None


def as_journal(choice: JournalChoice) -> Journal | None:
    """Give the journal that a name stands for; raises OptionError where it names none."""
    if choice is None or isinstance(choice, Journal):
        return choice
    if not isinstance(choice, (str, os.PathLike)):
        raise OptionError(
            f"journal={reprlib.repr(choice)}: write the name of a file such as 'run.db', a poolwise.Journal, or None"
        )
    return Journal(choice)
