"""The gate, alone and within a run in virtual time: who goes when, and that nobody is lost."""

from __future__ import annotations

import random
from collections import Counter, defaultdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poolwise.model.events import ChunkDone, Send, WorkerLost
from poolwise.model.quota import Limit, Rate
from poolwise.model.retry import Retry
from poolwise.run.books import MOST_KEYS, Pace
from poolwise.run.driver import Driver
from poolwise.run.gate import AT_HAND, MOST_EXCUSES, Gate
from poolwise.run.level import Answer
from poolwise.run.scheduler import Scheduler
from poolwise.run.terms import Wishes
from poolwise.testing import FakeBackend, FakeClock, Script
from poolwise.work.call import make_call
from poolwise.work.chunk import ChunkRules
from poolwise.work.items import make_items
from poolwise.work.job import Job
from tests.unit.run.play import crew

KEYS = 3


def key(item):
    """Name the host, so to speak."""
    return item % KEYS


def number(index):
    """Items are their own numbers here."""
    return index


class Strict(Scheduler):
    """A scheduler that is checked after each step."""

    def handle(self, *events):
        instructions = super().handle(*events)
        self.validate()
        return instructions


class Show:
    """A run through a gate, in virtual time."""

    def __init__(self, items, quotas, *, function=number, script=None, **wishes) -> None:
        self.clock = FakeClock()
        self.items = make_items((items,), stream=wishes.get("stream", False))
        self.gate = Gate(quotas, lambda index: self.items.slice(index, index + 1)[0])
        self.scheduler = Strict(Wishes(**wishes), self.items.total, self.items.known, self.gate)
        self.driver = Driver(self.scheduler, self.items, clock=self.clock.now)
        rules = ChunkRules(stop_at_error=False)
        job = Job(call=make_call(function, spread=False), items=self.items, rules=rules)
        self.backend = FakeBackend(job, script, clock=self.clock)

    def run(self, staff):
        batches = list(self.driver.run(self.backend, staff))
        return {
            batch.start + offset: batch.failures.get(offset, value)
            for batch in batches
            for offset, value in enumerate(batch.values)
        }, [batch.start for batch in batches]

    def begun(self) -> list[tuple[float, int]]:
        """Say when which item was sent."""
        return [(each.at_s, each.what.chunk.start) for each in self.backend.story if isinstance(each.what, Send)]

    def most_at_once(self, of=key) -> Counter:
        """Count how many of each key were with workers at a time, at most."""
        now, most, whose = Counter(), Counter(), defaultdict(list)
        for moment in self.backend.story:
            match moment.what:
                case Send(worker, chunk):
                    assert len(chunk) == 1
                    whose[worker].append(of(chunk.start))
                    now[of(chunk.start)] += 1
                    most |= now
                case ChunkDone(worker):
                    now[whose[worker].pop(0)] -= 1
                case WorkerLost(worker):
                    for each in whose.pop(worker, ()):
                        now[each] -= 1
        return most


def is_spaced(times: list[float], rate: Rate) -> bool:
    """Tell whether in no window more began than a full bucket and what flowed in."""
    spacing_s = rate.spacing_s
    return all(
        times[last] - times[first] >= (last - first + 1 - rate.burst) * spacing_s - 1e-6
        for first in range(len(times))
        for last in range(first + rate.burst, len(times))
    )


rates = st.builds(
    Rate,
    st.sampled_from(["1000/s", "60/s", "7/s", "30/min"]),
    key=st.sampled_from([None, key]),
    burst=st.integers(1, 4),
)
limits = st.builds(Limit, st.integers(1, 4), key=st.sampled_from([None, key]), adaptive=st.booleans())


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    quotas=st.lists(rates | limits, min_size=1, max_size=4),
    items=st.integers(0, 40),
    workers=st.integers(1, 6),
    deaths=st.dictionaries(st.integers(0, 39), st.integers(1, 3), max_size=3),
    bad=st.sets(st.integers(0, 39), max_size=3),
    retries=st.integers(0, 2),
    ordered=st.booleans(),
    stream=st.booleans(),
    lazy=st.booleans(),
    at_once=st.booleans(),
    errors=st.sampled_from(["collect", "raise"]),
    seed=st.integers(0, 5),
)
def test_every_run_keeps_to_what_was_asked(  # noqa: PLR0917 - hypothesis passes them
    quotas, items, workers, deaths, bad, retries, ordered, stream, lazy, at_once, errors, seed
):
    """Whatever dies or fails: never more of a key at a time, never closer together, each item once, until all are."""

    def function(item):
        if item in bad:
            raise ValueError(item)
        return item

    rng = random.Random(seed)
    durations = {index: rng.choice([0.001, 0.02, 0.5]) for index in range(items)}
    script = Script(item_s=durations, dies=deaths, start_s=0.005)
    numbers = iter(range(items)) if lazy else range(items)
    wishes = {"ordered": ordered, "stream": stream, "errors": errors, "retry": Retry(retries)}
    show = Show(numbers, quotas, function=function, script=script, **wishes)
    found, order = show.run(crew(workers, depth=2, gives_back=True, at_once=at_once))
    for quota in quotas:
        of = quota.key or (lambda _: None)
        if isinstance(quota, Limit):
            assert max(show.most_at_once(of).values(), default=0) <= quota.most
        else:
            times = defaultdict(list)
            for at_s, index in show.begun():
                times[of(index)].append(at_s)
            assert all(is_spaced(each, quota) for each in times.values())
    if errors == "collect":
        assert sorted(found) == list(range(items))
        assert all(value == index for index, value in found.items() if index not in bad and index not in deaths)
        assert not show.gate.held
    if ordered:
        assert order == sorted(order)


def test_a_key_with_many_items_holds_up_no_other():
    """5,000 of one host stand first: those of the others go as if they were alone."""
    show = Show(range(5_100), [Limit(2, key=lambda item: max(item, 4_999))], script=Script(item_s=1.0))
    show.run(crew(8))
    assert max(at_s for at_s, index in show.begun() if index >= 5_000) < 20.0


def test_keys_take_turns():
    """Where all together are bounded, too, no key is first every time."""
    show = Show(range(90), [Limit(1), Limit(1, key=lambda item: item // 30)], script=Script(item_s=1.0))
    show.run(crew(4))
    assert [index // 30 for _, index in show.begun()] == [0, 1, 2] * 30


def test_within_a_key_the_order_stays():
    """Items of a key go in their order."""
    show = Show(range(30), [Limit(1, key=key)])
    show.run(crew(4))
    for each in range(KEYS):
        assert [index for _, index in show.begun() if index % KEYS == each] == list(range(each, 30, KEYS))


def test_a_rate_is_kept_in_virtual_time():
    """Ten an hour take as long as that, and no time at all."""
    show = Show(range(11), [Rate("10/h")])
    show.run(crew(4))
    assert [round(at_s) for at_s, _ in show.begun()] == [360 * index for index in range(11)]
    assert show.gate.waited_s["rate"] == pytest.approx(3600, rel=0.01)


def test_no_more_workers_are_hired_than_can_have_work():
    """Of a hundred workers that may be, a limit of three wants three."""
    show = Show(range(50), [Limit(3)])
    show.run(crew(100))
    assert show.scheduler.counts.started == 3


def test_tries_after_a_failure_count_for_the_rate():
    """A second try goes through the gate as the first did."""

    def function(item):
        raise ValueError(item)

    show = Show(range(3), [Rate("1/s")], function=function, errors="collect", retry=Retry(1))
    show.run(crew(4))
    assert len(show.begun()) == 6
    assert is_spaced([at_s for at_s, _ in show.begun()], Rate("1/s"))


def test_an_item_without_a_key_fails_alone():
    """A key function that raises, or gives what cannot be hashed, costs the item, and says so."""

    def strange(item):
        if item == 1:
            raise LookupError("no host")
        return [] if item == 2 else 0

    show = Show(range(5), [Limit(2, key=strange)], errors="collect")
    found, _ = show.run(crew(2))
    assert [type(found[index].error.error) for index in (1, 2)] == [LookupError, TypeError]
    assert [found[index] for index in (0, 3, 4)] == [0, 3, 4]
    assert "key of rate= or limit=" in found[1].error.error.__notes__[0]


def test_a_key_is_asked_for_once():
    """Tries again and waiting ask for no key a second time."""
    asked = Counter()

    def counted(item):
        asked[item] += 1
        return item % 2

    def function(item):
        raise ValueError(item)

    quotas = [Limit(1, key=counted), Rate("100/s", key=counted)]
    show = Show(range(20), quotas, function=function, errors="collect", retry=Retry(2))
    show.run(crew(3))
    assert set(asked.values()) == {1}
    assert len(asked) == 20


def test_a_stream_reads_no_further_ahead_than_without():
    """The memory that ``imap`` may take is the same: what stands at the gate counts as read."""
    read = []

    def numbers():
        for item in range(2_000):
            read.append(item)
            yield item

    show = Show(numbers(), [Limit(1, key=lambda _: 0)], stream=True)
    batches = show.driver.run(show.backend, crew(2))
    next(batches)
    assert len(read) <= 32
    batches.close()


def test_only_what_is_at_hand_is_asked_for_its_key():
    """Where nobody waits for an item that is further on, no key is asked for before its time."""
    asked = []

    def noted(item):
        asked.append(item)
        return item

    gate = Gate([Limit(2, key=noted)], number)
    show = Show(range(10_000), [Limit(2, key=noted)])
    batches = show.driver.run(show.backend, crew(2))
    next(batches)
    assert gate.held == 0
    assert len(asked) <= 2 * AT_HAND
    batches.close()


def test_refusals_are_tried_again_without_retries():
    """A service that refuses company serves all in the end, and no retry is used up."""
    refused = set()

    def function(item):
        if item % 30 == 0 and item not in refused:
            refused.add(item)
            raise ConnectionRefusedError
        return item

    show = Show(range(100), [Limit(adaptive=True)], function=function, refusal=lambda _: True)
    found, _ = show.run(crew(20))
    assert sorted(found.values()) == list(range(100))
    assert (show.scheduler.counts.crowded, show.scheduler.counts.retried) == (4, 0)


def test_what_is_never_served_fails_in_the_end():
    """An item that is refused whatever happens is a failure after some tries."""

    def function(item):
        if item == 5:
            raise ConnectionRefusedError
        return item

    show = Show(range(300), [Limit(adaptive=True)], function=function, refusal=lambda _: True, errors="collect")
    found, _ = show.run(crew(20))
    assert isinstance(found[5].error.error, ConnectionRefusedError)
    assert show.scheduler.counts.crowded <= MOST_EXCUSES


def test_keys_that_are_idle_are_forgotten():
    """What is kept of a rate does not grow with the number of hosts."""
    pace = Pace(Rate("100/s", key=key))
    for step in range(10 * MOST_KEYS):
        pace.enter(step, step * 0.001)
    assert len(pace._due) <= 2 * MOST_KEYS


def test_releasing_what_is_not_away_does_nothing():
    """A death and a result that crossed each other free one place, not two."""
    gate = Gate([Limit(1)], number)
    gate.tell(0.0)
    for index in range(3):
        gate.hold(index)
    assert gate.take() == (0, False)
    gate.release(0, Answer(0.1, served=True))
    gate.release(0)
    assert gate.take() == (1, False)
    assert gate.take() is None
