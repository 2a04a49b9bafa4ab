"""What every backend is to the driver, and the table of what each can do.

A backend runs chunks on workers, which it knows by the numbers that the driver gives them. It takes orders without
waiting and tells what happened when asked (``wait``). It decides nothing: the scheduler says what goes where.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol, TypeAlias

from poolwise.errors import InternalError
from poolwise.model.classes import frozen
from poolwise.model.events import Chunk, Event
from poolwise.model.options import BackendName
from poolwise.model.units import Seconds

Hear: TypeAlias = Callable[[Sequence[Event]], bool]
"""Takes in what has happened, or says no: then ``wait`` tells it."""

TimeoutPower: TypeAlias = Literal["kills", "cancels", "abandons", "tells"]


@frozen
class Capabilities:
    """What a backend can do; `decide`, the driver and the docs read this one table."""

    timeout: TimeoutPower
    """An item that is late: its worker is killed; its task is cancelled at its next await; its thread is left
    behind; or nothing can be done before it ends, and it is told then."""
    survives_death: bool
    """A function that kills its worker (a segmentation fault, the OOM killer) costs that item only."""
    computes_in_parallel: bool
    """Pure-Python computing runs side by side, GIL or not."""
    coroutines: Literal["many", "one"]
    """Coroutine functions: many at a time in a worker, or one."""
    plain_functions: bool
    """Ordinary functions run."""
    ships: bool
    """Items and results travel between processes or interpreters, so that they must be picklable."""
    gives_back: bool
    """What a worker was given and has not begun can be taken back for another."""
    depth: int
    """Chunks that a worker is given ahead: 2 where fetching the next one would make it idle."""


CAPABILITIES: dict[BackendName, Capabilities] = {
    "loop": Capabilities("tells", False, False, "one", True, False, False, 1),  # noqa: FBT003 - a table reads by its columns
    "threads": Capabilities("abandons", False, False, "one", True, False, False, 1),  # noqa: FBT003
    "processes": Capabilities("kills", True, True, "many", True, True, True, 2),  # noqa: FBT003
    "interpreters": Capabilities("abandons", False, True, "one", True, True, False, 1),  # noqa: FBT003
    "asyncio": Capabilities("cancels", False, False, "many", False, False, False, 1),  # noqa: FBT003
    "dask": Capabilities("abandons", True, True, "one", True, True, False, 2),  # noqa: FBT003
    "ray": Capabilities("kills", True, True, "one", True, True, False, 2),  # noqa: FBT003
}


class Backend(Protocol):
    """Runs chunks on numbered workers."""

    def start(self, worker: int) -> None:
        """Begin to start a worker; WorkerReady tells when it can take chunks."""
        ...

    def send(self, worker: int, chunk: Chunk, items: Sequence[Any] | None) -> None:
        """Give a worker a chunk; a worker runs its chunks in the order given. None: it has the items already."""
        ...

    def flush(self) -> None:
        """No more orders come for now: what was only written down must go out."""
        ...

    def inherits_items(self, worker: int) -> bool:
        """Tell whether a worker has the items already."""
        ...

    def take_back(self, worker: int, *, whole: bool = False) -> None:
        """Take back half (or the ``whole``) of what a worker has not begun, if the table says that this can.

        TakenBack tells what came.
        """
        ...

    def end(self, worker: int) -> None:
        """End a worker that has nothing to do; nothing is told of it."""
        ...

    def wait(self, timeout_s: Seconds | None) -> list[Event]:
        """Wait until something happens, at most ``timeout_s`` (0: not at all), and tell it."""
        ...

    def tell_there(self, hear: Hear) -> bool:
        """Tell what happens to ``hear`` first, in the thread where it happens; say whether that can be done.

        ``hear`` may give orders meanwhile, as who waits does.
        """
        ...

    def wake(self) -> None:
        """Make a ``wait`` in another thread return; safe to call at any time, from any thread."""
        ...

    def close(self, *, abort: bool) -> None:
        """End all workers. With ``abort`` at once, whatever they do; else they have nothing to do any more."""
        ...


class InThisProcess:
    """What backends have in common whose workers are no other processes."""

    def flush(self) -> None:
        """Do nothing: orders go out at once."""

    def inherits_items(self, worker: int) -> bool:
        """Say no: items are handed over as they are."""
        return False

    def take_back(self, worker: int, *, whole: bool = False) -> None:
        """Refuse: the table says that nothing can be taken back."""
        raise InternalError(f"worker {worker} of {type(self).__name__} was asked to give something back")

    def end(self, worker: int) -> None:
        """Do nothing: it is there until all are ended."""

    def tell_there(self, hear: Hear) -> bool:
        """Say no: what happens is told by ``wait``."""
        return False
