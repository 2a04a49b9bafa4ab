"""The last station of a result: held until its turn where order is wanted, and where an error waits for its turn."""

from __future__ import annotations

from collections.abc import Iterator

from poolwise.model.events import Batch, Failed


class Handover:
    """Takes finished pieces in any order and gives them on in the order that is wanted."""

    def __init__(self, *, ordered: bool) -> None:
        """Begin with item 0."""
        self._ordered = ordered
        self._held: dict[int, Batch] = {}
        self._doom: Failed | None = None
        self.turn = 0
        """The item whose turn it is; where no order is wanted, it stays 0."""
        self.given = 0
        """Items given on."""

    @property
    def doomed_at(self) -> int | None:
        """The item at which the run will end, with its error."""
        return self._doom.index if self._doom is not None else None

    def take(self, batch: Batch) -> Iterator[Batch]:
        """Take a finished piece; give on what may go now."""
        if not self._ordered:
            self.given += len(batch.values)
            yield batch
            return
        self._held[batch.start] = batch
        while self.turn != self.doomed_at and (ready := self._held.pop(self.turn, None)) is not None:
            self.turn += len(ready.values)
            self.given += len(ready.values)
            yield ready

    def doom(self, failed: Failed) -> None:
        """End the run at this item, once everything before it has been given on; the first of several counts."""
        if self._doom is None or failed.index < self._doom.index:
            self._doom = failed

    def due(self) -> Failed | None:
        """Give the failure whose turn has come."""
        return self._doom if self._doom is not None and self._doom.index == self.turn else None

    def held(self) -> list[Batch]:
        """Give what is held, in order."""
        return [self._held[start] for start in sorted(self._held)]

    def ranges(self) -> list[tuple[int, int]]:
        """List what is held."""
        return [(each.start, each.start + len(each.values)) for each in self._held.values()]
