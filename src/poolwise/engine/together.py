"""A chunk whose items run on several threads of a worker: begun in order, sent in order, in parts.

The worker's own thread runs nothing meanwhile. It waits for the round to be over, and sends from time to time what is
done without a gap. The marks tell which items are in work, from the first that is not done to the last that was begun:
there is no saying which of them a death is to be laid on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from poolwise.engine.memory import Marks
from poolwise.model.classes import frozen
from poolwise.model.events import Outcome, TaskError
from poolwise.model.units import Seconds
from poolwise.work import dispatch, streams
from poolwise.work.call import Call
from poolwise.work.chunk import ChunkRules
from poolwise.work.chunk_threads import Round, Take, Team, ended

Send = Callable[[Outcome], None]
"""Sends the first values of what is left of a chunk, while others of it are in work."""


@frozen
class Places:
    """The marks, for a chunk whose first item stands at ``place`` in all that this worker was ever sent."""

    marks: Marks
    place: int

    def claim(self, begin: int, end: int) -> int:
        """Say which items are in work; give the one before which to stop."""
        return self.marks.claim(self.place + begin, self.place + end) - self.place

    def resume(self, begin: int) -> None:
        """Say from where on items are in work."""
        self.marks.resume(self.place + begin)


@frozen
class Lot:
    """A chunk as the worker finds it."""

    take: Take
    """Gives its items, by their offsets."""
    count: int
    first: int
    """The index of its first item."""
    place: int
    """Where that stands in all that this worker was ever sent."""


class Together:
    """Runs chunks on the threads of a worker."""

    def __init__(self, marks: Marks, seed: int | None, send_every_s: Seconds) -> None:
        """Start no thread before there is something to run."""
        self._marks = marks
        self._send_every_s = send_every_s
        self._seed = seed
        self._team = Team()
        if seed is not None:
            dispatch.begin()

    def run(self, call: Call, rules: ChunkRules, lot: Lot, at_once: int, send: Send) -> tuple[Outcome, bool]:
        """Run a chunk, ``at_once`` items of it at a time, and ``send`` now and then what is done.

        Gives what was not sent, and whether the rest was taken back.
        """
        begin = streams.own_streams(self._seed, lot.first)
        book = Places(self._marks, lot.place)
        playing = Round(call, lot.take, lot.count, rules, begin=begin, book=book)
        # Before: who starts threads waits for each of them, which are at work by then.
        begun_s, cpu_s, sent = time.perf_counter(), 0.0, 0
        self._team.play(playing, min(at_once, lot.count))
        while not playing.wait(self._send_every_s):
            if (done := playing.done()) > sent:
                now_s, cpu_now_s = time.perf_counter(), playing.cpu_s
                values, errors = playing.values[sent:done], _between(playing.errors, sent, done)
                playing.pack(sent)
                each_s = playing.each_s[sent:done]
                send(Outcome(values, errors, now_s - begun_s, cpu_now_s - cpu_s, ended_s=now_s, each_s=each_s))
                playing.values[sent:done] = [None] * (done - sent)
                playing.pack(None)
                begun_s, cpu_s, sent = now_s, cpu_now_s, done
        values, errors = ended(playing, sent, rules)
        now_s, each_s = time.perf_counter(), playing.each_s[sent : sent + len(values)]
        cpu_s = playing.cpu_s - cpu_s
        return Outcome(values, errors, now_s - begun_s, cpu_s, ended_s=now_s, each_s=each_s), playing.cut


def _between(errors: dict[int, TaskError], start: int, stop: int) -> dict[int, Any]:
    return {offset - start: errors[offset] for offset in range(start, stop) if offset in errors}
