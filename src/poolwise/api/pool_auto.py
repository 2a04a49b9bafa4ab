"""The two kinds of warm workers of ``Pool("auto")``, and who sends which task to which.

The threads and the processes are those of ``Pool("threads")`` and ``Pool("processes")``, each with its own way of
serving tasks; here it is only said where a task goes:

1. A function's first tasks are *trials*: they run on a thread, one at a time, and are measured there.
2. What else comes of that function meanwhile is *held* until the trial has run for ``LOOK_S`` by itself: by then it is
   seen whether it waits or computes, and what is held follows the guess. A trial that is over says it better.
3. Afterwards tasks go where the choice says. What turns out not to travel is done by a thread (``pool_sent.py``).

Three locks are taken in this order, and each is let go before a function of the caller is called: ours, that of one of
the two pools, that of a map's results. Threads tell of trials, and the thread of the processes of what came back, with
none of them held.

It ends in the order in which work can still be made: first trials and what is held (which goes to either), then the
processes (whose failures come to threads), then the threads.
"""

from __future__ import annotations

import functools
import queue
import threading
from collections.abc import Callable
from typing import Any, Literal

from poolwise.api.pool_sent import Lot, Relay, cannot_travel
from poolwise.api.pool_trial import Seats, Trial
from poolwise.model.choice import Choice
from poolwise.model.classes import field, mutable, replace
from poolwise.model.plan import CannotShip
from poolwise.model.units import Seconds
from poolwise.run.clerk import Clerk
from poolwise.run.desk import Many
from poolwise.run.entrance import Entrance
from poolwise.run.self_service import SelfService
from poolwise.work.task import PoolThread, Task

# A trial that has run for so long shows whether it computes, and the GIL was looked at often enough to tell of it
# (measure/gil_meter.py wants 4 ms). What is held waits for no longer.
LOOK_S: Seconds = 0.006
# Where cores and the GIL are much in demand, a trial may have had neither by then: it is given longer, up to this.
LONGEST_LOOK_S: Seconds = 0.1
# How often it is looked whether the last trials of a closed pool are over, or will never be.
LAST_LOOK_S: Seconds = 0.05
# The first call may pay for imports and caches: it is the second that counts.
TRIALS = 2
# A program that makes new functions without end must not fill the memory; as many as workers know (work/functions.py).
MOST_KNOWN = 256

Way = Literal["threads", "processes"]


@mutable
class Known:
    """What is known of a function."""

    choice: Choice | None = None
    way: Way | None = None
    """Where its tasks go; None: it is not known yet."""
    tried: int = 0
    trial: Trial | None = None
    held: list[Task | Many] = field(default_factory=list)


class Router(Entrance):
    """Gives each task to a thread or a process."""

    def __init__(self, threads: SelfService, processes: Clerk, seats: Seats, *, may_repeat: bool) -> None:
        """Stand before the two. ``may_repeat``: what has run in a process may be run again."""
        super().__init__()
        self._threads, self._processes, self._seats = threads, processes, seats
        self._may_repeat = may_repeat
        self._known: dict[object, Known] = {}
        # It is rung by whoever closes the pool, which may be the garbage collector in any thread: it takes no lock.
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._servants = (
            PoolThread(target=processes.serve, name="poolwise-pool-processes"),
            PoolThread(target=threads.serve, name="poolwise-pool-threads"),
        )
        self._thread: threading.Thread | None = None

    def why(self, function: Callable[..., Any]) -> Choice | None:
        """Give what was chosen for a function; None where none of its tasks was measured yet."""
        with self._lock:
            known = self._known.get(key_of(function))
            return known.choice if known is not None else None

    def broken(self) -> BaseException | None:
        """Say why nothing can run any more, in threads or in processes; None where it can."""
        return self._threads.error or self._processes.error

    def is_inside(self, thread: threading.Thread) -> bool:
        """Tell whether this is one of its threads, which must not wait for the others' end."""
        return (
            thread is self._thread
            or thread in self._servants
            or self._threads.is_inside(thread)
            or self._processes.is_inside(thread)
        )

    def close(self, *, cancel: bool = False) -> None:
        """Let nothing more in; see ``Entrance``."""
        super().close(cancel=cancel)
        if cancel:
            self._processes.close(cancel=True)
            self._threads.close(cancel=True)

    def kill(self) -> None:
        """End the processes at once, and begin nothing more in threads; see ``Clerk.kill``."""
        super().close(cancel=True)
        self._processes.kill()
        self._threads.kill()

    def serve(self) -> None:
        """Serve until there is nothing more to do."""
        self._thread = threading.current_thread()
        for servant in self._servants:
            servant.start()
        while not self._settled():
            self._wait()
            self._look()
        for pool, servant in zip((self._processes, self._threads), self._servants, strict=True):
            pool.close()
            servant.join()

    # --- What comes in, under the lock -------------------------------------------------------------------------

    def _let_in(self, task: Task | Many) -> None:
        if (error := self.broken()) is not None:
            raise error
        self._place(self._know(task.function), task)

    def _know(self, function: Callable[..., Any]) -> Known:
        key = key_of(function)
        # The one that was used last goes to the end.
        known = self._known.pop(key, None) or Known()
        self._known[key] = known
        if len(self._known) > MOST_KNOWN:
            oldest = next((key for key, each in self._known.items() if each.trial is None), None)
            if oldest is not None:
                del self._known[oldest]
        return known

    def _place(self, known: Known, task: Task | Many) -> None:
        if known.trial is None and known.tried < TRIALS:
            self._try(known, task)
        elif known.way is None:
            known.held.append(task)
            self._bell.put(None)
        else:
            self._send(known.way, task)

    def _try(self, known: Known, task: Task | Many) -> None:
        trial = known.trial = Trial(self, self._seats, task)
        try:
            if isinstance(task, Task):
                self._threads.put(trial.as_task(task))
                return
            rest = Lot(task, 1, self)
            self._threads.put(trial.as_first_of(rest))
        except BaseException:
            known.trial = None
            raise
        if len(rest):
            self._place(known, rest)

    def _send(self, way: Way, task: Task | Many) -> None:
        if way == "threads":
            self._threads.put(task)
        elif isinstance(task, Task):
            self._processes.put(Task(Relay(task, self), task.function, task.args, task.kwargs))
        else:
            lot = task if isinstance(task, Lot) else Lot(task, 0, self)
            lot.away = True
            self._processes.put(lot)

    def _waiting(self) -> list[Task | Many]:
        waiting = [task for known in self._known.values() for task in known.held]
        for known in self._known.values():
            known.held.clear()
        return waiting

    def _tell_closed(self) -> None:
        self._bell.put(None)

    def _cancel(self, task: Task | Many) -> None:
        super()._cancel(task)
        if isinstance(task, Task):
            # No worker will ever come to it: whoever waits for it is told now.
            task.may_run()

    # --- What is found out, in any thread ----------------------------------------------------------------------

    def learn(self, trial: Trial, choice: Choice | None) -> None:
        """A trial is over: what is held follows."""
        with self._lock:
            known = next((each for each in self._known.values() if each.trial is trial), None)
            if known is None:
                return
            known.trial = None
            if choice is not None:
                known.tried += 1
                if known.choice is None or not _says_less(choice, known.choice):
                    known.choice, known.way = choice, choice.backend
            unwanted = self._release(known)
            self._bell.put(None)
        self._refuse(unwanted)

    def takes_back(self, error: BaseException) -> bool:
        """Tell whether a thread should do what has failed so in a process."""
        return cannot_travel(error, may_repeat=self._may_repeat)

    def run_here(self, task: Task) -> None:
        """Have a thread do a task that has begun or is nobody's but ours."""
        self._threads.put(task)

    def stays_here(self, function: Callable[..., Any], error: BaseException) -> None:
        """Remember that a function's tasks do not travel."""
        with self._lock:
            known = self._know(function)
            known.way, known.tried = "threads", TRIALS
            if known.choice is not None and known.choice.processes_s is not None:
                reasons = (*known.choice.reasons, CannotShip("a task", str(error)))
                known.choice = replace(known.choice, backend="threads", reasons=reasons, processes_s=None)

    def _release(self, known: Known) -> list[Task | Many]:
        """Place what is held; give what nobody takes any more."""
        held, known.held = known.held, []
        unwanted = []
        for task in held:
            try:
                self._place(known, task)
            except Exception:  # noqa: BLE001 - the pool was ended in a hurry, or is broken; each is told
                unwanted.append(task)
        return unwanted

    def _refuse(self, unwanted: list[Task | Many]) -> None:
        error = self.broken()
        for task in unwanted:
            if error is None:
                self._cancel(task)
            elif isinstance(task, Many):
                task.fail(error)
            elif task.may_run():
                task.future.set_exception(error)

    # --- The thread that looks ---------------------------------------------------------------------------------

    def _settled(self) -> bool:
        with self._lock:
            return (self._closing or self.error is not None) and not any(
                each.trial is not None or each.held for each in self._known.values()
            )

    def _wait(self) -> None:
        with self._lock:
            holds = any(each.held for each in self._known.values())
            # Threads that cannot start do not say what becomes of a trial.
            timeout_s = LOOK_S if holds else LAST_LOOK_S if self._closing else None
        try:
            self._bell.get(timeout=timeout_s)
            while True:
                self._bell.get_nowait()
        except queue.Empty:
            pass

    def _look(self) -> None:
        """Let go what was held for long enough."""
        if (error := self.broken()) is not None:
            self._give_up(error)
            with self._lock:
                for known in self._known.values():
                    known.trial = None
            return
        with self._lock:
            trials = [(known, known.trial) for known in self._known.values() if known.held and known.trial]
        for known, trial in trials:
            watch = trial.watch
            if watch is None or watch.age_s() < LOOK_S:
                continue
            # Not under the lock: to look whether the function can travel may call the caller's own code.
            guess = trial.so_far()
            if guess is not None and guess.profile.wall_s < LOOK_S and watch.age_s() < LONGEST_LOOK_S:
                continue
            with self._lock:
                if known.trial is not trial:
                    continue
                known.way = guess.backend if guess is not None else "threads"
                unwanted = self._release(known)
            self._refuse(unwanted)


def _says_less(choice: Choice, before: Choice) -> bool:
    """Tell whether the same work was measured with less of it seen, since others disturbed."""
    now, then = choice.profile, before.profile
    return now.gil_held is None and then.gil_held is not None and now.cpu_s > then.cpu_s / 2


def key_of(function: Callable[..., Any]) -> object:
    """Give what a function is recognised by, which keeps nothing of it alive but its code.

    Decorators give all their functions the same code, and each its own name; closures that are made anew for every task
    have the same of both, as they are the same work.
    """
    while isinstance(function, functools.partial):
        function = function.func
    # Of a method, that of its function, whatever it is bound to.
    code = getattr(function, "__code__", None)
    named = function if hasattr(function, "__qualname__") else type(function)
    return code, getattr(named, "__module__", None), getattr(named, "__qualname__", None)
