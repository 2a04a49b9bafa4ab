"""Reading what the kernel tells in small files, those of ``/proc`` and of control groups."""

from __future__ import annotations


def read_proc(path: str) -> bytes:
    """Read such a file in one go; raises ``OSError`` where there is none."""
    # pathlib would cost every program that imports us 4 ms, and unbuffered is what such files are made for.
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - see above
        return file.read()
