"""What has to be true of a run and its journal, however it ended."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from poolwise.errors import JournalWriteError, TaskTimeoutError, TooManyFailuresError, WorkerDiedError
from poolwise.journal.values import FAILURE, read_value
from poolwise.model.failure import Failure
from poolwise.model.quota import Limit, Rate, quotas_of
from poolwise.model.retry import as_retry
from tests.unit.api.taken_up.ledger import Line
from tests.unit.api.taken_up.stage import BrokenError, BusyError, ConsumerError, KilledError, Stage, outside

# Times are sums of floats.
ABOUT_S = 1e-6


@dataclass
class Kept:
    """What is in a journal."""

    results: defaultdict[int, list[Any]] = field(default_factory=lambda: defaultdict(list))
    """By item, in the order of recording."""
    failures: Counter[int] = field(default_factory=Counter)
    attempts: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    """As ``results``: how often each that failed was tried."""

    @property
    def marks(self) -> Counter[int]:
        """Count the results by their marks."""
        return Counter(value[1] for values in self.results.values() for value in values)


def read(path: Path) -> Kept:
    """Read a journal by other means than ours, and see that it is whole."""
    kept = Kept()
    if not path.exists():
        return kept
    with contextlib.closing(sqlite3.connect(path)) as journal:
        assert journal.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        if not journal.execute("SELECT 1 FROM sqlite_master").fetchone():
            return kept
        rows = "SELECT item, form, value, attempts FROM results LEFT JOIN failures USING (id) ORDER BY results.id"
        for item, form, value, attempts in journal.execute(rows):
            if form == FAILURE:
                kept.failures[int(item)] += 1
                kept.attempts[int(item)].append(attempts)
            else:
                kept.results[int(item)].append(read_value(form, value))
        # Errors have rows of their own, and none is left behind.
        orphans = "SELECT count(*) FROM failures WHERE id NOT IN (SELECT id FROM results)"
        assert journal.execute(orphans).fetchone() == (0,)
    return kept


class Verdict:
    """Compares a run with what was kept before it and after it."""

    def __init__(self, stage: Stage, before: Kept, after: Kept) -> None:
        """Judge nothing yet."""
        self._stage, self._before, self._after = stage, before, after
        self._lines = stage.ledger.lines
        self._options = stage.options
        self._retry = as_retry(self._options["retries"])
        self._errors = self._options["errors"]
        self._known: dict[int, Any] = {}
        """What is expected to be found of an item: its result, or how often a failed one was tried."""
        self._again: set[int] = set()
        """Items whose recorded failures are to be replaced."""
        self._look_up()

    def _look_up(self) -> None:
        """Find what is known of each item as the manual has it: each record once, results before failures."""
        seen: Counter[int] = Counter()
        for index, item in enumerate(self._stage.items):
            place = seen[item]
            seen[item] += 1
            results, attempts = self._before.results[item], self._before.attempts[item]
            if place < len(results):
                self._known[index] = results[place]
            elif place - len(results) < len(attempts):
                if self._errors == "raise":
                    self._again.add(index)
                else:
                    self._known[index] = attempts[place - len(results)]

    def judge(self) -> None:
        """Say what is not as it must be, by an AssertionError."""
        self._ended_for_a_reason()
        self._nothing_known_runs()
        for line in self._lines.values():
            self._tried_as_allowed(line)
        self._quotas_are_kept()
        self._given_is_right()
        self._results_are_kept()
        self._failures_are_kept()
        self._little_is_wasted()
        if self._stage.ended is None:
            self._all_is_given()

    # --- How it ended -------------------------------------------------------------------------------------------------

    def _ended_for_a_reason(self) -> None:
        stage, error = self._stage, self._stage.ended
        if error is None:
            return
        if isinstance(error, TooManyFailuresError):
            self._too_many(error)
        elif isinstance(error, JournalWriteError):
            assert stage.pages_left is not None, error
            assert "the disk is full" in str(error)
            for index, value in error.unsaved.items():
                line = self._lines[index]
                assert value == line.value if line.done else line.errors or line.lost
        elif isinstance(error, KilledError | KeyboardInterrupt):
            assert stage.cut is not None
        elif isinstance(error, ConsumerError):
            assert stage.takes is not None
        else:
            assert isinstance(error, BrokenError | BusyError | TaskTimeoutError | WorkerDiedError), repr(error)
            assert self._errors == "raise"

    def _too_many(self, error: TooManyFailuresError) -> None:
        assert len(error.failures) > self._options["max_failures"]
        for index, value in error.done.items():
            assert value[0] == self._stage.items[index]
            assert self._after.marks[value[1]] == 1

    # --- What ran -----------------------------------------------------------------------------------------------------

    def _nothing_known_runs(self) -> None:
        ran = set(self._lines) & set(self._known)
        assert not ran, f"items {sorted(ran)} were run, and are kept"

    def _tried_as_allowed(self, line: Line) -> None:
        """Not more often than allowed, and not sooner."""
        assert len(line.errors) <= self._retry.retries + 1
        assert line.strikes <= self._options["crash_retries"] + 1
        for tries, (failed_s, error, sent) in enumerate(line.errors, 1):
            later = line.sent[sent:]
            if self._is_final(tries, error):
                assert not later, "an item that has failed for good was sent again"
            elif later:
                wait_s = self._retry.wait_s(tries + 1, 1.0, helps=error.trouble is not None)
                if error.trouble is not None and self._retry.retry_after:
                    wait_s = max(wait_s, error.trouble.retry_after_s or 0.0)
                assert later[0] >= failed_s + wait_s - ABOUT_S

    def _is_final(self, tries: int, error: Any) -> bool:
        asked_s = error.trouble.retry_after_s if error.trouble is not None and self._retry.retry_after else None
        too_long = asked_s is not None and asked_s > self._retry.retry_after_max
        return tries > self._retry.retries or not self._retry.takes(error.error) or too_long

    def _quotas_are_kept(self) -> None:
        for quota in quotas_of(self._options.get("rate"), self._options.get("limit")):
            by_key: defaultdict[Any, list[tuple[float, float]]] = defaultdict(list)
            for index, begin_s, end_s in self._spans():
                by_key[quota.key(self._stage.items[index]) if quota.key else None].append((begin_s, end_s))
            for spans in by_key.values():
                if isinstance(quota, Limit):
                    assert quota.most is None or _most_at_once(spans) <= quota.most
                else:
                    assert _is_spaced(sorted(begin_s for begin_s, _ in spans), quota)

    def _spans(self) -> Iterable[tuple[int, float, float]]:
        yield from self._stage.ledger.spans
        yield from self._stage.ledger.open_spans()

    # --- What was given -----------------------------------------------------------------------------------------------

    def _given_is_right(self) -> None:
        """What the caller was given so far: right, each once, in order where that was asked for, and kept."""
        marks = [value[1] for value in self._stage.given if not isinstance(value, Failure)]
        assert len(set(marks)) == len(marks), "a result was given twice"
        lost = [mark for mark in marks if self._after.marks[mark] != 1]
        assert not lost, f"results {lost} were given, and are not kept"
        failed = Counter(value.item for value in self._stage.given if isinstance(value, Failure))
        assert failed <= self._after.failures, "failures were given, and are not kept"
        for value in self._stage.given:
            if isinstance(value, Failure):
                self._failure_is_right(value)
        if self._options["ordered"]:
            given = _shown(self._stage.given)
            expected = self._expected()[: len(given)]
            assert given == expected, f"given is {given}, and not {expected}"

    def _failure_is_right(self, failure: Failure) -> None:
        assert failure.item == self._stage.items[failure.index]
        if failure.index in self._known:
            assert failure.attempts == self._known[failure.index]
        else:
            line = self._lines[failure.index]
            if not line.lost:
                assert failure.attempts == len(line.errors)
            assert line.lost or self._is_final(len(line.errors), line.errors[-1][1])

    def _expected(self) -> list[Any]:
        """List what the caller is to be given, in order, as far as it is known."""
        expected = []
        for index in range(len(self._stage.items)):
            known = self._known.get(index)
            line = self._lines.get(index)
            value = line.value if line is not None and line.done else known if not isinstance(known, int) else None
            if value is not None:
                expected.append(value[1])
            elif self._errors != "skip":
                expected.append(("failed", index))
        return expected

    def _all_is_given(self) -> None:
        """It has come to its end: nothing is missing."""
        given = _shown(self._stage.given)
        expected = self._expected()
        assert sorted(given, key=str) == sorted(expected, key=str)
        assert not self._stage.ledger.under_way()
        for index in range(len(self._stage.items)):
            line = self._lines.get(index)
            ended = line is not None and (line.done or line.errors or line.lost)
            assert index in self._known or ended, f"nothing came of item {index}"

    # --- What was kept ------------------------------------------------------------------------------------------------

    def _results_are_kept(self) -> None:
        """All that was there, all that was surely taken in, and nothing that was not told."""
        marks = self._after.marks
        assert max(marks.values(), default=1) == 1, "a result was kept twice"
        lost = set(self._before.marks) - set(marks)
        assert not lost, f"results {lost} were kept, and are gone"
        told = {line.value[1] for line in self._lines.values() if line.done}
        assert set(marks) <= set(self._before.marks) | told, "what nobody has told of is kept"
        if self._is_durable():
            missing = {line.value[1] for line in self._lines.values() if line.done and line.taken_in} - set(marks)
            assert not missing, f"results {missing} were told, and are not kept"

    def _failures_are_kept(self) -> None:
        least, most = Counter(self._before.failures), Counter(self._before.failures)
        for index, line in self._lines.items():
            item, sure = self._stage.items[index], line.taken_in and self._is_durable()
            final = bool(line.errors) and self._is_final(len(line.errors), line.errors[-1][1])
            if index in self._again:
                # The old one goes when it is known what comes in its place.
                least[item] -= line.done or final or line.lost > 0
                most[item] -= sure and line.done
            least[item] += final and not line.done and sure
            most[item] += not line.done and (final or line.lost > 0)
        for item in {*least, *most, *self._after.failures}:
            assert least[item] <= self._after.failures[item] <= most[item], f"failures of {item}"

    def _is_durable(self) -> bool:
        """Tell whether what was kept must be there: what the power took since the last flush need not be."""
        return not (self._stage.dead and self._stage.cut is not None and self._stage.cut.kind == "power")

    def _little_is_wasted(self) -> None:
        """What ran in vain was with somebody who was lost, or was under way at the end."""
        if not self._is_durable() or isinstance(self._stage.ended, JournalWriteError):
            return
        items = self._stage.items
        loose = Counter(items[index] for index in self._stage.ledger.under_way())
        loose += Counter(items[index] for index, line in self._lines.items() for _ in range(line.lost))
        if self._stage.ended is not None:
            loose += Counter(items[index] for index, line in self._lines.items() if line.done and not line.taken_in)
        marks = self._after.marks
        wasted = Counter(
            outside.made[mark] for mark in range(self._stage.first_mark, len(outside.made)) if not marks[mark]
        )
        assert wasted <= loose, f"{wasted - loose} ran and are not kept"


def _shown(given: Sequence[Any]) -> list[Any]:
    return [("failed", value.index) if isinstance(value, Failure) else value[1] for value in given]


def _most_at_once(spans: Sequence[tuple[float, float]]) -> int:
    # Who goes at the moment at which another comes has gone before.
    changes = sorted([(end_s, -1) for _, end_s in spans] + [(begin_s, 1) for begin_s, _ in spans])
    now = most = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


def _is_spaced(times: Sequence[float], rate: Rate) -> bool:
    """Tell whether in no window more began than a full bucket and what flowed in."""
    return all(
        times[last] - times[first] >= (last - first + 1 - rate.burst) * rate.spacing_s - ABOUT_S
        for first in range(len(times))
        for last in range(first + rate.burst, len(times))
    )
