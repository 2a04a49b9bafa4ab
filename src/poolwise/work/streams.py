"""Random numbers: a stream of its own for each item.

With a seed, an item's numbers depend on the seed and its index and on nothing else: not on the backend, the number of
workers, the order in which items are run, or whether this is the second try. So it is seeded anew before each call:

* where a process runs one item at a time (the plain loop, worker processes), Python's and NumPy's global generators
  are. The loop, which is in the caller's process, gives the caller's back as it found them;
* where items run side by side (threads, tasks of an event loop), each has generators of its own, and the functions of
  ``random`` and ``numpy.random`` find them by the context in which they are called (``dispatch.py``).

How a seed is mixed: ``blake2b`` of ``"{seed}/{index}"``, 64 bytes, of which the first 32 seed ``random`` as a
little-endian number, and the others ``numpy.random`` as eight little-endian 32-bit words. Neighbouring seeds and
indices give streams that have nothing to do with each other, as NumPy's ``SeedSequence`` does, and it needs no NumPy.
"""

from __future__ import annotations

import contextlib
import random
import struct
import sys
from collections.abc import Callable, Iterator
from typing import Any

from poolwise.work import dispatch

Begin = Callable[[int], None]
"""Called with an item's offset in its chunk just before it is run."""

WORDS = struct.Struct("<8I")


def mix(seed: int, index: int) -> tuple[int, list[int]]:
    """Give what seeds ``random``, and what seeds ``numpy.random``, for one item."""
    import hashlib  # noqa: PLC0415 - only where there is a seed

    digest = hashlib.blake2b(f"{seed}/{index}".encode(), digest_size=64).digest()
    return int.from_bytes(digest[:32], "little"), list(WORDS.unpack(digest[32:]))


def seeding(seed: int | None, start: int, begin: Begin | None = None) -> Begin | None:
    """Make what seeds this process for each item of a chunk that begins at ``start``, and then does ``begin``."""
    if seed is None:
        return begin

    def seed_and_begin(offset: int) -> None:
        for_random, for_numpy = mix(seed, start + offset)
        random.seed(for_random)
        if (numpy_random := dispatch.numpy_random()) is not None:
            numpy_random.seed(for_numpy)
        if begin is not None:
            begin(offset)

    return seed_and_begin


def own_streams(seed: int | None, start: int, begin: Begin | None = None) -> Begin | None:
    """Make what gives each item of a chunk generators of its own, in the context in which it is called."""
    if seed is None:
        return begin

    def give_and_begin(offset: int) -> None:
        dispatch.own.set(dispatch.Own(*mix(seed, start + offset)))
        dispatch.look_again()
        if begin is not None:
            begin(offset)

    return give_and_begin


@contextlib.contextmanager
def borrowed(seed: int | None) -> Iterator[None]:
    """Give the caller's generators back as they were, where a seed changes them."""
    if seed is None:
        yield
        return
    state, numpy_random = random.getstate(), dispatch.numpy_random()
    numpy_state: Any = numpy_random.get_state() if numpy_random is not None else None
    try:
        yield
    finally:
        random.setstate(state)
        if numpy_random is not None:
            numpy_random.set_state(numpy_state)


def part_from_siblings() -> None:
    """Make a new worker's numbers its own: a copy of a process would go on with the same ones as every other copy.

    Python does so for ``random`` after each fork; nobody does it for NumPy.
    """
    if (numpy_random := sys.modules.get("numpy.random")) is not None:
        numpy_random.seed()
