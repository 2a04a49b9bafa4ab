"""What a nursery says of its children is heard once, whenever it comes."""

from __future__ import annotations

import math
import os
import socket

import pytest

from poolwise.engine.start_nursery import NurseryProcess, NurserysChild
from poolwise.model.units import Seconds

PATIENCE_S = 5.0


class Scripted(NurseryProcess):
    """A nursery of which the test says after how many times of listening its child has ended."""

    def __init__(self, control: socket.socket, ends_after: float) -> None:
        super().__init__(Gone(), control)  # type: ignore[arg-type]
        self._asked = 1
        self._ends_after = ends_after
        self.listened: list[Seconds] = []

    def listen(self, patience_s: Seconds) -> None:
        if len(self.listened) == 0:
            self._take(b"P", os.getpid(), 1)
        if len(self.listened) == self._ends_after:
            self._take(b"X", os.getpid(), 7)
        self.listened.append(patience_s)


class Gone:
    """A process that nobody needs to ask."""

    pid = 0


@pytest.mark.parametrize("ends_after", range(8))
def test_an_end_that_was_heard_in_passing_is_not_waited_for(ends_after: int) -> None:
    """Each look at the nursery may bring the very word that is wanted: nobody listens for long after that."""
    mine, its = socket.socketpair()
    with mine, its:
        nursery = Scripted(mine, ends_after)
        child = NurserysChild(nursery, 1)
        assert child.exit_code(PATIENCE_S) == 7
        heard_at = next((place for place in range(len(nursery.listened)) if place == ends_after), math.inf)
        assert not [each for each in nursery.listened[int(heard_at) + 1 :] if each > 0]
        child.close()
