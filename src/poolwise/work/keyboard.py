"""In a worker nobody is at the keyboard: who asks for somebody is told so, as the failure of the item.

``breakpoint()`` would open pdb on an input that is at its end, and pdb, as it does then, would quit: BdbQuit, with no
word of why. Interpreters of this process would even take turns at the program's own terminal.

Debuggers that need no terminal are left alone: what ``PYTHONBREAKPOINT`` names (``remote_pdb.set_trace``,
``debugpy.breakpoint``), and those of an IDE that has followed the program into its workers.
"""

from __future__ import annotations

import builtins
import os
import sys
from typing import Final, NoReturn

from poolwise.errors import InteractionError

# Debuggers that want the terminal of the process that they stop.
AT_THE_TERMINAL: Final = frozenset({"", "pdb", "ipdb", "IPython", "pudb", "bpdb"})
# The debugger of VS Code and PyCharm, whose hook talks to the IDE.
OF_AN_IDE: Final = ("pydevd", "_pydevd", "debugpy")
INSTEAD: Final = 'use backend="loop", which calls the function in your own thread, where a debugger can step into it'


def take_away() -> None:
    """Have what waits for a person raise InteractionError from now on."""
    builtins.input = _input
    if not _has_remote_debugger():
        sys.breakpointhook = _breakpoint


def has_quit(error: BaseException) -> bool:
    """Tell whether a debugger was quit: by a person, or (in a worker) because its input was at its end."""
    bdb, pdb = sys.modules.get("bdb"), sys.modules.get("pdb")
    if bdb is not None and isinstance(error, bdb.BdbQuit):
        return True
    # Since Python 3.14 it ends the program instead.
    last = error.__traceback__ if pdb is not None and isinstance(error, SystemExit) else None
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return last is not None and pdb is not None and last.tb_frame.f_globals is vars(pdb)


def found_nobody() -> InteractionError:
    """Say what it means that a debugger has quit in a worker."""
    return _nobody("a debugger was started")


def _has_remote_debugger() -> bool:
    named = os.environ.get("PYTHONBREAKPOINT", "").partition(".")[0]
    owner = getattr(sys.breakpointhook, "__module__", None) or ""
    return named not in AT_THE_TERMINAL or owner.startswith(OF_AN_IDE)


def _breakpoint(*_: object, **__: object) -> NoReturn:
    raise _nobody("breakpoint() was reached")


def _input(_: object = "", /) -> NoReturn:
    # pdb and its kin read by ``input`` too.
    bdb = sys.modules.get("bdb")
    frame = sys._getframe(1)  # noqa: SLF001 - whether it is a debugger that asks
    while bdb is not None and frame is not None:
        if isinstance(frame.f_locals.get("self"), bdb.Bdb):
            raise found_nobody()
        frame = frame.f_back  # type: ignore[assignment]
    raise _nobody("input() was called")


def _nobody(what: str) -> InteractionError:
    return InteractionError(f"{what} in a worker, where nobody is at the keyboard; {INSTEAD}")
