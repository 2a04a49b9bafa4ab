"""What ended a run early, in words: the traceback of the user's own code, and what to do."""

from __future__ import annotations

import traceback
from types import TracebackType

from poolwise.cli import exits
from poolwise.cli.terminal import tell, tell_error
from poolwise.errors import CallerError, InternalError, RemoteTraceback


def explain_end(error: BaseException, *, advice: str) -> int:
    """Say what an item or a worker raised; what the caller or we have to mend goes on to ``program``."""
    if isinstance(error, (CallerError, InternalError)):
        raise error
    tell(format_end(error))
    tell_error(f"this ended the run; {advice}")
    return exits.FAILED


def format_end(error: BaseException) -> str:
    """Format an error as the function raised it: a worker's traceback as it stood there, and none of our frames."""
    if isinstance(error.__cause__, RemoteTraceback):
        return "\n".join([error.__cause__.text.rstrip(), *getattr(error, "__notes__", ())])
    return "".join(traceback.format_exception(type(error), error, _their_frames(error.__traceback__))).rstrip()


def _their_frames(frames: TracebackType | None) -> TracebackType | None:
    """Drop our frames from the top; an error of our own has none but ours, and its words are enough."""
    while frames is not None and str(frames.tb_frame.f_globals.get("__name__")).startswith("poolwise."):
        frames = frames.tb_next
    return frames
