"""Connections that nobody uses for the moment."""

from __future__ import annotations

from types import SimpleNamespace

from poolwise.web.idle import KEPT_S, Idle


class Clock:
    """A loop's clock and timers, moved by hand."""

    def __init__(self):
        self.now, self.timers = 0.0, []

    def time(self):
        return self.now

    def call_later(self, seconds, ring):
        self.timers.append((self.now + seconds, ring))
        return SimpleNamespace(cancel=self.timers.clear)

    def go_to(self, now):
        """Move on, and ring what is due."""
        self.now = now
        due = [timer for timer in self.timers if timer[0] <= now]
        self.timers = [timer for timer in self.timers if timer[0] > now]
        for _, ring in due:
            ring()


class Connection:
    """Stands in for aiohttp's."""

    def __init__(self):
        self.is_open, self.has_more = True, False
        self.protocol = SimpleNamespace(is_connected=lambda: self.is_open, should_close=False)

    @property
    def closed(self):
        return not self.is_open

    def close(self):
        self.is_open = False


def kept(count):
    """Keep some connections to one host; give where they are kept, and the clock."""
    clock, connections = Clock(), [Connection() for _ in range(count)]
    idle = Idle(clock)
    for connection in connections:
        idle.keep("http://a", connection)
    return idle, clock, connections


def test_the_one_that_was_used_last_comes_first() -> None:
    """Each is given once, and only to who asks the same host."""
    idle, _, (first, second) = kept(2)
    assert idle.take("http://b") is None
    assert [idle.take("http://a") for _ in range(3)] == [second, first, None]


def test_what_cannot_be_used_again_is_closed() -> None:
    """Closed at the far end, something there that nobody has asked for, or too old."""
    idle, clock, (old, dirty, gone) = kept(3)
    gone.is_open = False
    dirty.protocol.should_close = True
    clock.now = KEPT_S
    assert idle.take("http://a") is None
    assert not old.is_open
    assert not dirty.is_open


def test_one_that_is_not_clean_is_not_kept() -> None:
    """Its answer was not read to its end."""
    idle, _, _ = kept(0)
    dirty = Connection()
    dirty.protocol.should_close = True
    idle.keep("http://a", dirty)
    assert not dirty.is_open
    assert idle.take("http://a") is None


def test_what_nobody_asks_for_is_closed_by_and_by() -> None:
    """Of very many hosts, not every one keeps an open file; once nothing is kept, no timer is left."""
    idle, clock, (connection,) = kept(1)
    clock.go_to(KEPT_S / 2)
    late = Connection()
    idle.keep("http://b", late)
    clock.go_to(KEPT_S)
    assert (connection.is_open, late.is_open, len(clock.timers)) == (False, True, 1)
    clock.go_to(KEPT_S * 2)
    assert (late.is_open, clock.timers) == (False, [])


def test_the_end_closes_all() -> None:
    """And its timer."""
    idle, clock, connections = kept(2)
    idle.close()
    assert [connection.is_open for connection in connections] == [False, False]
    assert clock.timers == []
