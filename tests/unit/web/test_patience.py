"""One alarm for all steps of a request."""

from __future__ import annotations

import asyncio

import pytest

from poolwise.web.options import Limits
from poolwise.web.patience import Alarm, Patience

WATCHDOG_S = 20


class Clock:
    """A loop's clock and timers, moved by hand."""

    def __init__(self):
        self.now = 100.0
        self.timers = []

    def time(self):
        return self.now

    def call_at(self, at, ring):
        self.timers.append(Timer(at, ring))
        return self.timers[-1]

    def go_to(self, now):
        """Move on, and ring what is due."""
        self.now = now
        for timer in [*self.timers]:
            if timer.at <= now and not timer.over:
                timer.over = True
                timer.ring()


class Timer:
    def __init__(self, at, ring):
        self.at, self.ring, self.over = at, ring, False

    def cancel(self):
        self.over = True


def wait_with(do):
    """Wait within an alarm for what never comes, while ``do(clock, alarm)`` is done; give how it ended."""

    async def story():
        clock = Clock()
        alarm = Alarm(clock)
        async with asyncio.timeout(WATCHDOG_S):
            try:
                async with alarm:
                    asyncio.get_running_loop().call_soon(do, clock, alarm)
                    await asyncio.Event().wait()
            except TimeoutError:
                return clock

    return asyncio.run(story())


def test_steps_that_end_later_share_a_timer() -> None:
    """The timer that was set first looks at the time that holds by then, and rings for good at the last."""

    def do(clock, alarm):
        alarm.set(110.0)
        alarm.set(130.0)
        clock.go_to(110.0)
        assert not alarm.expired
        clock.go_to(129.0)
        assert not alarm.expired
        clock.go_to(130.0)
        assert alarm.expired

    assert [timer.at for timer in wait_with(do).timers] == [110.0, 130.0]


def test_a_step_that_ends_earlier_rings_earlier() -> None:
    """Its timer takes the place of the other one."""

    def do(clock, alarm):
        alarm.set(130.0)
        alarm.set(110.0)
        clock.go_to(110.0)
        assert alarm.expired

    assert [(timer.at, timer.over) for timer in wait_with(do).timers] == [(130.0, True), (110.0, True)]


def test_an_alarm_that_is_off_does_not_ring() -> None:
    """Until it is set again; and not once the request is done."""

    async def story():
        clock = Clock()
        async with Alarm(clock) as alarm:
            alarm.set(110.0)
            alarm.set(None)
            clock.go_to(120.0)
            alarm.set(150.0)
        clock.go_to(200.0)
        await asyncio.sleep(0)
        return alarm.expired, [timer.over for timer in clock.timers]

    assert asyncio.run(story()) == (False, [True, True])


def test_who_else_cancels_is_heard() -> None:
    """A request that is cancelled while its alarm rings is cancelled, and no TimeoutError."""

    def do(clock, alarm):
        alarm.set(110.0)
        clock.go_to(110.0)
        alarm._task.cancel()

    with pytest.raises(asyncio.CancelledError):
        wait_with(do)


def test_which_limit_has_passed_is_told() -> None:
    """That of the step, or that of the whole page, where it ends before."""
    clock = Clock()
    patience = Patience(clock, Limits(connect_s=5, answer_s=10, whole_s=12))
    patience.connecting()
    assert patience.trouble().kind == "connect_timeout"
    clock.now = 104.0
    patience.connected(anew=True)
    assert (patience.connect_s, patience.trouble().kind) == (4.0, "whole_timeout")
    patience.connected(anew=False)
    assert (patience.connect_s, patience.reused) == (None, True)
