"""Start methods, as ``multiprocessing`` hands them about."""

from __future__ import annotations

from multiprocessing.context import BaseContext
from typing import cast

from poolwise.model.options import StartMethod


def start_method_of(context: BaseContext | str | None) -> StartMethod | None:
    """Give the start method of a context, or the one that is named; None where there is none, or none was chosen."""
    if isinstance(context, BaseContext):
        return cast("StartMethod | None", context.get_start_method(allow_none=True))
    return cast("StartMethod | None", context)
