"""The other side of ``guest.py``: what goes in to a guest as bytes, and what comes out.

For workers that live elsewhere under somebody else's care: in another interpreter of this process, or on a cluster.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from poolwise.model.events import Outcome
from poolwise.work.functions import SINGLES
from poolwise.work.packing import Packer, Parcel, Unpacker
from poolwise.work.raised import unpack_error
from poolwise.work.shipping import PROTOCOL, pickle_one, unshippable
from poolwise.work.variables import portable, take_variables

if TYPE_CHECKING:
    from poolwise.errors import PoolwiseError
    from poolwise.model.units import Bytes
    from poolwise.work.guest import Said
    from poolwise.work.job import Job

Lesson: TypeAlias = tuple[int, "bytes | None"]
"""A function's number, and the function as it travels; None: forget it."""

SILENT = (False, False)
"""What is printed goes where the guest's process has it go."""


def pack_job(job: Job, where: str) -> bytes:
    """Pickle the job, and the caller's context variables beside it; raises FunctionShippingError.

    ``where`` it goes is named in the error.
    """
    module = getattr(job.call.function, "__module__", None) or "the function"
    try:
        with portable():
            packed = pickle_one(job.without_items(), by_value=True)
    except (Exception, SystemExit) as error:
        raise unshippable(job.call.name, error, where) from error
    return pickle.dumps((packed, tuple(take_variables()), f"module {module!r}"), PROTOCOL)


def open_greeting(reply: bytes) -> tuple[Said, PoolwiseError | None]:
    """Read what ``guest.begin`` gave: what was printed, and why the guest cannot work, if so."""
    said, problem = pickle.loads(reply)
    if problem is None:
        return said, None
    error: Any = unpack_error(problem).as_raised()
    return said, error


class Mail:
    """Packs chunks for guests, and opens their replies; for one thread at a time."""

    def __init__(self) -> None:
        """Send everything in the pickle: there is no memory that both sides see."""
        self._packer, self._unpacker = Packer(_no_arena, by_value=True), Unpacker(_no_arena)

    def pack(
        self,
        start: int,
        items: Sequence[Any],
        *,
        heard: tuple[bool, ...] = SILENT,
        number: int = 0,
        lessons: tuple[Lesson, ...] = (),
    ) -> tuple[bytes, Bytes]:
        """Pack the items from number ``start`` on; give the message, and what the items take of it.

        ``number`` is that of their function (0: the job's own; ``SINGLES``: each names its own), after what the guest
        has to learn.
        """
        parcel, body = self._packer.tasks(items) if number == SINGLES else self._packer.items(items)
        return pickle.dumps((start, heard, number, lessons, parcel, bytes(body)), PROTOCOL), parcel.size

    def open(self, reply: bytes, count: int, item_bytes: Bytes) -> tuple[Said, Outcome]:
        """Open the reply to ``count`` items that took ``item_bytes``: what was printed, and what came of them."""
        said, (wall_s, cpu_s, ended_s, each_s), back, values_body, told = pickle.loads(reply)
        errors = {offset: unpack_error(each) for offset, each in told.items()}
        values = self._unpacker.values(Parcel(*back), memoryview(values_body), errors)
        sizes = (item_bytes / max(1, count), back[-1] / max(1, len(values)))
        return said, Outcome(values, errors, wall_s, cpu_s, *sizes, ended_s=ended_s, each_s=each_s)


def _no_arena() -> None:
    """Say that everything travels in the pickle."""
