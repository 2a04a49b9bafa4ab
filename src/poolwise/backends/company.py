"""Several backends as one: the worker that runs the first items, and those that keep it company.

Each worker belongs to the backend that started it, under the same number. Which backend starts the next one is said by
``starts``. So a run can begin in the calling thread, have threads or processes beside it a millisecond later, and go
on with them, while nothing that is under way has to be waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, cast

from poolwise.backends.protocol import Backend, Hear
from poolwise.model.events import Chunk, ChunkDone, Event
from poolwise.model.options import BackendName
from poolwise.model.units import Seconds

if TYPE_CHECKING:
    from poolwise.backends.processes import ProcessesBackend

# Where workers of two kinds are at work, which is so for moments only, each kind is asked so often.
TURN_S: Seconds = 0.001
FIRST = 0
"""The number of the worker that runs the first items."""


class Company:
    """Workers of several backends under one set of numbers."""

    def __init__(
        self,
        kind: BackendName,
        first: Backend,
        make: Callable[[BackendName], Backend],
        lent: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """Begin with the backend of the first worker; ``make`` gives others when they are first wanted.

        Where the calling thread is the first worker, it is ``lent`` to the function while an item runs.
        """
        self.starts: BackendName = kind
        """The kind of the workers that are started next."""
        self.kinds: dict[int, BackendName] = {}
        """What each worker is, or was."""
        self.ended: set[int] = set()
        """Those that were told to end, or whose backend was closed."""
        self._backends: dict[BackendName, Backend] = {kind: first}
        self._make = make
        self._lent = lent
        self._here = kind == "loop"
        # The calling thread answers to each start and each chunk once.
        self._due = 0
        self.hear: Callable[[ChunkDone], object] | None = None
        """Called with each chunk that is done."""

    def backend(self, kind: BackendName) -> Backend:
        """Give the backend of a kind, which is made when it is first asked for."""
        if kind not in self._backends:
            self._backends[kind] = self._make(kind)
        return self._backends[kind]

    @property
    def processes(self) -> ProcessesBackend:
        """Give the worker processes, which can do more than other backends."""
        return cast("ProcessesBackend", self.backend("processes"))

    @property
    def helpers(self) -> int:
        """Threads of ours that are no workers."""
        return sum(getattr(backend, "helpers", 0) for backend in self._backends.values())

    def of_other_kinds(self, kind: BackendName) -> list[int]:
        """List the workers that are of any other kind, or are gone."""
        return [worker for worker, its in self.kinds.items() if its != kind or worker in self.ended]

    def there(self, kind: BackendName) -> int:
        """Count the workers of a kind that were started and not told to end: who was may have ended by now."""
        return sum(1 for worker, its in self.kinds.items() if its == kind and worker not in self.ended)

    def dismiss(self, kind: BackendName) -> None:
        """Close a backend that has nothing to do; its workers are not to be sent anything any more."""
        backend = self._backends.pop(kind, None)
        if backend is not None:
            self.ended |= {worker for worker, its in self.kinds.items() if its == kind}
            backend.close(abort=False)

    def close_others(self) -> None:
        """Close all backends but the one of the calling thread, whatever their workers do."""
        others: list[BackendName] = [kind for kind in self._backends if kind != "loop"]
        for kind in others:
            self.ended |= {worker for worker, its in self.kinds.items() if its == kind}
            self._backends.pop(kind).close(abort=True)

    def has(self, kind: BackendName) -> bool:
        """Tell whether the backend of a kind is there."""
        return kind in self._backends

    # --- A backend like any other -----------------------------------------------------------------------------

    def start(self, worker: int) -> None:
        """Start a worker of the kind that is due."""
        self.kinds[worker] = self.starts
        self._due += self.starts == "loop"
        self.backend(self.starts).start(worker)

    def send(self, worker: int, chunk: Chunk, items: Sequence[Any] | None) -> None:
        """Hand it to the worker's backend."""
        kind = self.kinds[worker]
        self._due += kind == "loop"
        self._backends[kind].send(worker, chunk, items)

    def flush(self) -> None:
        """Tell them all."""
        for backend in self._backends.values():
            backend.flush()

    def inherits_items(self, worker: int) -> bool:
        """Ask the worker's backend."""
        return self._backends[self.kinds[worker]].inherits_items(worker)

    def take_back(self, worker: int, *, whole: bool = False) -> None:
        """Ask the worker's backend."""
        self._backends[self.kinds[worker]].take_back(worker, whole=whole)

    def end(self, worker: int) -> None:
        """Ask the worker's backend."""
        self.ended.add(worker)
        self._backends[self.kinds[worker]].end(worker)

    def wait(self, timeout_s: Seconds | None) -> list[Event]:
        """Run what the calling thread has to run; else wait for the others. With 0, ask the others only."""
        if self._due and timeout_s != 0:
            with self._lent():
                events = self._backends["loop"].wait(None)
            self._due -= len(events)
            events += self._ask(0)
        else:
            events = self._ask(timeout_s)
        if self.hear is not None:
            for event in events:
                if isinstance(event, ChunkDone):
                    self.hear(event)
        return events

    def tell_there(self, hear: Hear) -> bool:
        """Say no: who waits has more to do than to hear."""
        return False

    def wake(self) -> None:
        """Wake them all, from any thread."""
        # A list of a dict's values is made in one go, a tuple is not where there is no GIL.
        for backend in [*self._backends.values()]:
            backend.wake()

    def close(self, *, abort: bool) -> None:
        """Close them all."""
        try:
            while self._backends:
                # The first one ends the thread that looks on, which may be making another at this very moment.
                kind = next(iter(self._backends))
                self._backends[kind].close(abort=abort)
                del self._backends[kind]
        except BaseException:
            # A Ctrl-C must not leave the others; to close again what is closed does nothing.
            for backend in tuple(self._backends.values()):
                backend.close(abort=True)
            raise

    def _ask(self, timeout_s: Seconds | None) -> list[Event]:
        others = [backend for kind, backend in self._backends.items() if kind != "loop"]
        if not others:
            # The calling thread has nothing to run before some time has come.
            return self._backends["loop"].wait(timeout_s) if timeout_s and "loop" in self._backends else []
        if len(others) == 1:
            return others[0].wait(timeout_s)
        turn_s = TURN_S if timeout_s is None else min(TURN_S, timeout_s)
        events = [event for backend in others[1:] for event in backend.wait(0)]
        return events + others[0].wait(0 if events else turn_s)
