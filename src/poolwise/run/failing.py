"""What becomes of an item that has failed: one verdict, whoever had a hand in it.

An error that an item ended with goes the first of these ways that holds::

    the far side had too many, and the gate has heard of it ──▶ to the gate, behind the others
    company may have caused it (``crowd.py``)               ──▶ again, in less company
    it has tries left (``trials.py``)                       ──▶ again, now or later
    else                                                    ──▶ given up

An item on which a worker was lost is a suspect, and is run again by itself, until it has as many deaths as it may have
(``inquest.py``); where its own code has ended the worker, it has failed like any other.

Whether the service fails as a whole (``rest.py``) is told by those that nobody excuses; while it rests, by all. The
verdict is a plain value: the scheduler carries it out, and is the only one that moves items.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

from poolwise.model.classes import frozen
from poolwise.model.events import Chunk, Instruction, TaskError, WorkerLost
from poolwise.model.units import Seconds
from poolwise.run.crowd import Crowd
from poolwise.run.inquest import Finding, Inquest
from poolwise.run.rest import Breaker
from poolwise.run.terms import Wishes
from poolwise.run.trials import Trials, excused_wait_s
from poolwise.work.trouble import let_go, trouble_of

if TYPE_CHECKING:
    from poolwise.run.gate import Gate

Way: TypeAlias = Literal["again", "in less company", "to the gate", "as a suspect", "given up"]


@frozen(kw_only=True)
class Circumstances:
    """How things stood when items failed."""

    now_s: Seconds
    at_once: int
    """So many items may have been under way together."""
    several: bool
    """There is more than one item in all."""


@frozen(kw_only=True)
class Verdict:
    """What becomes of an item that has failed."""

    way: Way
    wait_s: Seconds = 0.0
    """It goes out again after so long."""
    attempts: int = 0
    """Where it is given up: so often it was tried."""
    news: Sequence[Instruction] = ()
    """The service is given a rest, or is at work again."""


class Failing:
    """Hears of each failure, and says what becomes of the item."""

    def __init__(
        self, wishes: Wishes, breaker: Breaker, crowd: Crowd, gate: Gate | None, rng: Callable[[], float]
    ) -> None:
        """Know of no failure; ``breaker``, ``crowd`` and ``gate`` say besides what may be sent."""
        self._wishes = wishes
        self._breaker, self._crowd, self._gate = breaker, crowd, gate
        self._trials = Trials(wishes.retry, rng)
        self._inquest = Inquest()

    def judge(
        self, index: int, error: TaskError, chunk: Chunk, circumstances: Circumstances, *, excusable: bool
    ) -> Verdict:
        """An item of a chunk has ended with an error; ``excusable``: to run it again costs no other item's result."""
        verdict = self._judge(index, error, chunk, circumstances, excusable=excusable)
        if verdict.way != "given up":
            # Nobody will see this one.
            let_go(error.error)
        return verdict

    def _judge(
        self, index: int, error: TaskError, chunk: Chunk, circumstances: Circumstances, *, excusable: bool
    ) -> Verdict:
        crowding = self._wishes.crowding
        if self._gate is not None and self._gate.excused == index:
            return Verdict(way="to the gate", news=self._tell_trial(index, error, chunk, circumstances))
        if excusable and self._crowd.excuses(chunk.id, error.error, circumstances.at_once, crowding):
            news = self._tell_trial(index, error, chunk, circumstances)
            return Verdict(way="in less company", wait_s=excused_wait_s(error), news=news)
        return self._judge_own(index, error, chunk, circumstances)

    def examine(self, chunk: Chunk, event: WorkerLost) -> Finding:
        """Find the guilty item of a chunk whose worker was lost."""
        return self._inquest.examine(chunk, event)

    def judge_death(
        self, index: int, error: TaskError, chunk: Chunk, circumstances: Circumstances, *, guilty: bool
    ) -> Verdict:
        """A worker was lost on this item: another try, or no more. ``guilty``: the item has failed by this alone."""
        if guilty:
            return self._judge_own(index, error, chunk, circumstances)
        strikes = self._inquest.strike(index)
        if strikes <= self._wishes.crash_retries:
            return Verdict(way="as a suspect")
        self._inquest.close(index)
        return Verdict(way="given up", attempts=self._trials.close(index) + strikes)

    def _judge_own(self, index: int, error: TaskError, chunk: Chunk, circumstances: Circumstances) -> Verdict:
        """Nobody else is to blame."""
        news = self._tell_breaker(index, error, chunk, circumstances)
        wait_s = self._trials.judge(index, error)
        if wait_s is None:
            return Verdict(way="given up", attempts=self._trials.close(index), news=news)
        return Verdict(way="again", wait_s=wait_s, news=news)

    def _tell_trial(
        self, index: int, error: TaskError, chunk: Chunk, circumstances: Circumstances
    ) -> Sequence[Instruction]:
        """One that is excused says nothing of the service, unless it was sent to find out whether that works again."""
        return self._tell_breaker(index, error, chunk, circumstances) if self._breaker.holds else ()

    def _tell_breaker(
        self, index: int, error: TaskError, chunk: Chunk, circumstances: Circumstances
    ) -> Sequence[Instruction]:
        now_s, several = circumstances.now_s, circumstances.several
        return self._breaker.failed(index, chunk.id, error.trouble, now_s, several=several)


def error_of(event: WorkerLost) -> TaskError:
    """Make an item's error of its worker's death; only one that the item is guilty of can tell of a service."""
    return TaskError(event.error, trouble=trouble_of(event.error) if event.guilty else None)
