"""What is left out on the way to a fresh interpreter."""

from __future__ import annotations

import gc
import weakref

import pytest

from poolwise.work.variables import leaving_out


class Held:
    """Something whose end can be seen."""


def fail(held: Held) -> None:
    """Raise, with something in the frame."""
    raise LookupError(repr(held))


def test_what_cannot_travel_is_left_out_and_nothing_is_held() -> None:
    """Not the frames that its error came through either: a pool that is dropped must end at once."""
    held = Held()
    gone = weakref.ref(held)
    gc.disable()
    try:
        with leaving_out("this"):
            fail(held)
        del held
        assert gone() is None
    finally:
        gc.enable()


def test_what_ends_a_program_is_not_left_out() -> None:
    """Nor would anybody hear of it."""
    with pytest.raises(KeyboardInterrupt), leaving_out("this"):
        raise KeyboardInterrupt
