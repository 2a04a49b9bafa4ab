"""What a worker process and what starts it are to their supervisor, whatever the start method."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from collections.abc import Iterator
from typing import Protocol

from poolwise.engine.channel import ParentEnd
from poolwise.engine.memory import WorkerMemory
from poolwise.model.units import Seconds


class Process(Protocol):
    """A worker process, as its supervisor sees it."""

    @property
    def pid(self) -> int:
        """Its number; that of its nursery as long as its own is not known."""
        ...

    def sentinel(self) -> int | None:
        """Give a descriptor that becomes readable when the process ends; None where there is none."""
        ...

    def exit_code(self, patience_s: Seconds) -> int | None:
        """Wait for its end and give its exit code (minus the signal's number where one killed it)."""
        ...

    def kill(self) -> None:
        """End it at once."""
        ...

    def close(self) -> None:
        """Let go of what watching it took; it has ended."""
        ...


class Starter(Protocol):
    """Starts workers by one method."""

    by_fork: bool
    """Workers are copies of this process and find the items in their memory."""

    def start(self, connection: socket.socket, channel: ParentEnd, memory: WorkerMemory) -> Process:
        """Start a worker that talks over ``connection``, whose other end is ``channel``."""
        ...

    def renew(self) -> None:
        """Whatever helps to start workers has loaded modules that have changed: take a new one."""
        ...

    def close(self) -> None:
        """End whatever helped to start workers."""
        ...


# What a person or a service manager sends to end a program.
ENDING = frozenset({signal.SIGINT, signal.SIGTERM})


@contextlib.contextmanager
def blocked_signals() -> Iterator[set[signal.Signals]]:
    """Hold signals to end back while a process is being made: a handler of the parent's must not run in the child."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        with _put_off():
            yield {each for each in mask if isinstance(each, signal.Signals)}
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@contextlib.contextmanager
def _put_off() -> Iterator[None]:
    """Put the handlers off: where another thread takes the signal, the main thread would run them here all the same."""
    # Not current_thread(): for a thread that Python did not start it makes a dummy, which counts as one from then on.
    if threading.get_ident() != threading.main_thread().ident:
        yield
        return
    handlers = {number: handler for number in ENDING if callable(handler := signal.getsignal(number))}
    came: list[int] = []
    for number in handlers:
        signal.signal(number, lambda number, _frame: came.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for each in came:
            # Held back still, by the mask.
            signal.raise_signal(each)
