"""Libraries that compute with threads of their own: which of them this process has loaded, and holding them to one."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

# Packages that bring such a library with them; where none is loaded, nothing is looked for.
NATIVE = ("numpy", "scipy", "torch", "sklearn", "numba", "faiss", "xgboost", "lightgbm", "cv2", "tensorflow", "jax")

_found: tuple[int, tuple[Any, ...]] = (0, ())
"""The number of modules at the last look, and what was found. A library is loaded by a module that was not there."""


def loaded_libraries() -> tuple[Any, ...]:
    """Give threadpoolctl's controllers of BLAS and OpenMP libraries; the first look takes some 10 ms."""
    global _found  # noqa: PLW0603 - a cache of what this process has loaded
    if not any(name in sys.modules for name in NATIVE):
        return ()
    import threadpoolctl  # noqa: PLC0415 - see above

    if len(sys.modules) != _found[0]:
        _found = (len(sys.modules), tuple(threadpoolctl.ThreadpoolController().lib_controllers))
    return _found[1]


def have_threads() -> bool:
    """Tell whether some library may use more than the calling thread."""
    return any(library.num_threads > 1 for library in loaded_libraries())


@contextlib.contextmanager
def one_thread_inside() -> Iterator[None]:
    """Have them compute in the calling thread alone; afterwards they may have as many as before."""
    home, held = os.getpid(), [(each, each.num_threads) for each in loaded_libraries() if each.num_threads > 1]
    for library, _ in held:
        library.set_num_threads(1)
    try:
        yield
    finally:
        # A child that the function has forked is held to what it was given.
        if os.getpid() == home:
            for library, threads in held:
                library.set_num_threads(threads)
