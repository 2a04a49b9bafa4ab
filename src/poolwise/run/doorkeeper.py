"""Who stands between the scheduler and the gate: when the gate may be asked, and what it hears of those that are back.

The gate goes by the time that it was told last. So nothing goes through it but in a step in which the time was *told*;
after any other step it is *stale*: something has changed, and the time is asked for at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from poolwise.model.events import Chunk, Outcome
from poolwise.model.units import Seconds
from poolwise.run.gate import Gate
from poolwise.run.level import Answer


class Doorkeeper:
    """Keeps a gate for the scheduler."""

    def __init__(self, gate: Gate, refusal: Callable[[BaseException], bool] | None) -> None:
        """Keep ``gate``; ``refusal`` says of an error whether the far side could not take so many at once."""
        self.gate = gate
        self.told = False
        """The time was told in this step: what may go through goes."""
        self.stale = True
        """Something has changed since the time was told last: nothing goes through before it is told again."""
        self._refusal = refusal

    def tell(self, now_s: Seconds) -> None:
        """It is this time."""
        self.gate.tell(now_s)
        self.told = True

    def end_step(self) -> None:
        """All that could go through in this step has."""
        if self.told:
            self.gate.look()
        self.stale, self.told = not self.told, False

    def next_at(self, *, able: bool) -> Seconds | None:
        """When the gate may let something through by the clock alone, if somebody is ``able`` to take it."""
        if self.stale:
            return self.gate.now
        # What may go now and has not gone waits for a worker that starts.
        return self.gate.next_at if able and not self.gate.any_ready else None

    def release(self, chunks: Iterable[Chunk], outcome: Outcome | None) -> None:
        """Chunks are with no worker any more, whatever has become of them."""
        answer = self._answer(outcome)
        for chunk in chunks:
            for index in range(chunk.start, chunk.stop):
                self.gate.release(index, answer)

    def _answer(self, outcome: Outcome | None) -> Answer | None:
        """Say what an outcome tells of the far side; through the gate, items go one by one."""
        if outcome is None or not outcome.told:
            return None
        error = outcome.errors.get(0)
        if error is None:
            return Answer(outcome.wall_s, served=True)
        refused = self._refusal is not None and self._refusal(error.error)
        after_s = error.trouble.retry_after_s if error.trouble is not None else None
        return Answer(outcome.wall_s, served=False, refused=refused, retry_after_s=after_s)

    def problems(self, in_flight: Iterable[Chunk]) -> Iterator[str]:
        """Say what must not be."""
        yield from self.gate.problems({index for chunk in in_flight for index in range(chunk.start, chunk.stop)})
