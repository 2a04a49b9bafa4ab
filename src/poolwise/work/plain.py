"""Values that pickle cannot fail on, and which travel many in one pickle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# Exactly these types: a subclass may pickle in any way.
PLAIN = frozenset({int, float, bool, str, bytes, complex, type(None)})


def is_plain(values: Sequence[Any]) -> bool:
    """Tell whether all are plain numbers and strings."""
    return type(values) is range or set(map(type, values)) <= PLAIN
