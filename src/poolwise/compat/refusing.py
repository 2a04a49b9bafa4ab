"""What the drop-ins do not take, and the words for it."""

from __future__ import annotations

from poolwise.errors import OptionError

_GROWN = "a worker is replaced when it has grown beyond memory_limit, not after a number of tasks: leave it out"
WHY = {
    "maxtasksperchild": _GROWN,
    "max_tasks_per_child": _GROWN,
    "thread_name_prefix": "the threads are called poolwise-0 and so on: leave it out",
    "timeout": "it would not end what is under way; poolwise.map(..., timeout=) ends a call that takes longer",
}


def refuse(**options: object) -> None:
    """Raise ``OptionError`` for the first of these that is given; None is what they are when nobody gives them."""
    for name, value in options.items():
        if value is not None:
            raise OptionError(f"{name}={value!r} is not offered: {WHY[name]}")
