"""Our values as plain data for JSON: dataclasses become dicts, and each reason is named by its class."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, get_args

from poolwise.model.plan import Reason

REASONS: frozenset[type] = frozenset(get_args(Reason))


def to_plain(value: Any) -> Any:  # noqa: ANN401 - any of our values, any JSON
    """Turn a value and all in it into dicts, lists, strings and numbers; what is not finite becomes None."""
    if dataclasses.is_dataclass(value):
        named = {"reason": type(value).__name__} if type(value) in REASONS else {}
        return named | {each.name: to_plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: to_plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
