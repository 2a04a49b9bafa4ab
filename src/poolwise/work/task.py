"""One call that was submitted to a pool, and what becomes of it."""

from __future__ import annotations

import _thread
import functools
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

from poolwise.errors import InternalError
from poolwise.model.classes import mutable
from poolwise.work.call import Call

T = TypeVar("T")

logger = logging.getLogger("poolwise")


@mutable
class Task:
    """One call that was submitted."""

    future: Future[Any]
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    begun: bool = False
    asked: bool = False

    def may_run(self) -> bool:
        """Tell whether it is still wanted; from now on it cannot be cancelled. Sent again, it is asked again."""
        if not self.asked:
            self.asked, self.begun = True, self.future.set_running_or_notify_cancel()
        return self.begun


class PoolThread(threading.Thread):
    """The thread of a pool, which calls back whoever waits for a future."""

    def __init__(self, target: Callable[..., object], name: str, args: tuple[Any, ...] = ()) -> None:
        """Start nothing. A daemon, but in a worker that is an interpreter, which has none; it ends its pools first."""
        allowed = getattr(_thread, "daemon_threads_allowed", None)
        super().__init__(target=target, name=name, args=args, daemon=allowed is None or allowed())


class PoolFuture(Future[T]):
    """A future whose callbacks cannot end the pool that calls them.

    The standard library logs an ``Exception`` of a callback and goes on; what is meant to end a program (SystemExit,
    KeyboardInterrupt) would end the pool's thread, and whoever waits for another task would wait for ever.
    """

    def add_done_callback(self, fn: Callable[[Future[T]], object]) -> None:
        """Have ``fn(future)`` called when the future is done; at once, where it is."""
        super().add_done_callback(functools.partial(_call_back, fn))


def _call_back(callback: Callable[[Future[T]], object], future: Future[T]) -> None:
    try:
        callback(future)
    except Exception:
        raise
    except BaseException as error:
        if not isinstance(threading.current_thread(), PoolThread):
            # The caller's own thread: added late, or the future was cancelled there.
            raise
        logger.exception("a callback of %r raised %s in the pool's thread", future, type(error).__name__)


def _refuse(item: object) -> None:
    msg = f"a worker of a pool was given {item!r} without a function"
    raise InternalError(msg)


# In the place of a job's function: each task brings its own.
NO_FUNCTION = Call(_refuse)
