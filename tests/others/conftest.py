"""What other parties do to the program that imports them, and how it is kept from the tests of other folders."""

from __future__ import annotations

import contextlib
import copyreg
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

# To import Dask changes how exceptions are pickled in the whole program (tblib): they bring their tracebacks along.
# That is so in Dask's folder, as in a program that uses it; nowhere else, whichever tests come first.
_before: dict[Any, Any] = {**copyreg.dispatch_table}
for _name in ("distributed", "dask.multiprocessing"):
    with contextlib.suppress(ImportError):
        import_module(_name)
BY_DASK: dict[Any, Any] = {kind: way for kind, way in copyreg.dispatch_table.items() if kind not in _before}
for _kind in BY_DASK:
    del copyreg.dispatch_table[_kind]


@pytest.fixture
def errors_travel_as_with_dask() -> Iterator[None]:
    """Have exceptions pickled as they are in a program that has imported Dask."""
    copyreg.dispatch_table.update(BY_DASK)
    yield
    for kind in BY_DASK:
        copyreg.dispatch_table.pop(kind, None)
