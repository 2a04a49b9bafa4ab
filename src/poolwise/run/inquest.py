"""Who is to blame for a death: which items of the chunk in work are suspects, and what became of the others."""

from __future__ import annotations

from poolwise.model.classes import frozen
from poolwise.model.events import NOTHING_BEGUN, Chunk, WorkerLost

# A chunk whose worker died before it had begun it is not to blame; so many times in a row are no accident: it kills
# whoever reads it (it may need more memory than there is).
MOST_UNBEGUN = 8


@frozen
class Finding:
    """What a death says of a chunk's items, in ranges: first, and behind the last."""

    innocent: tuple[tuple[int, int], ...] = ()
    """They were not in work: they go out again as they were."""
    suspects: tuple[tuple[int, int], ...] = ()
    """One of them was: each range goes out again by itself, marked, so that the next death names it."""
    culprit: int | None = None
    """This very item was in work."""


class Inquest:
    """Remembers the deaths of a run."""

    def __init__(self) -> None:
        """Begin without any."""
        self._unbegun: dict[int, int] = {}
        self._strikes: dict[int, int] = {}

    def examine(self, chunk: Chunk, event: WorkerLost) -> Finding:
        """Find the guilty item of a chunk whose worker was lost."""
        index = event.index
        if index == NOTHING_BEGUN:
            seen = self._unbegun[chunk.start] = self._unbegun.get(chunk.start, 0) + 1
            index = NOTHING_BEGUN if seen <= MOST_UNBEGUN else None
        if index is None and len(chunk) == 1:
            index = chunk.start
        if index is None:
            return _narrow_down(chunk, event.span)
        if not chunk.start <= index < chunk.stop:
            # This chunk, sent ahead, was not begun; or its item came back in the moment of the death.
            return Finding(innocent=((chunk.start, chunk.stop),))
        return Finding(innocent=((chunk.start, index), (index + 1, chunk.stop)), culprit=index)

    def strike(self, index: int) -> int:
        """A worker has died on this item once more: say how often that was."""
        self._strikes[index] = self._strikes.get(index, 0) + 1
        return self._strikes[index]

    def close(self, index: int) -> None:
        """The item is not run again."""
        self._strikes.pop(index, None)


def _narrow_down(chunk: Chunk, span: tuple[int, int] | None) -> Finding:
    """Not known which item it was: suspect those that the worker had claimed, where that is known.

    A chunk that was marked, and yet died unnamed, died over what no mark covers (unpickling its items): in halves,
    down to one item, a death names it by being alone.
    """
    start, stop = span if span is not None else (chunk.start, chunk.stop)
    start, stop = max(start, chunk.start), min(stop, chunk.stop)
    middle = (start + stop) // 2 if chunk.marked else stop
    return Finding(innocent=((chunk.start, start), (stop, chunk.stop)), suspects=((start, middle), (middle, stop)))
