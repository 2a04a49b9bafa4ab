"""Arrays that lie in a file (``numpy.memmap``): what travels is the file's name, and where in it they begin."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = "np.ndarray[Any, Any]"

# NumPy 1 has it elsewhere.
byte_bounds: Any = getattr(getattr(np.lib, "array_utils", np), "byte_bounds")  # noqa: B009 - for type checkers
# What is written to a file that is made anew ("w+") must not be lost by making it anew once more.
MODES = {"w+": "r+"}


def backing(array: Array) -> np.memmap[Any, Any] | None:
    """Give the map of a file that an array is a view of; None where its memory is its own."""
    base: Any = array
    while base is not None:
        if isinstance(base, np.memmap) and base.filename is not None and not isinstance(base.base, np.memmap):
            return base
        base = getattr(base, "base", None)
    return None


def reduce(array: Array, file: np.memmap[Any, Any]) -> tuple[Any, ...]:
    """Give what pickles in the place of a view of a file."""
    first, stop = byte_bounds(array)
    offset = file.offset + first - byte_bounds(file)[0]
    begin = array.__array_interface__["data"][0] - first
    mode = MODES.get(file.mode, file.mode)
    layout = array.dtype, array.shape, array.strides, begin
    where = str(file.filename), mode, offset, stop - first
    return open_again, (type(array), where, layout)


def open_again(kind: type[Array], where: tuple[Any, ...], layout: tuple[Any, ...]) -> Array:
    """Give the same view, in a worker."""
    name, mode, offset, size = where
    dtype, shape, strides, begin = layout
    whole = np.memmap(name, np.uint8, mode, offset, (size,))
    array = np.ndarray(shape, dtype, whole, begin, strides)
    return array.view(np.memmap) if issubclass(kind, np.memmap) else array
