"""Telling whoever watches a run how far it is."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable

from poolwise.model.events import Rest, Resume
from poolwise.model.progress import Progress
from poolwise.model.units import Seconds
from poolwise.run.forecast import Forecast
from poolwise.run.scheduler import Scheduler

logger = logging.getLogger("poolwise")

# Progress is told so often: a person sees no more, and it costs nothing at that rate.
EVERY_S: Seconds = 0.1

Watch = Callable[[Progress], object]


def announced(total: int | None, known: int, hint: int | None) -> int | None:
    """Give the number of items: as it is known, else as the caller has announced it and nothing speaks against it."""
    if total is not None:
        return total
    return hint if hint is not None and hint >= known else None


def tell_rest(news: Rest | Resume) -> None:
    """Tell by the log that the run rests, or goes on."""
    if isinstance(news, Rest):
        logger.log(
            logging.INFO if news.again else logging.WARNING,
            "the service fails (%s, %d times in a row): nothing is sent for %.3g s, and then one item",
            news.what,
            news.failures,
            news.seconds,
        )
    elif news.served:
        logger.warning("the service answers again: the run goes on, after %.3g s of rest in all", news.rested_s)
    else:
        logger.warning(
            "the service still fails after %.3g s of rest: it is not waited for any more, and items fail as they do",
            news.rested_s,
        )


class Telling:
    """Tells one watcher of one run; one that raises is switched off and logged, and never harms the run."""

    def __init__(self, watch: Watch | None, begun: Seconds, desc: str = "", total: int | None = None) -> None:
        """Tell nothing yet; ``total`` is what the caller has announced."""
        self.watch = watch
        self._begun = self._told = self._told_elsewhere = begun
        self._desc = desc
        self._hint = total
        self._forecast = Forecast()

    def tell(self, now: Seconds, scheduler: Scheduler, *, last: bool = False, elsewhere: bool = False) -> None:
        """Tell, unless it was told a moment ago; from ``elsewhere`` than the caller's thread only who minds no thread.

        A caller's function may belong to the thread that it was made in, as everything of a window does.
        """
        watch = self.watch
        if watch is None or (not last and now - (self._told_elsewhere if elsewhere else self._told) < EVERY_S):
            return
        if elsewhere and not getattr(watch, "minds_no_thread", False):
            return
        # What happens in the caller's thread is news, even if another has told just now that nothing did.
        if not elsewhere:
            self._told = now
        self._told_elsewhere = now
        try:
            watch(self._progress(now, scheduler, finished=last))
        except Exception:
            logger.exception("the progress function raised and was switched off")
            self.watch = None

    def _progress(self, now: Seconds, scheduler: Scheduler, *, finished: bool) -> Progress:
        elapsed_s, resting = now - self._begun, None if finished else scheduler.resting
        counts, workers = scheduler.counts, scheduler.busy_workers
        done = counts.done
        total = scheduler.total if finished else announced(scheduler.total, scheduler.known, self._hint)
        # What a journal knew says nothing of how fast the work goes.
        ran, to_run = done - counts.recalled, None if total is None else total - counts.recalled
        self._forecast.see(elapsed_s, ran)
        outlook = self._forecast.tell(elapsed_s, ran, to_run, workers)
        rate = outlook.rate if outlook is not None else None
        low_s = high_s = None
        if finished:
            rate = ran / elapsed_s if ran and elapsed_s > 0 else None
            low_s = high_s = 0.0 if done == total else None
        elif outlook is not None and math.isfinite(outlook.high_s):
            low_s, high_s = outlook.low_s, outlook.high_s
        return Progress(
            done,
            total,
            counts.failed,
            counts.retried,
            workers,
            elapsed_s,
            finished,
            self._desc,
            rate,
            low_s,
            high_s,
            recalled=counts.recalled,
            resting=None if resting is None else max(0.0, resting[0] - now),
            trouble="" if resting is None else resting[1],
        )
