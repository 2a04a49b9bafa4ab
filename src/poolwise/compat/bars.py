"""The bar of a run: tqdm's, where a drop-in for something of tqdm's kind is used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import length_hint
from typing import Any, TypedDict

from poolwise.model.options import ProgressChoice
from poolwise.model.progress import Progress


class Showing(TypedDict, total=False):
    """The options of ``poolwise.map`` that say what is shown."""

    progress: ProgressChoice
    desc: str | None
    total: int | None


@contextmanager
def showing(bar_class: Any, total: int | None, looks: dict[str, Any]) -> Iterator[Showing]:
    """Give the options with which a bar of ``bar_class`` follows a run; ``looks`` are its arguments.

    None: tqdm's own for where this runs, terminal or notebook; where tqdm is not installed, Poolwise's own line.
    """
    kind = bar_class or _find_tqdm()
    if kind is None:
        yield {"progress": not looks.get("disable", False), "desc": looks.get("desc"), "total": total}
        return
    with _without_monitor(kind)(total=total, **looks) as bar:
        yield {"progress": Follower(bar).follow}


class Follower:
    """Moves a bar as a run goes on."""

    def __init__(self, bar: Any) -> None:
        """Begin with nothing done."""
        self._bar = bar
        self._done = 0

    def follow(self, now: Progress) -> None:
        """Show how far it is."""
        self._bar.update(now.done - self._done)
        self._done = now.done


def count(iterables: Sequence[Iterable[Any]]) -> int | None:
    """Tell how many items there are, as far as the shortest iterable that knows its length says."""
    known = [hint for each in iterables if (hint := length_hint(each, -1)) >= 0]
    return min(known, default=None)


def _without_monitor(kind: Any) -> Any:
    """Give the class without tqdm's thread that wakes up bars: this one moves anyway, and a thread forbids to fork.

    Workers that cannot be forked take half a second to start.
    """
    return type(kind.__name__, (kind,), {"monitor_interval": 0}) if isinstance(kind, type) else kind


def _find_tqdm() -> Any:
    try:
        from tqdm.auto import tqdm  # noqa: PLC0415 - who switches may have it no longer
    except ImportError:
        return None
    return tqdm
