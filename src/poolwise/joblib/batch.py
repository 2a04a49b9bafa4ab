"""A batch of tasks: how it is packed, and what a worker does with it."""

from __future__ import annotations

import contextlib
import importlib
import io
import pickle
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import cloudpickle

from poolwise.errors import ItemShippingError
from poolwise.joblib.shared import Board, Sheet, mapped, reducers_for
from poolwise.model.classes import frozen
from poolwise.model.units import Seconds
from poolwise.work.call import show_error
from poolwise.work.shipping import PROTOCOL, large

Ran: TypeAlias = tuple[Seconds, list[Any]]
"""What its tasks took, and what they gave."""


class TaskPicklingError(ItemShippingError, pickle.PicklingError):
    """A task cannot travel; a ``PicklingError``, as it is with joblib's own backends."""


@frozen
class Packed:
    """A batch as it travels."""

    body: bytes
    buffers: tuple[pickle.PickleBuffer, ...]
    sheets: list[Sheet]
    """What it names in shared memory, which is there as long as somebody holds these."""

    def let_go(self, _: object) -> None:
        """The batch is done: nobody needs its sheets. Its future may live on, and holds this method, and so them."""
        self.sheets.clear()


class Packer:
    """Packs the batches of one call."""

    def __init__(self, board: Board) -> None:
        """Put large arrays that come again on the ``board``."""
        self._board = board
        # A plain dict: cloudpickle's own is a ChainMap, written in Python, and asked for every object. Of the 300 that
        # scikit-learn sends with a task (warning filters) that is half of the time that they take.
        self._reducers: dict[type, Any] = dict(cloudpickle.Pickler.dispatch_table)

    def pack(self, batch: Any) -> Packed:  # noqa: ANN401 - joblib's BatchedCalls
        """Pack a batch; TaskPicklingError where it cannot travel."""
        parts = batch._backend, batch._n_jobs, batch.items  # noqa: SLF001 - what its own __reduce__ gives
        file = io.BytesIO()
        buffers: list[pickle.PickleBuffer] = []
        sheets: list[Sheet] = []

        def take(buffer: pickle.PickleBuffer) -> bool:
            if large(buffer) is None:
                return True
            buffers.append(buffer)
            return False

        try:
            _Pickler(file, take, self._reducers | self._for_arrays(sheets)).dump(parts)
        except Exception as error:
            raise TaskPicklingError(
                f"Could not pickle the task to send it to the workers: {show_error(error)}"
            ) from error
        return Packed(file.getvalue(), tuple(buffers), sheets)

    def _for_arrays(self, sheets: list[Sheet]) -> dict[type, Any]:
        return reducers_for(self._board, sheets.append) if "numpy" in sys.modules else {}


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no annotations
    """Pickles by value what workers may not be able to import, and large arrays by where they are found."""

    def __init__(
        self, file: io.BytesIO, take: Callable[[pickle.PickleBuffer], bool], reducers: dict[type, Any]
    ) -> None:
        # Before the pickler in C is made, which looks for it once.
        self.dispatch_table = reducers
        super().__init__(file, PROTOCOL, buffer_callback=take)


def run_batch(body: bytes, *buffers: Any) -> Ran:  # noqa: ANN401 - what a buffer becomes on its way
    """Run a batch, in a worker."""
    from joblib.parallel import parallel_config  # noqa: PLC0415 - the parent may only want to see what is here

    backend, n_jobs, items = pickle.loads(body, buffers=buffers)
    begun = time.perf_counter()
    try:
        with parallel_config(backend=backend, n_jobs=n_jobs):
            values = [function(*args, **kwargs) for function, args, kwargs in items]
    finally:
        mapped.touch()
    return time.perf_counter() - begun, values


class Start:
    """What a worker does first: the caller's initializer, where there is one.

    Unpickled, it imports modules that the first tasks need. A forkserver's nursery does that once for all workers.
    """

    def __init__(self, modules: tuple[str, ...], initializer: Callable[..., object] | None) -> None:
        """Have ``modules`` imported."""
        self._modules = modules
        self._initializer = initializer

    def __call__(self, *initargs: Any) -> None:  # noqa: ANN401 - the caller's
        """Call the initializer."""
        if self._initializer is not None:
            self._initializer(*initargs)

    def __repr__(self) -> str:
        return getattr(self._initializer, "__qualname__", repr(self._initializer))

    def __reduce__(self) -> Any:  # noqa: ANN401 - what pickle wants
        return _import_and_start, (self._modules, self._initializer)


def _import_and_start(modules: tuple[str, ...], initializer: Callable[..., object] | None) -> Start:
    for module in modules:
        # Whoever needs one that cannot be imported here says so better, where it is needed.
        with contextlib.suppress(Exception):
            importlib.import_module(module)
    return Start(modules, initializer)


def modules_of(batch: Any) -> tuple[str, ...]:  # noqa: ANN401 - joblib's BatchedCalls
    """Name the modules that a batch's functions and arguments come from."""
    names = dict.fromkeys(name for task in batch.items for name in _modules_of_task(*task))
    # What workers may not be able to import travels by value.
    return ("joblib.parallel", *(name for name in names if name in sys.modules and name != "__main__"))


def _modules_of_task(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[str]:  # noqa: ANN401
    # Decorators, scikit-learn's among them, keep what they stand for in one of these.
    inside = (getattr(function, name, None) for name in ("function", "func", "__wrapped__"))
    for each in (function, *filter(callable, inside)):
        yield getattr(each, "__module__", None) or type(each).__module__
    for value in (*args, *kwargs.values()):
        yield type(value).__module__
