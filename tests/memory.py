"""Memory that the allocator has no part in.

What is asked of it may be what earlier tests have filled, and what it is given back it may hold for a while.
"""

from __future__ import annotations

import mmap


def fresh_pages(size: int, *, shared: bool = False) -> mmap.mmap:
    """Map so many bytes, which nobody has written to."""
    return mmap.mmap(-1, size, flags=mmap.MAP_ANONYMOUS | (mmap.MAP_SHARED if shared else mmap.MAP_PRIVATE))


def fill(pages: mmap.mmap) -> None:
    """Write to each page, and take no memory for that."""
    for page in range(0, len(pages), mmap.PAGESIZE):
        pages[page] = 1
