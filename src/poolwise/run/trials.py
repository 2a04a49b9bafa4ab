"""Whether an item that has failed is tried again, and after what wait: the policy, and how often each was tried."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

from poolwise.model.events import TaskError
from poolwise.model.retry import Retry
from poolwise.model.units import Seconds

logger = logging.getLogger("poolwise")

# An item that failed only because of its company is not judged by the policy; it waits no longer than one by default.
MOST_ASKED_S: Seconds = Retry().retry_after_max


def draw() -> float:
    """Draw a number from 0 to 1 that is not the user's: nobody's seed is moved on by it, and no module is imported."""
    return int.from_bytes(os.urandom(6), "big") / 2**48


class Trials:
    """Counts how often each item has failed, and says what becomes of it."""

    def __init__(self, retry: Retry, rng: Callable[[], float] = draw) -> None:
        """Judge by ``retry``; ``rng`` gives a number from 0 to 1."""
        self._retry = retry
        self._rng = rng
        self._failed: dict[int, int] = {}
        self._told = False

    def judge(self, index: int, error: TaskError) -> Seconds | None:
        """An item has failed: say after how long it is tried again; None: no more."""
        count = self._failed[index] = self._failed.get(index, 0) + 1
        retry = self._retry
        if count > retry.retries or not self._takes(error.error):
            return None
        asked_s = error.trouble.retry_after_s if error.trouble is not None and retry.retry_after else None
        if asked_s is not None and asked_s > retry.retry_after_max:
            return None
        wait_s = retry.wait_s(count + 1, self._rng(), helps=error.trouble is not None)
        return max(wait_s, asked_s or 0.0)

    def close(self, index: int) -> int:
        """The item is not tried again: say how often it has failed."""
        return self._failed.pop(index, 0)

    def _takes(self, error: BaseException) -> bool:
        try:
            return self._retry.takes(error)
        except Exception:
            if not self._told:
                logger.exception("the function in Retry.on raised, which counts as no: such items are not tried again")
            self._told = True
            return False


def excused_wait_s(error: TaskError) -> Seconds:
    """Say how long an item waits that failed because of its company: as long as was asked for."""
    asked_s = error.trouble.retry_after_s if error.trouble is not None else None
    return min(asked_s or 0.0, MOST_ASKED_S)
