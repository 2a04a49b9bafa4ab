"""Playing the scheduler: events in, instructions out, its state checked after each step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from poolwise.model.events import Chunk, ChunkDone, Emit, Event, Instruction, ItemsRead, Outcome, Send, Start, TaskError
from poolwise.model.retry import Retry
from poolwise.run.adapt import Sizing
from poolwise.run.scheduler import Scheduler
from poolwise.run.terms import Crew, Wishes


class Play:
    """A scheduler on stage: every event is followed by ``validate``, and every instruction is kept."""

    def __init__(self, items: int | None, *, known: int = 0, crew: Crew | None = None, **wishes: Any) -> None:
        if "retries" in wishes:
            wishes["retry"] = Retry(wishes.pop("retries"))
        self.scheduler = Scheduler(Wishes(**wishes), items, items if items is not None else known)
        self.script: list[Instruction] = []
        self.chunks: dict[int, list[Chunk]] = {}
        if crew is not None:
            self.use(crew)

    def use(self, crew: Crew) -> list[Instruction]:
        self.chunks.clear()
        return self._keep(self.scheduler.use(crew))

    def go_on(self, crew: Crew, **whom: Iterable[int]) -> list[Instruction]:
        """Go on with another crew, without some of the workers."""
        return self._keep(self.scheduler.go_on(crew, **whom))

    def resize(self, workers: int) -> list[Instruction]:
        """Have so many workers at work."""
        return self._keep(self.scheduler.resize(workers))

    def tell(self, *events: Event | ItemsRead) -> list[Instruction]:
        """Tell events; give the instructions to all of them."""
        return [each for event in events for each in self._keep(self.scheduler.handle(event))]

    def done(self, worker: int, errors: dict[int, Exception] | None = None, wall_s: float = 0.001) -> list[Instruction]:
        """Let a worker finish its first chunk: each value is its item's number."""
        chunk = self.chunks[worker].pop(0)
        told = {offset: TaskError(error) for offset, error in (errors or {}).items()}
        values = [None if offset in told else chunk.start + offset for offset in range(len(chunk))]
        return self.tell(ChunkDone(worker, chunk.id, Outcome(values, told, wall_s)))

    def take(self, count: int) -> list[Instruction]:
        """Let the consumer take results."""
        return self._keep(self.scheduler.taken(count))

    def sent(self) -> list[tuple[int, int, int]]:
        """Name all chunks sent so far: worker, start, stop."""
        return [(each.worker, each.chunk.start, each.chunk.stop) for each in self.script if isinstance(each, Send)]

    def emitted(self) -> list[Any]:
        """Give all values emitted so far, failures as ``Failed``."""
        return [
            each.batch.failures.get(offset, value)
            for each in self.script
            if isinstance(each, Emit)
            for offset, value in enumerate(each.batch.values)
        ]

    def _keep(self, instructions: list[Instruction]) -> list[Instruction]:
        self.scheduler.validate()
        self.script += instructions
        for each in instructions:
            if isinstance(each, Start):
                self.chunks[each.worker] = []
            elif isinstance(each, Send):
                self.chunks[each.worker].append(each.chunk)
        return instructions


def crew(
    workers: int = 1,
    chunksize: int | None = 1,
    depth: int = 1,
    *,
    marked: bool = False,
    at_once: bool = False,
    gives_back: bool = False,
    **sizing: Any,
) -> Crew:
    """Staff a backend."""
    return Crew(
        workers=workers,
        depth=depth,
        marked=marked,
        at_once=at_once,
        gives_back=gives_back,
        sizing=Sizing(chunksize=chunksize, **sizing),
    )


def ranges(instructions: list[Instruction]) -> list[tuple[int, int, bool]]:
    """Name the chunks in the order in which they are sent: start, stop, marked."""
    return [(each.chunk.start, each.chunk.stop, each.chunk.marked) for each in instructions if isinstance(each, Send)]
