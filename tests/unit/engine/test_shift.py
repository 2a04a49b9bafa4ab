"""What a worker does with a chunk, in this process: blocks, parts, what was taken back, and errors."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from poolwise.engine import shift as module
from poolwise.engine.channel import Message
from poolwise.engine.growth import Growth
from poolwise.engine.memory import UNLIMITED, WorkerMemory
from poolwise.engine.shift import GROWTH, Gathered, Shift
from poolwise.model.events import Outcome
from poolwise.work.call import make_call
from poolwise.work.chunk import ChunkRules
from poolwise.work.items import make_items
from poolwise.work.job import Job
from poolwise.work.packing import Packer, Parcel, Unpacker
from poolwise.work.raised import unpack_error


class FakeVoice:
    """Gives a shift the messages that were put there, and keeps what it says."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[Message, bytes]] = deque()
        self.said: list[tuple[Message, bytes]] = []

    def receive(self) -> tuple[Message, memoryview]:
        message, body = self.waiting.popleft() if self.waiting else (("stop",), b"")
        return message, memoryview(body)

    def send(self, message: Message, body: Any = b"") -> None:
        self.said.append((message, bytes(body)))


class Stage:
    """A worker without a process."""

    def __init__(self, function: Callable[[Any], Any], count: int = 1000, **rules: Any) -> None:
        self.memory = WorkerMemory.create()
        self.marks = self.memory.marks
        self.voice: Any = FakeVoice()
        call, items = make_call(function, spread=False), make_items((range(count),))
        job = Job(call=call, items=items, rules=ChunkRules(**{"stop_at_error": True, **rules}))
        self.shift = Shift(job, self.voice, self.memory, Growth(None), tasks=1, by_value=False)

    def chunk(
        self, start: int, stop: int, *, place: int | None = None, items: list[Any] | None = None, **more: Any
    ) -> None:
        """Put a chunk there; without ``items``, the worker has them."""
        parcel, body = Packer(lambda: None, by_value=False).items(items) if items is not None else (None, b"")
        at = start if place is None else place
        self.voice.waiting.append(
            (("chunk", 7, 0, start, stop, at, more.get("marked", False), parcel, []), bytes(body))
        )

    def serve(self) -> list[tuple[list[Any], bool, bool]]:
        """Serve until all is done; give the parts: values, whether more follow, whether the rest is left."""
        self.shift.serve()
        return [(self.values(*each), each[0][2], each[0][3]) for each in self.voice.said if each[0][0] == "done"]

    def values(self, message: Message, body: bytes) -> list[Any]:
        return list(Unpacker(lambda: None).values(Parcel(*message[5]), memoryview(body), {}))

    def errors(self) -> dict[int, str]:
        """Give the errors that were told, by their places in what was said."""
        told = [message[6] for message, _ in self.voice.said if message[0] == "done"]
        return {offset: repr(unpack_error(packed).error) for each in told for offset, packed in each.items()}


@pytest.fixture
def blocks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Give the sizes of the blocks that are run, as they are run."""
    sizes: list[int] = []
    run_chunk = module.run_chunk

    def counted(call: Any, items: Any, *rest: Any, **more: Any) -> Any:
        sizes.append(len(items))
        return run_chunk(call, items, *rest, **more)

    monkeypatch.setattr(module, "run_chunk", counted)
    return sizes


@pytest.fixture
def stages() -> Iterator[Callable[..., Stage]]:
    """Make stages; their memory is closed at the end."""
    made: list[Stage] = []

    def make(function: Callable[[Any], Any], **rules: Any) -> Stage:
        made.append(Stage(function, **rules))
        return made[-1]

    yield make
    for each in made:
        each.memory.close()


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent because of the time that it took, which on a busy machine is anybody's guess."""
    monkeypatch.setattr(module, "SEND_EVERY_S", 3600.0)


def take_a_while(item: int) -> int:
    """Take a fifth of a block's time."""
    until = time.perf_counter() + module.BLOCK_S / 5
    while time.perf_counter() < until:
        pass
    return item


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("items", [None, list(range(1000))])
def test_quick_items_run_in_growing_blocks_and_come_at_once(
    items: list[int] | None, blocks: list[int], stages: Callable[..., Stage]
) -> None:
    """The first block is one item, for nobody knows what it takes; none is more than so many times the last."""
    stage = stages(abs)
    stage.chunk(0, 1000, items=items)
    assert stage.serve() == [(list(range(1000)), False, False)]
    assert (blocks[0], sum(blocks)) == (1, 1000)
    assert all(later <= GROWTH * earlier for earlier, later in itertools.pairwise(blocks))
    assert len(blocks) < 100


def test_what_is_done_is_sent_in_parts(stages: Callable[..., Stage]) -> None:
    """While a long chunk goes on, the parent has what is done so far; together they are the chunk."""
    stage = stages(take_a_while)
    stage.chunk(100, 300)
    parts = stage.serve()
    assert len(parts) > 1
    assert [more for _, more, _ in parts] == [True] * (len(parts) - 1) + [False]
    assert [value for values, _, _ in parts for value in values] == list(range(100, 300))
    assert not any(cut for _, _, cut in parts)
    assert sum(message[4][0] for message, _ in stage.voice.said) >= 200 * module.BLOCK_S / 5


def test_what_was_taken_back_in_the_middle_is_left(stages: Callable[..., Stage]) -> None:
    """A limit that the parent lowers while the chunk runs: what is begun is finished, the rest is somebody else's."""

    def lower(item: int) -> int:
        if item == 5:
            stage.marks.limit = 540
        return take_a_while(item)

    stage = stages(lower)

    # Its first item stands at another place than its number.
    stage.chunk(0, 100, place=500)
    parts = stage.serve()
    assert parts[-1][1:] == (False, True)
    assert [value for values, _, _ in parts for value in values] == list(range(40))
    assert (stage.marks.claimed >= 540, stage.marks.begun, stage.marks.chunk) == (True, None, 7)


@pytest.mark.usefixtures("unhurried")
def test_a_chunk_that_was_taken_back_whole_is_answered(stages: Callable[..., Stage]) -> None:
    """Nothing of it is run, and the parent is told so; a limit that is lifted lets the next one run."""
    ran: list[int] = []
    stage = stages(lambda item: ran.append(item) or item)
    stage.marks.limit = 3
    stage.chunk(3, 9)
    assert stage.serve() == [([], False, True)]
    assert ran == []
    stage.marks.limit = UNLIMITED
    stage.chunk(9, 11)
    assert stage.serve()[1:] == [([9, 10], False, False)]


def fail_at_twelve(item: int) -> int:
    """Fail once."""
    if item == 12:
        raise ValueError(item)
    return item


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("keep", [True, False])
def test_the_first_error_ends_the_chunk(stages: Callable[..., Stage], keep: bool) -> None:  # noqa: FBT001
    """Where the run ends with it, nothing behind it is run; the values before it arrive where they are wanted."""
    ran: list[int] = []

    def fail_at_twelve(item: int) -> int:
        ran.append(item)
        if item == 12:
            raise ValueError(item)
        return item

    stage = stages(fail_at_twelve, keep_partial=keep)
    stage.chunk(0, 1000)
    [(values, more, cut)] = stage.serve()
    assert (ran, more, cut) == (list(range(13)), False, False)
    assert stage.errors() == {12: "ValueError(12)"}
    if keep:
        assert values[:12] == list(range(12))


@pytest.mark.usefixtures("unhurried")
def test_other_errors_go_on(stages: Callable[..., Stage]) -> None:
    """Where errors are collected, each is told at its own place, and all items are run."""
    stage = stages(lambda item: 1 // (item % 10), stop_at_error=False)
    stage.chunk(0, 100)
    parts = stage.serve()
    assert [len(values) for values, _, _ in parts] == [100]
    assert sorted(stage.errors()) == list(range(0, 100, 10))


def test_marks_name_the_items_of_all_blocks(stages: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while results are packed, whatever parts they are sent in, and before an error in the middle of a block."""

    class Odd:
        def __init__(self, item: int) -> None:
            self.item = item

        def __reduce__(self) -> Any:
            packed.append((self.item, stage.marks.index))
            return int, (self.item,)

    packed: list[tuple[int, int | None]] = []
    run: list[tuple[int, int | None]] = []

    def work(item: int) -> Odd:
        run.append((item, stage.marks.index))
        if item == 72:
            raise ValueError(item)
        return Odd(item)

    monkeypatch.setattr(module, "SEND_VALUES", 10)
    # Blocks of one item, whatever the clock says.
    monkeypatch.setattr(module, "GROWTH", 1)
    stage = stages(work)
    # Its number is not its place.
    stage.chunk(50, 100, place=7, marked=True)
    assert len(stage.serve()) > 1
    assert run == [(item, item) for item in range(50, 73)]
    assert packed == [(item, item) for item in range(50, 72)]
    assert stage.marks.index is None


def test_the_time_of_a_single_item_is_its_own() -> None:
    """Where others ran beside it, what the part took is not what the item took."""
    part = Gathered()
    part.add(Outcome([1], wall_s=0.06, each_s=[0.001]))
    assert [*part.times[3]] == pytest.approx([0.001])
    short = Gathered()
    short.add(Outcome([1], wall_s=0.00001, each_s=[0.00001]))
    assert short.times[3] is None
