"""robots.txt: what a host does not want to be fetched, and how often it wants to be asked (RFC 9309).

Each host's is read once, before its first page; whoever wants another page of that host meanwhile waits for the same
reading. The reading belongs to nobody in particular: a request that is cancelled does not take it away from the others.
"""

from __future__ import annotations

import asyncio
import errno
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from poolwise.errors import MissingExtraError
from poolwise.model.classes import frozen
from poolwise.model.units import Bytes, Seconds
from poolwise.web.agent import PRODUCT
from poolwise.web.urls import Url, as_url

GetRobots: TypeAlias = Callable[[str], Awaitable[tuple[int, bytes]]]
"""Fetches a robots.txt: gives the last status and the body, of which ``MOST_BYTES`` are enough. It follows
``LEAST_REDIRECTS`` redirects or more, to other hosts too; where there are too many, it gives the last one's status."""

LEAST_REDIRECTS: Final = 5  # RFC 9309, 2.3.1.2
MOST_BYTES: Final[Bytes] = 500 * 1024  # 2.5
KEPT_S: Final[Seconds] = 24 * 60 * 60  # 2.4
# "For now": a server that could not answer is asked again, but not for each page that waits for it.
AGAIN_S: Final[Seconds] = 60
# Of all hosts together, in bytes of their files: four thousand of the usual size. Rules that were read take up to 45
# times as much memory (measured, with nothing but short rules that hold wildcards).
KEPT_BYTES: Final[Bytes] = 4 * 1024 * 1024
LEAST_BYTES: Final[Bytes] = 1000  # what an empty one is counted as
# A longer wait between two pages is no pace: the pages of that host are told as not allowed.
MOST_DELAY_S: Final[Seconds] = 300
TOO_MANY_REQUESTS: Final = 429
SCARCE: Final = frozenset({errno.EMFILE, errno.ENFILE})


@frozen
class Ruling:
    """What robots.txt says of a page."""

    allowed: bool
    reason: str | None = None  # why it is not allowed, and what may help
    delay_s: Seconds = 0.0  # between the beginnings of two requests to this host


class Rules:
    """What one host's robots.txt says."""

    def __init__(self, ruling: Ruling, file: Any = None, *, size: Bytes = 0, until: float = 0.0) -> None:  # noqa: ANN401 - Protego
        """Judge by ``file``; where there is none, or it allows a page, give ``ruling``."""
        self._ruling, self._file = ruling, file
        self.size = max(size, LEAST_BYTES)
        self.until = until

    def judge(self, url: Url, name: str) -> Ruling:
        """Say whether the page may be fetched."""
        if url.target == "/robots.txt":  # 2.2.2
            return Ruling(allowed=True, delay_s=self._ruling.delay_s)
        if self._file is None or not self._ruling.allowed or self._file.can_fetch(str(url), name):
            return self._ruling
        return Ruling(allowed=False, reason=f"{url.origin}/robots.txt does not allow {name} to fetch it")


class Robots:
    """Asks each host once: ``ruling = await robots.ask(url)``; in one event loop.

    ``get`` fetches a robots.txt (``GetRobots``); what it raises means that the host cannot be reached, except where
    this process lacks open files. ``name`` is what robots.txt calls us (``product_token``). Raises MissingExtraError
    without protego, which the extra ``fetch`` brings.
    """

    def __init__(self, get: GetRobots, name: str = PRODUCT, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._get, self._name, self._clock = get, name, clock
        self._parse = _load_parser()
        self._known: OrderedDict[str, Rules] = OrderedDict()  # the one that was asked for last is the last
        self._size = 0
        self._asking: dict[str, asyncio.Task[Rules]] = {}

    def known(self, url: Url) -> Ruling | None:
        """Say it where the host's rules are here; None: ask."""
        rules = self._known.get(url.origin)
        if rules is None or self._clock() >= rules.until:
            return None
        self._known.move_to_end(url.origin)
        return rules.judge(url, self._name)

    async def ask(self, url: str | Url) -> Ruling:
        """Say whether a page may be fetched, and at what pace; a host that is new is asked for its robots.txt."""
        parsed = as_url(url)
        return (await self._rules_of(parsed.origin)).judge(parsed, self._name)

    async def close(self) -> None:
        """Stop what is being asked for."""
        tasks = [*self._asking.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _rules_of(self, origin: str) -> Rules:
        known = self._known.get(origin)
        if known is not None and self._clock() < known.until:
            self._known.move_to_end(origin)
            return known
        task = self._asking.get(origin)
        if task is None:
            task = self._asking[origin] = asyncio.create_task(self._read(origin))
        return await asyncio.shield(task)

    async def _read(self, origin: str) -> Rules:
        try:
            rules = await self._fetch(origin)
            self._remember(origin, rules)
            return rules
        finally:
            del self._asking[origin]

    async def _fetch(self, origin: str) -> Rules:
        try:
            status, body = await self._get(f"{origin}/robots.txt")
        except Exception as error:
            if isinstance(error, OSError) and error.errno in SCARCE:
                raise  # that is our own matter: the engine tries again with less at a time
            return self._closed(origin, f"cannot be read ({str(error) or type(error).__name__})")
        if 200 <= status < 300:  # noqa: PLR2004 - the classes of HTTP
            return self._open(origin, body)
        # 2.3.1.3: who has none, or gives it to nobody, allows all. 429 is a 4xx by its number only: it says "not now".
        if status < 500 and status != TOO_MANY_REQUESTS:  # noqa: PLR2004
            return Rules(Ruling(allowed=True), until=self._clock() + KEPT_S)
        return self._closed(origin, f"answers {status}")

    def _open(self, origin: str, body: bytes) -> Rules:
        file = self._parse(_text(body))
        delay_s = _delay(file, self._name)
        ruling = Ruling(allowed=True, delay_s=delay_s)
        if delay_s > MOST_DELAY_S:
            wants = (
                f"{origin}/robots.txt wants {delay_s:g} s between two pages, and {MOST_DELAY_S:g} s are waited at most"
            )
            ruling = Ruling(allowed=False, reason=wants)
        return Rules(ruling, file, size=min(len(body), MOST_BYTES), until=self._clock() + KEPT_S)

    def _closed(self, origin: str, why: str) -> Rules:
        """2.3.1.4: as long as nobody knows what is allowed, nothing is."""
        reason = f"{origin}/robots.txt {why}; until it can be read, no page of this host is fetched: try again later"
        return Rules(Ruling(allowed=False, reason=reason), until=self._clock() + AGAIN_S)

    def _remember(self, origin: str, rules: Rules) -> None:
        old = self._known.pop(origin, None)
        self._known[origin] = rules
        self._size += rules.size - (old.size if old else 0)
        while self._size > KEPT_BYTES and len(self._known) > 1:
            self._size -= self._known.popitem(last=False)[1].size


class Turns:
    """The pace of each host that wants one; pure."""

    # So many hosts, and those whose turn is over are forgotten.
    MANY: Final = 1000

    def __init__(self) -> None:
        """Nobody has had a turn."""
        self._next: dict[str, float] = {}

    def take(self, key: str, delay_s: Seconds, now: float) -> Seconds:
        """Take the host's next turn, and give the seconds until then."""
        if delay_s <= 0:
            return 0.0
        if len(self._next) > self.MANY:
            self._next = {each: turn for each, turn in self._next.items() if turn > now}
        turn = max(now, self._next.get(key, now))
        self._next[key] = turn + delay_s
        return turn - now


def _load_parser() -> Callable[[str], Any]:
    try:
        from protego import Protego  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError(
            "robots.txt is read by protego: pip install 'poolwise[fetch]' brings it (robots=False does without)"
        ) from error
    return Protego.parse


def _text(body: bytes) -> str:
    """Give what counts of a file; the line that the limit cuts does not: half of a path would forbid more."""
    if len(body) > MOST_BYTES:
        body = body[:MOST_BYTES]
        body = body[: max(body.rfind(b"\n"), body.rfind(b"\r")) + 1]
    return body.decode("utf-8-sig", errors="replace")


def _delay(file: Any, name: str) -> Seconds:  # noqa: ANN401 - Protego
    """Give the pace that a file asks for, by Crawl-delay or Request-rate, whichever is slower."""
    delay_s = file.crawl_delay(name) or 0.0
    rate = file.request_rate(name)
    if rate is not None and rate.requests > 0:
        delay_s = max(delay_s, rate.seconds / rate.requests)
    return float(delay_s)
