"""Functions that workers of a pool learn when they are first needed: how they travel, and who knows which.

A function is known by how it is packed: one that was changed since is another, and none is kept alive by being known.
"""

from __future__ import annotations

import itertools
import pickle
import types
from collections.abc import Callable
from typing import Any

from poolwise.errors import FunctionShippingError
from poolwise.model.classes import field, mutable
from poolwise.model.units import Bytes
from poolwise.work.call import Call, make_call, show_error
from poolwise.work.chunk import ChunkRules
from poolwise.work.packing import Broken, dumps
from poolwise.work.shipping import PROTOCOL, unshippable

# In the place of a function's number: tasks that were submitted one by one, each of which names its function.
SINGLES = -1
POOL_RULES = ChunkRules(stop_at_error=False)

# A program that makes a new function for every task must not fill the workers' memory with them, nor with the large
# arrays that they refer to.
MOST_FUNCTIONS = 256
MOST_FUNCTION_BYTES: Bytes = 64 << 20


def pack_function(function: Any, *, spread: bool, where: str = "another process") -> bytes:  # noqa: ANN401 - whatever can be called
    """Pickle a function for a worker that is there already; FunctionShippingError says why it cannot travel."""
    from poolwise.work.variables import portable  # noqa: PLC0415 - not where all is inherited

    try:
        with portable():
            return dumps((function, spread), by_value=True)
    except (Exception, SystemExit) as error:
        raise unshippable(make_call(function, spread=spread).name, error, where) from error


def pack_by_name(function: Any, *, spread: bool) -> bytes | None:  # noqa: ANN401 - whatever can be called
    """Pack a function as a module and a name in it, where that may do: a tenth of ``pack_function``'s time.

    Whether it does, ``pack_function`` says: what it has packed to the same bytes travels by name.
    """
    if type(function) is not types.FunctionType:
        return None
    try:
        return pickle.dumps((function, spread), PROTOCOL)
    except Exception:  # noqa: BLE001 - a module's __getattr__ may raise anything; pack_function tells what matters
        return None


class Teacher:
    """Knows, in the caller's process, which worker knows which functions."""

    def __init__(
        self,
        tell: Callable[[int, int, bytes | None], None],
        where: str = "another process",
        look: Callable[[Any], object] | None = None,
    ) -> None:
        """``tell(worker, number, packed)`` has a worker know a function by a number, or (None) forget it.

        It must have arrived before whatever is sent to that worker later. ``where``: how errors call a worker's place.
        ``look`` is called with a function before it is packed.
        """
        self._tell, self._look = tell, look
        self._where = where
        self._known: dict[bytes, Known] = {}
        self._known_bytes: Bytes = 0
        self._packed: dict[tuple[int, bool], tuple[Any, bytes]] = {}
        self._numbers = itertools.count(1)

    def teach(self, worker: int, function: Any, *, spread: bool = False) -> int:  # noqa: ANN401 - whatever can be called
        """Give the number by which the worker knows a function, as it is now; FunctionShippingError if it cannot."""
        key = (id(function), spread)
        if key not in self._packed:
            if self._look is not None:
                self._look(function)
            named = pack_by_name(function, spread=spread)
            packed = named if named in self._known else pack_function(function, spread=spread, where=self._where)
            # The function itself is kept with it, so that no other gets its id meanwhile.
            self._packed[key] = function, packed
        packed = self._packed[key][1]
        known = self._known.pop(packed, None)
        if known is None:
            known = Known(next(self._numbers))
            self._known_bytes += len(packed)
        # The one that was used last goes to the end.
        self._known[packed] = known
        if worker not in known.workers:
            known.workers.add(worker)
            self._tell(worker, known.number, packed)
        return known.number

    def end_round(self) -> None:
        """Look at functions anew from here on: what they refer to may have changed until the next chunk."""
        self._packed.clear()

    def forget_old(self) -> None:
        """Keep to the limits; only after what was sent, which may need them all."""
        while len(self._known) > 1 and (len(self._known) > MOST_FUNCTIONS or self._known_bytes > MOST_FUNCTION_BYTES):
            packed = next(iter(self._known))
            self._known_bytes -= len(packed)
            old = self._known.pop(packed)
            for worker in old.workers:
                self._tell(worker, old.number, None)


@mutable
class Known:
    """A function that workers know by its number."""

    number: int
    workers: set[int] = field(default_factory=set)


class Learnt:
    """Knows, in a worker, the functions that it was taught."""

    def __init__(self, call: Call, rules: ChunkRules) -> None:
        """Know the job's own, by the number 0."""
        self._calls: dict[int, tuple[Call, ChunkRules]] = {0: (call, rules)}

    def learn(self, number: int, packed: bytes | None) -> None:
        """Keep a function that later chunks and tasks name by its number, or (None) forget it."""
        if packed is None:
            del self._calls[number]
            return
        try:
            function, spread = pickle.loads(packed)
            self._calls[number] = make_call(function, spread=spread), POOL_RULES
        except Exception as error:  # noqa: BLE001 - modules may be missing here; each of its tasks is told so
            self._calls[number] = Call(_raising(error)), POOL_RULES

    def call(self, number: int) -> tuple[Call, ChunkRules]:
        """Give what a chunk's number stands for."""
        return self._calls[number]

    def run_single(self, task: Any) -> Any:  # noqa: ANN401 - whatever the task gives
        """Run a task that was submitted by itself: function number, arguments, keyword arguments."""
        if task is None:
            # It was cancelled while it waited.
            return None
        if isinstance(task, Broken):
            raise task.error
        number, args, kwargs = task
        return self._calls[number][0].function(*args, **kwargs)


def _raising(error: Exception) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:  # noqa: ANN401 - stands for any function
        raise FunctionShippingError(
            f"the function could not be loaded in a worker ({show_error(error)}): its module must be importable there"
        ) from error

    return fail
