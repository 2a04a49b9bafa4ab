"""Random play with runs that are cut and taken up again: nothing is lost, and nothing is done twice for nothing.

Whole runs (``poolwise.map``, ``poolwise.imap``) in virtual time, over one journal, with retries, rests, rates, limits
and deaths. Ten thousand plays: ``POOLWISE_PLAYS=10000 python -m pytest --timeout 0 FILE``.
"""

from __future__ import annotations

import functools
import os
import random
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from poolwise import Limit, Rate, Retry
from poolwise.testing import Script
from tests.unit.api.taken_up.stage import BrokenError, BusyError, Cut, Stage, outside
from tests.unit.api.taken_up.verdict import Kept, Verdict, read

PLAYS = int(os.environ.get("POOLWISE_PLAYS", "15"))
# Flushing a disk takes more time than all the rest.
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a folder of our own in it
MOST_ITEMS = 24
LATE_S, TIMEOUT_S = 5.0, 1.0


def host(item: int) -> int:
    """Name the key of an item."""
    return item % 3


contents = st.integers(0, 8)
numbers = st.integers(0, MOST_ITEMS - 1)
retries = st.integers(0, 2) | st.builds(
    Retry,
    retries=st.integers(1, 3),
    on=st.sampled_from([Exception, OSError]),
    wait=st.sampled_from([None, 0, 0.3]),
    retry_after_max=st.just(10.0),
    rest_after=st.sampled_from([None, 1, 2, 4]),
)
rates = st.builds(
    Rate,
    st.sampled_from(["1000/s", "60/s", "7/s"]),
    key=st.sampled_from([None, host]),
    burst=st.integers(1, 3),
)
limits = st.builds(Limit, st.integers(1, 3), key=st.sampled_from([None, host]))


@st.composite
def options(draw: st.DrawFn) -> dict[str, Any]:
    """Choose what a user would write."""
    chosen = {
        "errors": draw(st.sampled_from(["raise", "collect", "skip"])),
        "retries": draw(retries),
        "ordered": draw(st.booleans()),
        "max_workers": draw(st.integers(1, 4)),
        "crash_retries": draw(st.integers(0, 2)),
        "chunksize": draw(st.none() | st.integers(1, 5)),
        "timeout": draw(st.sampled_from([None, None, TIMEOUT_S])),
    }
    if draw(st.booleans()):
        chosen |= {"rate": draw(st.lists(rates, max_size=2)), "limit": draw(st.lists(limits, max_size=2))}
    if chosen["errors"] != "raise":
        chosen["max_failures"] = draw(st.sampled_from([None, None, 0, 2]))
    return chosen


scripts = st.builds(
    Script,
    item_s=st.dictionaries(numbers, st.sampled_from([0.001, 0.3, LATE_S]), max_size=4),
    dies=st.dictionaries(numbers, st.integers(1, 3), max_size=2) | st.just({}),
    dies_at_start=st.sets(st.integers(0, 3), max_size=1),
)
failings = st.sampled_from(
    [
        BrokenError,
        BusyError,
        functools.partial(BusyError, retry_after=3.0),
        functools.partial(BusyError, retry_after=60.0),
    ]
)
verbs = st.sampled_from(["map", "imap"])
shapes = st.fixed_dictionaries({"lazy": st.booleans(), "read_s": st.sampled_from([0.0, 0.0, 0.02])})
cuts = st.builds(Cut, st.sampled_from(["kill", "power", "interrupt"]), st.integers(1, 80))


class TakenUp(RuleBasedStateMachine):
    """A list of items, a journal, and what happens to them."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="taken-up-", dir=MEMORY))
        self.journal = self.folder / "0.db"
        self.kept = Kept()
        self.items: list[int] = []
        self.is_right = True
        """Nothing was found so far."""
        outside.made.clear()
        outside.failing.clear()

    @initialize(items=st.lists(contents, min_size=8, max_size=MOST_ITEMS))
    def there_is_work(self, items: list[int]) -> None:
        self.items = items

    # --- The work changes ---------------------------------------------------------------------------------------------

    @rule(more=st.lists(contents, min_size=1, max_size=12), place=st.floats(0, 1))
    def items_come(self, more: list[int], place: float) -> None:
        at = int(place * len(self.items))
        self.items = [*self.items[:at], *more, *self.items[at:]][:MOST_ITEMS]

    @rule(left_out=st.sets(numbers, max_size=6))
    def items_go(self, left_out: set[int]) -> None:
        self.items = [item for index, item in enumerate(self.items) if index not in left_out]

    @rule(seed=st.integers(0, 9))
    def items_are_shuffled(self, seed: int) -> None:
        random.Random(seed).shuffle(self.items)

    @rule(item=contents, errors=st.lists(failings, max_size=4))
    def an_item_will_fail(self, item: int, errors: list[Any]) -> None:
        outside.failing[item] = list(errors)

    # --- It is run ----------------------------------------------------------------------------------------------------

    @rule(verb=verbs, options=options(), script=scripts, shape=shapes)
    def a_run(self, verb: Any, options: Any, script: Script, shape: Any) -> None:
        self.play(verb=verb, options=options, script=script, **shape)

    @rule(verb=verbs, options=options(), script=scripts, shape=shapes, cut=cuts)
    def a_run_that_is_cut(self, verb: Any, options: Any, script: Script, shape: Any, cut: Cut) -> None:
        self.play(verb=verb, options=options, script=script, cut=cut, **shape)

    @rule(
        options=options(),
        script=scripts,
        shape=shapes,
        takes=st.integers(0, 12),
        leaves=st.sampled_from(["closes", "drops"]),
    )
    def a_run_that_is_left(self, options: Any, script: Script, shape: Any, takes: int, leaves: Any) -> None:
        self.play(verb="imap", options=options, script=script, takes=takes, leaves=leaves, **shape)

    @rule(verb=verbs, options=options(), script=scripts, shape=shapes, pages=st.integers(0, 3))
    def a_run_for_which_the_disk_is_too_small(
        self, verb: Any, options: Any, script: Script, shape: Any, pages: int
    ) -> None:
        if self.journal.exists():
            self.play(verb=verb, options=options, script=script, pages_left=pages, **shape)

    def play(self, **more: Any) -> Stage:
        self.is_right = False
        stage = Stage(items=list(self.items), path=self.journal, **more)
        stage.play()
        after = read(stage.after)
        Verdict(stage, self.kept, after).judge()
        self.journal, self.kept, self.is_right = stage.after, after, True
        return stage

    # --- The end ------------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        """Once nothing fails any more, a run ends well, and the next has nothing to do."""
        outside.failing.clear()
        plain = {"errors": "raise", "retries": 0, "ordered": True, "max_workers": 2, "crash_retries": 1}
        ran = 0
        try:
            for _ in range(2 if self.is_right else 0):
                stage = self.play(verb="map", options=plain, script=Script())
                assert stage.ended is None
                assert [value[0] for value in stage.given] == self.items
                ran = len(stage.ledger.lines)
            assert ran == 0
        finally:
            shutil.rmtree(self.folder)


TestTakenUp = TakenUp.TestCase
TestTakenUp.settings = settings(
    max_examples=PLAYS,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
