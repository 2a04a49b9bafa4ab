"""A function's first tasks in a pool that chooses: they are run on a thread, as real work, and measured there."""

from __future__ import annotations

from typing import Any, Protocol

from poolwise.api.pool_sent import Lot
from poolwise.decide.pool import choose_workers
from poolwise.errors import FunctionShippingError
from poolwise.measure.trial import TrialWatch, with_function, with_payloads
from poolwise.model.choice import Choice
from poolwise.model.classes import frozen
from poolwise.model.events import Batch, Failed
from poolwise.model.machine import Machine
from poolwise.model.profile import Profile
from poolwise.run.desk import Many
from poolwise.run.self_service import attempt
from poolwise.work.call import Call
from poolwise.work.functions import pack_function
from poolwise.work.task import PoolFuture, Task


@frozen
class Seats:
    """What a pool that chooses has to give away."""

    machine: Machine
    threads: int
    processes: int

    def choose(self, function: Any, profile: Profile) -> Choice:  # noqa: ANN401 - whatever can be called
        """Say which workers should have a function; that it can travel is looked at only where it would."""
        name = Call(function).name
        choice = choose_workers(name, profile, self.machine, threads=self.threads, processes=self.processes)
        if choice.backend == "threads":
            return choice
        profile = with_function(profile, _problem(function))
        return choose_workers(name, profile, self.machine, threads=self.threads, processes=self.processes)


class Judge(Protocol):
    """Who wants to know what comes of trials."""

    def learn(self, trial: Trial, choice: Choice | None) -> None:
        """A trial is over; None: nothing was learnt, since it was cancelled or has failed."""
        ...


class Trial:
    """One task of a function that is measured."""

    def __init__(self, judge: Judge, seats: Seats, task: Task | Many) -> None:
        """Run nothing yet."""
        self.function = task.function
        self.watch: TrialWatch | None = None
        """None: it has not begun, or is over."""
        self._judge, self._seats = judge, seats
        self._over = False

    def as_task(self, task: Task) -> Task:
        """Give what a thread runs in the task's place."""
        return TrialTask(self, Task(task.future, self._run, (task.args, task.kwargs), {}))

    def as_first_of(self, lot: Lot) -> Task:
        """Give what a thread runs for the first item of a map."""
        return TrialTask(self, Task(PoolFuture(), self._run_first, (lot,), {}))

    def so_far(self) -> Choice | None:
        """Say what it looks like by now; None where nobody can tell."""
        watch = self.watch
        profile = watch.so_far() if watch is not None else None
        return None if profile is None else self._seats.choose(self.function, profile)

    def give_up(self) -> None:
        """It will not run."""
        self._end(None)

    # --- In the thread that runs it ----------------------------------------------------------------------------

    def _run(self, args: Any, kwargs: Any) -> Any:  # noqa: ANN401 - what the task was given and gives
        choice = None
        self.watch = TrialWatch()
        try:
            result = self.function(*args, **kwargs)
            choice = self._judged((args, kwargs), result)
        finally:
            self._stop()
            # Before the future is done: who has a result may ask why the next task goes where it goes.
            self._end(choice)
        return result

    def _run_first(self, lot: Lot) -> None:
        if lot.head.cancelled:
            self._end(None)
            return
        item = lot.head.items[0]
        args = item if lot.spread else (item,)
        value, error = attempt(self._run, (args, {}), {})
        lot.head_takes(Batch(lot.head.start, [value], {} if error is None else {0: Failed(0, error, 1)}))
        # An error holds the frames that it came through, this one among them.
        del lot, item, args, value, error

    def _judged(self, arguments: Any, result: Any) -> Choice:  # noqa: ANN401 - see above
        watch = self.watch
        assert watch is not None  # noqa: S101 - it has begun
        profile = watch.end()
        self.watch = None
        return self._seats.choose(self.function, with_payloads(profile, arguments, result))

    def _stop(self) -> None:
        watch, self.watch = self.watch, None
        if watch is not None:
            watch.end()

    def _end(self, choice: Choice | None) -> None:
        if not self._over:
            self._over = True
            self._judge.learn(self, choice)


class TrialTask(Task):
    """A task that tells its trial when nobody wants it any more."""

    def __init__(self, trial: Trial, task: Task) -> None:
        """Be this task."""
        super().__init__(task.future, task.function, task.args, task.kwargs)
        self._trial = trial

    def may_run(self) -> bool:
        """Tell whether it is still wanted; see ``Task``."""
        wanted = super().may_run()
        if not wanted:
            self._trial.give_up()
        return wanted


def _problem(function: Any) -> str | None:  # noqa: ANN401 - whatever can be called
    try:
        pack_function(function, spread=False)
    except FunctionShippingError as error:
        return str(error)
    return None
