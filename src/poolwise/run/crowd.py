"""Items that failed because too many ran at once: who is tried again, and among how many."""

from __future__ import annotations

from collections.abc import Callable

from poolwise.model.events import Chunk


class Crowd:
    """Excuses failures that company has caused, and says how much company was too much.

    All that were under way when the first was refused may be refused too, and say nothing new. So the limit is halved
    only for an item that was sent since it was halved last ("multiplicative decrease", V. Jacobson, "Congestion
    Avoidance and Control", SIGCOMM 1988).
    """

    def __init__(self) -> None:
        """Know of nothing."""
        self.limit: int | None = None
        """So many at a time may be served; None: nothing is known of a limit."""
        self.only_here = False
        """Only the calling thread may run the items."""
        self._since = self._newest = 0

    def sent(self, chunk: Chunk) -> None:
        """A chunk goes out; later ones have greater numbers."""
        self._newest = max(self._newest, chunk.id)

    def excuses(
        self, chunk: int, error: BaseException, workers: int, crowding: Callable[[BaseException], str | None] | None
    ) -> bool:
        """Tell whether an item of a chunk is to be tried again: there was company, which may have caused the error."""
        kind = crowding(error) if crowding is not None else None
        if kind is None:
            return False
        if chunk > self._since:
            if workers <= 1:
                # Alone, it has failed all the same.
                return False
            most = workers if self.limit is None else min(self.limit, workers)
            self.limit, self._since = 1 if kind == "thread" else max(1, most // 2), self._newest
        self.only_here |= kind == "thread"
        return True
