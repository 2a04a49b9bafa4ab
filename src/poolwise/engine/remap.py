"""A forked child's own copy of a piece of shared memory: what it writes there, its parent does not see.

A fork copies a process's memory but for what is mapped shared, and that is where large results lie. So in the child
the same piece of the same file is mapped again at the same address, privately: the kernel copies a page when the child
first writes to it, as it does with all other memory of a forked child. No page is copied before.

The other way it does not hold: until the child has written to a page, it sees what the parent writes there later.
"""

from __future__ import annotations

import ctypes
import functools
import mmap
import sys
from collections.abc import Callable
from typing import TypeAlias

from poolwise.model.units import Bytes

MakePrivate: TypeAlias = Callable[[int, Bytes, int, int], bool]

# From Linux's headers; the module mmap does not tell them.
MAP_NORESERVE = 0x4000
MREMAP_MAYMOVE, MREMAP_FIXED = 1, 2
MAP_FAILED = ctypes.c_void_p(-1).value


@functools.cache
def private_mapper() -> MakePrivate:
    """Prepare, in the parent, what makes memory private in a child: a forked child should have little left to do."""
    if sys.platform != "linux":
        return lambda *_: False
    program = ctypes.CDLL(None)
    for function in (program.mmap, program.mremap):
        function.restype = ctypes.c_void_p
    address, length, number, offset = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_long
    program.mmap.argtypes = (address, length, number, number, number, offset)
    program.mremap.argtypes = (address, length, length, number, address)
    program.munmap.argtypes = (address, length)

    def make_private(at: int, size: Bytes, descriptor: int, position: int) -> bool:
        """Map ``size`` bytes of a file from ``position`` on privately at an address that had them shared."""
        protection, flags = mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | MAP_NORESERVE
        # Elsewhere first, then moved: mapping in place might leave a hole where the system refuses.
        made = program.mmap(None, size, protection, flags, descriptor, position)
        if made == MAP_FAILED:
            return False
        if program.mremap(made, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, at) == MAP_FAILED:
            program.munmap(made, size)
            return False
        return True

    return make_private
