"""How items and results are packed for the way between a worker and its parent.

A list is packed into a *parcel*, so that one bad value costs itself only: built-in values are one pickle, anything else
is a pickle for each value (``work/shipping.py``). Large buffers inside a value lie in the arena.

A body of 64 KiB and more travels through the arena too, the rest through the socket.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

from poolwise.errors import ItemShippingError, ResultShippingError, ShippingError
from poolwise.model.classes import frozen
from poolwise.model.events import TaskError
from poolwise.model.units import Bytes
from poolwise.work.call import Call, short_repr, show_error
from poolwise.work.chunk import Mark
from poolwise.work.shipping import LEAST_BUFFER, PROTOCOL, large, pickle_one, pickle_plain

Place: TypeAlias = tuple[int, Bytes, bool]
"""A buffer in the arena: where, how large, and whether it may be written to."""


class Parcel(NamedTuple):
    """What travels in a message in the place of a list of values; its body follows the message, or is in the arena."""

    pieces: tuple[tuple[Bytes, tuple[Place, ...]], ...] | None
    """For each value the length of its pickle and its buffers; None: all values are one pickle."""
    body: tuple[int, Bytes] | None
    """Where in the arena the body is; None: behind the message."""
    size: Bytes
    """All bytes, buffers included."""


class Writer(Protocol):
    """Puts large buffers where the other side can read them (the engine's arena)."""

    def put(self, buffer: bytes | memoryview, /) -> int | None:
        """Copy a buffer there and give its place; None where it does not fit."""
        ...

    def release(self, places: Iterable[int], /) -> None:
        """Nobody needs these any more."""
        ...


class Reader(Protocol):
    """Reads what the other side's ``Writer`` has put somewhere."""

    def buffer(self, place: int, size: Bytes, /) -> memoryview:
        """Give a buffer that lasts as long as somebody holds it."""
        ...

    def peek(self, place: int, size: Bytes, /) -> memoryview:
        """Look at one for a moment."""
        ...

    def done(self, place: int, /) -> None:
        """Nobody looks at it any more."""
        ...


Packed: TypeAlias = tuple[Parcel, "bytes | memoryview"]
Instead: TypeAlias = "Callable[[BaseException, int], object]"
"""What stands in the place of a value that could not be unpickled."""


@frozen
class Broken:
    """Travels in the place of an item that cannot; the worker raises its error as that item's failure."""

    error: BaseException


def checked(call: Call) -> Call:
    """Where an item could not travel, let it fail as that item, and no other."""

    def run(item: Any) -> Any:  # noqa: ANN401 - any item, any result
        if isinstance(item, Broken):
            raise item.error
        return call.function(*item) if call.spread else call.function(item)

    return Call(run, coroutine=call.coroutine)


class Buffers:
    """The large buffers of one value, on their way into the arena."""

    def __init__(self, get_writer: Callable[[], Writer | None]) -> None:
        """Have none yet."""
        self._get_writer = get_writer
        self.places: list[Place] = []
        self.size: Bytes = 0

    def take(self, buffer: pickle.PickleBuffer) -> bool:
        """Take a buffer out of the pickle, or (true, as pickle wants it) leave it in."""
        raw = large(buffer)
        if raw is None or (writer := self._get_writer()) is None or (place := writer.put(raw)) is None:
            return True
        self.places.append((place, raw.nbytes, not raw.readonly))
        self.size += raw.nbytes
        return False

    def undo(self) -> None:
        """The pickle failed, and nobody will ever read these."""
        if self.places and (writer := self._get_writer()) is not None:
            writer.release([place for place, _, _ in self.places])
        self.places, self.size = [], 0


def dumps(value: Any, *, by_value: bool, buffers: Buffers | None = None) -> bytes:  # noqa: ANN401 - anything may have to travel
    """Pickle ``value``, its large ``buffers`` into the arena; see ``pickle_one``."""
    if buffers is None:
        return pickle_one(value, by_value=by_value)
    return pickle_one(value, by_value=by_value, take=buffers.take, undo=buffers.undo)


class Packer:
    """Packs lists of values on one side of a channel."""

    def __init__(self, get_writer: Callable[[], Writer | None], *, by_value: bool) -> None:
        """Pack for a process that was forked from here (or the other way round), or ``by_value``."""
        self._get_writer = get_writer
        self._by_value = by_value

    def items(self, items: Sequence[Any]) -> Packed:
        """Pack items for a worker; one that cannot travel becomes a ``Broken``."""
        return self._plain(items) or self._each(items, self._item)

    def tasks(self, tasks: Sequence[Any]) -> Packed:
        """Pack a pool's tasks (function number, arguments, keyword arguments); see ``items``."""
        return self._plain(tasks) or self._each(tasks, self._task)

    def values(self, values: Sequence[Any], errors: dict[int, TaskError], mark: Mark | None = None) -> Packed:
        """Pack results for the parent; one that cannot travel moves to ``errors``.

        Each is marked as it is packed: its ``__reduce__`` is the user's code too, and may kill the worker.
        """

        def value_or_error(value: Any, offset: int, buffers: Buffers) -> bytes:  # noqa: ANN401 - any result
            if mark is not None:
                mark(offset)
            return self._value(value, offset, buffers, errors)

        return self._plain(values) or self._each(values, value_or_error)

    def _plain(self, values: Sequence[Any]) -> Packed | None:
        body = pickle_plain(values)
        return self._parcel(None, body, 0) if body is not None else None

    def _each(self, values: Sequence[Any], pack: Callable[[Any, int, Buffers], bytes]) -> Packed:
        bodies, pieces, extra = [], [], 0
        for offset, value in enumerate(values):
            buffers = Buffers(self._get_writer)
            body = pack(value, offset, buffers)
            bodies.append(body)
            pieces.append((len(body), tuple(buffers.places)))
            extra += buffers.size
        return self._parcel(tuple(pieces), b"".join(bodies), extra)

    def _parcel(
        self, pieces: tuple[tuple[Bytes, tuple[Place, ...]], ...] | None, body: bytes | memoryview, extra: Bytes
    ) -> Packed:
        size = len(body)
        if size >= LEAST_BUFFER and (writer := self._get_writer()) is not None:
            place = writer.put(body)
            if place is not None:
                return Parcel(pieces, (place, size), size + extra), b""
        return Parcel(pieces, None, size + extra), body

    def _item(self, item: Any, offset: int, buffers: Buffers) -> bytes:  # noqa: ANN401 - any item
        return self._item_or_broken(item, buffers, "the item", item)

    def _task(self, task: Any, offset: int, buffers: Buffers) -> bytes:  # noqa: ANN401 - None and Broken, too
        args, kwargs = task[1:] if isinstance(task, tuple) else ((), {})
        return self._item_or_broken(task, buffers, "the task's arguments", (*args, kwargs) if kwargs else args)

    def _item_or_broken(self, item: Any, buffers: Buffers, what: str, shown: Any) -> bytes:  # noqa: ANN401 - any item
        try:
            return dumps(item, by_value=self._by_value, buffers=buffers)
        except (Exception, SystemExit) as problem:  # noqa: BLE001 - see dumps
            buffers.undo()
            advice = "pass what it is made from (a path, a key, arguments) and let the function make it"
            return pickle.dumps(Broken(_complaint(ItemShippingError, what, shown, problem, advice)), PROTOCOL)

    def _value(self, value: Any, offset: int, buffers: Buffers, errors: dict[int, TaskError]) -> bytes:  # noqa: ANN401 - any result
        try:
            return dumps(value, by_value=self._by_value, buffers=buffers)
        except (Exception, SystemExit) as problem:  # noqa: BLE001 - see dumps
            buffers.undo()
            advice = "return plain data instead, or use backend='threads', where results do not travel"
            errors[offset] = TaskError(_complaint(ResultShippingError, "the result", value, problem, advice))
            return NOTHING


class Unpacker:
    """Unpacks what the other side has packed."""

    def __init__(self, get_reader: Callable[[], Reader | None]) -> None:
        """Read large buffers from an arena."""
        self._get_reader = get_reader

    def items(self, parcel: Parcel, body: memoryview, mark: Mark | None = None) -> Sequence[Any]:
        """Unpack items in the worker; one that cannot be unpacked becomes a ``Broken``.

        Each is marked as it is unpacked: its ``__setstate__`` is the user's code too, and may kill the worker or hang.
        """

        def broken(problem: BaseException, _: int) -> Broken:
            return Broken(
                ItemShippingError(
                    f"the item could not be unpickled in the worker ({show_error(problem)}); "
                    "its class must be importable there and accept what it pickles"
                )
            )

        return self._unpack(parcel, body, broken, mark)

    def values(self, parcel: Parcel, body: memoryview, errors: dict[int, TaskError]) -> Sequence[Any]:
        """Unpack results in the parent; one that cannot be unpacked moves to ``errors``."""

        def failed(problem: BaseException, offset: int) -> None:
            errors[offset] = TaskError(
                ResultShippingError(
                    f"the result could not be unpickled here ({show_error(problem)}); "
                    "its class must accept what it pickles (see __reduce__ and __setstate__)"
                )
            )

        return self._unpack(parcel, body, failed)

    def _unpack(self, parcel: Parcel, body: memoryview, instead: Instead, mark: Mark | None = None) -> Sequence[Any]:
        if parcel.body is None:
            return self._open(parcel, body, instead, mark)
        reader, (place, size) = self._reader(), parcel.body
        try:
            with reader.peek(place, size) as inside:
                return self._open(parcel, inside, instead, mark)
        finally:
            reader.done(place)

    def _open(self, parcel: Parcel, body: memoryview, instead: Instead, mark: Mark | None) -> Sequence[Any]:
        if parcel.pieces is None:
            whole: Sequence[Any] = pickle.loads(body)
            return whole
        values, begin = [], 0
        for offset, (length, places) in enumerate(parcel.pieces):
            if mark is not None:
                mark(offset)
            buffers = [self._buffer(place) for place in places]
            try:
                values.append(pickle.loads(body[begin : begin + length], buffers=buffers))
            except (Exception, SystemExit) as problem:  # noqa: BLE001 - a __setstate__ may raise anything, and modules may be missing here
                values.append(instead(problem, offset))
            begin += length
        return values

    def _buffer(self, place: Place) -> memoryview:
        where, size, writable = place
        buffer = self._reader().buffer(where, size)
        return buffer if writable else buffer.toreadonly()

    def _reader(self) -> Reader:
        reader = self._get_reader()
        if reader is None:
            msg = "the other side of a channel has an arena, and this one could not map it (address space limit?)"
            raise MemoryError(msg)
        return reader


def _complaint(
    kind: type[ShippingError],
    what: str,
    value: Any,  # noqa: ANN401
    problem: BaseException,
    advice: str,
) -> ShippingError:
    return kind(f"{what} {short_repr(value)} cannot be pickled ({show_error(problem)}); {advice}")


NOTHING = pickle.dumps(None, PROTOCOL)
