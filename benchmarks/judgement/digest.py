"""One short text for a list of results, the same in every process in which the results are the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any


def digest(results: Iterable[Any]) -> str:
    """Give it; pickles would not do, since equal values may have different ones."""
    found = hashlib.blake2b(digest_size=8)
    for result in results:
        found.update(_content(result))
        found.update(b"\0")
    return found.hexdigest()


def _content(value: Any) -> bytes:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if hasattr(value, "tobytes") and hasattr(value, "dtype"):  # arrays; numbers of NumPy's are told like Python's
        return bytes(value.tobytes()) if getattr(value, "ndim", 0) else repr(value.item()).encode()
    return repr(value).encode()
