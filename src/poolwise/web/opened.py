"""Folders that are kept open for a moment, since most pages go where the one before has gone."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from poolwise.model.units import Seconds

# A folder that somebody has moved or replaced meanwhile is noticed after this time; until then files go to the one
# that was there, and never where a link leads.
KEPT_S: Final[Seconds] = 1.0
# Pages of so many folders come by turns; each takes an open file.
MOST: Final = 16


class OpenFolders:
    """Their descriptors, by their names below a directory; ``enter`` opens one, or raises OSError."""

    def __init__(self, enter: Callable[[str], int], clock: Callable[[], float] = time.monotonic) -> None:
        self._enter, self._clock = enter, clock
        self._known: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def get(self, name: str) -> int:
        """Give a folder's descriptor, which is to be used at once."""
        known = self._known.get(name)
        if known is not None:
            if self._clock() < known[1]:
                return known[0]
            self.forget(name)
        while len(self._known) >= MOST:
            self.forget(next(iter(self._known)))
        descriptor = self._enter(name)
        self._known[name] = descriptor, self._clock() + KEPT_S
        return descriptor

    def forget(self, name: str) -> None:
        """Close one, which may be gone."""
        known = self._known.pop(name, None)
        if known is not None:
            os.close(known[0])

    def close(self) -> None:
        """Close them all."""
        for name in [*self._known]:
            self.forget(name)
