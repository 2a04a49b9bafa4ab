"""One call that was submitted to a pool."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from poolwise.errors import InternalError
from poolwise.work.call import Call


@dataclass(slots=True)
class Task:
    """One call that was submitted."""

    future: Future[Any]
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    begun: bool = False

    def may_run(self) -> bool:
        """Tell whether it is still wanted; from now on it cannot be cancelled."""
        if not self.begun:
            self.begun = self.future.set_running_or_notify_cancel()
        return self.begun


def _refuse(item: object) -> None:
    msg = f"a worker of a pool was given {item!r} without a function"
    raise InternalError(msg)


# In the place of a job's function: each task brings its own.
NO_FUNCTION = Call(_refuse)
