"""Single tasks of a pool, in a worker: what is done is on its way within milliseconds, whatever the next task does.

Tasks that somebody has submitted one by one may depend on each other: who waits for the first result before letting
the second task end must not wait for both. So tasks that came together are gathered one by one, and a second thread,
the *postman*, sends what has been lying about while the first is deep in a long task.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from poolwise.model.events import TaskError
from poolwise.model.units import Seconds
from poolwise.work.chunk import task_error

# What is done lies about no longer than this; several quick tasks share one message.
DELIVER_S: Seconds = 0.002


class Send(Protocol):
    """Packs what is done and sends it."""

    def __call__(
        self, values: list[Any], errors: dict[int, TaskError], wall_s: Seconds, *, more: bool, cut: bool
    ) -> None:
        """Send; ``more`` says that others of the chunk follow, ``cut`` that the others were taken back."""
        ...


class Postman:
    """Sends what is done while the worker's own thread is busy."""

    def __init__(self) -> None:
        """Start no thread before there is something to send."""
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._thread: threading.Thread | None = None
        self._send: Send | None = None
        self._begin()

    def _begin(self) -> None:
        self._values: list[Any] = []
        self._errors: dict[int, TaskError] = {}
        self._since = time.perf_counter()

    def run(
        self, function: Callable[[Any], Any], tasks: list[Any], may_begin: Callable[[int], bool], send: Send
    ) -> None:
        """Call ``function`` on each task that ``may_begin``, and ``send`` all that came of them."""
        self._start()
        with self._lock:
            self._send = send
            self._begin()
        cut = False
        for at in range(len(tasks)):
            # Not while the postman sends: it puts the marks back to where they were.
            with self._lock:
                if cut := not may_begin(at):
                    break
            # Nobody else holds what a task brought, nor what came of it.
            self._run_one(function, tasks, at)
            if not self._news.is_set():
                self._news.set()
        with self._lock:
            self._deliver(more=False, cut=cut)

    def _run_one(self, function: Callable[[Any], Any], tasks: list[Any], at: int) -> None:
        task, tasks[at] = tasks[at], None
        try:
            value, error = function(task), None
        except BaseException as raised:  # noqa: BLE001 - what the function raised is told, whatever it is
            value, error = None, task_error(raised)
        with self._lock:
            if error is not None:
                self._errors[len(self._values)] = error
            self._values.append(value)

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="poolwise-postman", daemon=True)
            self._thread.start()

    def _serve(self) -> None:
        while True:
            self._news.wait()
            self._news.clear()
            time.sleep(DELIVER_S)
            with self._lock:
                if self._values:
                    self._deliver(more=True)

    def _deliver(self, *, more: bool, cut: bool = False) -> None:
        values, errors, wall_s = self._values, self._errors, time.perf_counter() - self._since
        self._begin()
        assert self._send is not None  # noqa: S101 - run() has set it; for the type checker
        self._send(values, errors, wall_s, more=more, cut=cut)
