"""A worker dies with its parent, whatever either is doing.

A pipe is open for as long as the parent lives: the parent holds its writing end and never writes. A worker asks the
kernel to send it SIGKILL when the pipe changes (``F_SETSIG`` and ``O_ASYNC`` on Linux), which the kernel does when the
last writer is gone: no Python needs to run for it, so that it works deep in C code that holds the GIL. Unlike
``PR_SET_PDEATHSIG`` it follows the process, not the thread that forked, and needs no ctypes.

Where there is no ``F_SETSIG``, a worker notices when it next reads its channel.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys

from poolwise.engine.channel import parent_side

# Linux's number for it, which the fcntl module does not name in every version.
F_SETSIG = 10


class Lifeline:
    """The parent's side: while this is open, workers live."""

    def __init__(self) -> None:
        """Make the pipe."""
        self.worker_end, self._parent_end = os.pipe()
        self._open = True
        parent_side.add(self)

    def close(self) -> None:
        """Let go: workers that still live are killed."""
        if self._open:
            self._open = False
            os.close(self._parent_end)
            os.close(self.worker_end)


def hold(worker_end: int) -> None:
    """Tie this process's life to its parent's.

    The request belongs to the open pipe, not to the process, so each worker opens the pipe anew for itself.
    """
    if sys.platform != "linux":
        return
    own = os.open(f"/proc/self/fd/{worker_end}", os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(own, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(own, F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(own, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    if _is_cut(own):
        # The parent died before the kernel was asked.
        os.kill(os.getpid(), signal.SIGKILL)


def _is_cut(worker_end: int) -> bool:
    try:
        return os.read(worker_end, 1) == b""
    except BlockingIOError:
        return False
