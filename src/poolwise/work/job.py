"""What whoever runs the work needs to know of it, whatever the backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from poolwise.errors import InitializerError
from poolwise.model.classes import field, frozen, replace
from poolwise.model.units import Bytes
from poolwise.work.call import Call, show_error
from poolwise.work.chunk import ChunkRules, is_ctrl_c
from poolwise.work.items import Indexed, Items

if TYPE_CHECKING:
    from poolwise.work.eventloop import Home


@frozen(kw_only=True)
class Job:
    """What a backend needs to know of the work."""

    call: Call
    items: Items
    rules: ChunkRules = field(default_factory=ChunkRules)
    initializer: Callable[..., object] | None = None
    initargs: tuple[Any, ...] = ()
    event_loop: Home | None = None
    """The caller's running loop, where coroutines must run in it; None: a loop of our own in a thread."""

    memory_limit: Bytes | None = None
    """What a worker process may grow by before it is replaced; None: no limit."""
    cores: int = 1
    """Cores that all workers share."""
    inner_max_num_threads: int | None = None
    """Threads that a library may have in a worker process; None: the worker's share of the cores."""
    cluster: Any = None
    """The connection (``backends.cluster``) to the cluster that is meant; None: the one that this program has."""
    seed: int | None = None
    """Each item's random streams are made of this and its index; None: as it comes."""

    into: list[Any] | None = None
    """The list that all values end in, in order, where a chunk that runs in this thread may put its own at once."""

    def without_items(self) -> Job:
        """Give the job as it travels: the items come in chunks, and the event loop and the caller's list stay here."""
        return replace(self, items=Indexed(([],)), event_loop=None, into=None, cluster=None)

    def initialize(self) -> None:
        """Call the initializer; what it raises is the cause of an InitializerError."""
        if self.initializer is None:
            return
        try:
            self.initializer(*self.initargs)
        except BaseException as error:
            # Whatever it is: a sys.exit that only ended the worker's thread would leave everybody waiting for it.
            if is_ctrl_c(error):
                raise
            name = getattr(self.initializer, "__qualname__", repr(self.initializer))
            msg = f"the initializer {name} raised {show_error(error)}; no worker can start without it"
            raise InitializerError(msg) from error
