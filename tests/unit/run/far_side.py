"""Made-up far sides, in virtual time: what a level of concurrency brings against each of them."""

from __future__ import annotations

import heapq
import random
from collections import Counter, deque
from collections.abc import Callable
from typing import Protocol

from poolwise.model.classes import frozen
from poolwise.run.gate import MOST_EXCUSES, OWN_FAULT
from poolwise.run.level import Answer, Level

LATENCY_S = 0.05


class Server(Protocol):
    """Takes requests, and says when each is answered."""

    def ask(self, now: float, rng: random.Random) -> tuple[float, bool]:
        """Say when a request that comes now is answered, and whether it is served."""
        ...


class Fixed:
    """Each answer takes as long, or about as long, however many there are."""

    def __init__(self, jitter: Callable[[random.Random], float] = lambda _: 1.0) -> None:
        self.jitter = jitter

    def ask(self, now: float, rng: random.Random) -> tuple[float, bool]:
        return now + LATENCY_S * self.jitter(rng), True


class Refusing:
    """Serves so many at a time, by a schedule, and refuses the others."""

    def __init__(self, most: Callable[[float], int], refusal_s: float = 0.01) -> None:
        self.most, self.refusal_s = most, refusal_s
        self.ends: list[float] = []

    def ask(self, now: float, rng: random.Random) -> tuple[float, bool]:
        while self.ends and self.ends[0] <= now:
            heapq.heappop(self.ends)
        if len(self.ends) >= self.most(now):
            return now + self.refusal_s, False
        ends = now + LATENCY_S * rng.uniform(0.9, 1.1)
        heapq.heappush(self.ends, ends)
        return ends, True


class Queueing:
    """So many servers; whoever comes stands in line for the next that is free."""

    def __init__(self, servers: int, jitter: Callable[[random.Random], float] = lambda _: 1.0) -> None:
        self.free_at = [0.0] * servers
        self.jitter = jitter

    def ask(self, now: float, rng: random.Random) -> tuple[float, bool]:
        begins = max(now, heapq.heappop(self.free_at))
        ends = begins + LATENCY_S * self.jitter(rng)
        heapq.heappush(self.free_at, ends)
        return ends, True


class Busy:
    """The client itself takes its time for each request, one after another; the server takes as long whatever comes."""

    def __init__(self, per_s: float) -> None:
        self.each_s, self.free_at = 1 / per_s, 0.0

    def ask(self, now: float, rng: random.Random) -> tuple[float, bool]:
        self.free_at = max(now, self.free_at) + self.each_s
        return max(self.free_at, now + LATENCY_S) if self.free_at < now + LATENCY_S else self.free_at, True


@frozen
class Run:
    """What came of a run."""

    took_s: float
    requests: int
    refused: int
    failed: int
    limits: tuple[tuple[float, int], ...]
    """The level at each answer."""

    @property
    def waste(self) -> float:
        return self.refused / self.requests

    def level_after(self, at_s: float) -> list[int]:
        """Give the levels from a time on."""
        return [limit for at, limit in self.limits if at >= at_s]


class Constant(Level):
    """A fixed concurrency."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit, limit)

    def leave(self, ticket: int, now: float, answer: Answer | None) -> bool:
        self.inside -= 1
        return answer is not None and answer.refused


def run(server: Server, level: Level, items: int, seed: int) -> Run:
    """Send so many items to a server at a level, again where they are refused."""
    rng, now = random.Random(seed), 0.0
    waiting, seen = deque(range(items)), Counter()
    ends: list[tuple[float, int, int, float, bool, int]] = []
    limits, requests, refused, failed = [], 0, 0, 0
    while waiting or ends:
        while waiting and level.room(now):
            item = waiting.popleft()
            at_s, served = server.ask(now, rng)
            requests += 1
            heapq.heappush(ends, (at_s, requests, item, now, served, level.enter()))
        due = ends[0][0] if ends else level.rest_until
        if waiting and now < level.rest_until < due:
            due = level.rest_until
        now = max(now, due)
        while ends and ends[0][0] <= now:
            at_s, _, item, sent_s, served, ticket = heapq.heappop(ends)
            answer = Answer(at_s - sent_s, served=served, refused=not served, again=seen[item] >= OWN_FAULT)
            excused = level.leave(ticket, now, answer)
            if not served:
                refused += 1
                seen[item] += 1
                failed += not excused or seen[item] > MOST_EXCUSES
                if excused:
                    waiting.append(item)
            limits.append((now, level.limit))
    return Run(now, requests, refused, failed, tuple(limits))
