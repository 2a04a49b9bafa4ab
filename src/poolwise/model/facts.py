"""All that a decision depended on, so that it can be made again: elsewhere, later, or with one fact changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from poolwise.model.classes import frozen
from poolwise.model.machine import Machine
from poolwise.model.options import BackendName, Options
from poolwise.model.plain import as_dict, from_plain
from poolwise.model.plan import Turning
from poolwise.model.profile import Profile


@frozen(kw_only=True)
class AtWork:
    """Company of the first items that is there already when it is decided."""

    backend: BackendName
    workers: int
    under_way: int
    """Items that are with them: these have to end where they were begun."""


@frozen(kw_only=True)
class Facts:
    """What ``decide`` was told; the same facts give the same Plan."""

    profile: Profile | None
    """None where nothing was measured."""
    machine: Machine
    options: Options
    left: int | None
    """Items that were left to run; None where that was not known."""
    ships_items: bool = True
    """Items travel by pickle to worker processes; else these inherit them, if they are forked."""
    coroutine: bool = False
    """The function is a coroutine function."""
    joins: bool = False
    """The calling thread may be one of several workers: nobody takes results one by one, or gives up late items."""
    company: AtWork | None = None
    """Who is at work already, and stays if it is not worth moving the rest; None: nobody."""

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data that JSON can carry; see ``model.plain``."""
        return as_dict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Facts:
        """Read what ``to_dict`` wrote; raises InputError where it is of another form or version."""
        return from_plain(cls, data)


# --- What would change the decision --------------------------------------------------------------------------

_finders: list[Callable[[Facts], tuple[Turning, ...]]] = []


def foresee_by(finder: Callable[[Facts], tuple[Turning, ...]]) -> Callable[[Facts], tuple[Turning, ...]]:
    """Have ``finder`` say what would change a decision: values do not know how one is made."""
    _finders[:] = [finder]
    return finder


def turnings_of(facts: Facts | None) -> tuple[Turning, ...]:
    """Say what would change the decision that was made by these facts; nothing where nothing was decided."""
    return _finders[0](facts) if facts is not None and _finders else ()
