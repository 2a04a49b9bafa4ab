"""What hosts say in robots.txt is kept, whatever they answer."""

from __future__ import annotations

import asyncio
import errno

import pytest

from poolwise.errors import FetchError
from poolwise.web import robots as room
from poolwise.web.record import Page
from poolwise.web.robots import AGAIN_S, KEPT_S, MOST_BYTES, MOST_DELAY_S, Robots, Turns
from poolwise.web.robots_get import patiently

pytest.importorskip("protego")

HOST = "https://example.org"
RULES = b"""\
User-agent: poolwise
Disallow: /private
Allow: /private/open
Disallow: /*.zip$
Crawl-delay: 2

User-agent: *
Disallow: /
"""


class Host:
    """Answers with what it is given, counts, and waits where it is told to."""

    def __init__(self, status: int = 200, body: bytes = b"", error: Exception | None = None) -> None:
        self.answer = (status, body)
        self.error = error
        self.asked: list[str] = []
        self.gate, self.reached = asyncio.Event(), asyncio.Event()
        self.gate.set()

    async def get(self, url: str) -> tuple[int, bytes]:
        self.asked.append(url)
        self.reached.set()
        await self.gate.wait()
        if self.error:
            raise self.error
        return self.answer


def judge(host: Host, *urls: str, name: str = "poolwise") -> list[bool]:
    """Ask for some pages, one after another."""

    async def ask_all() -> list[bool]:
        robots = Robots(host.get, name)
        return [(await robots.ask(HOST + url)).allowed for url in urls]

    return asyncio.run(ask_all())


def test_the_rules_for_our_name_are_kept() -> None:
    """The longest rule that fits counts, with wildcards; robots.txt itself may always be read."""
    host = Host(body=RULES)
    urls = ["/", "/private", "/private/open/x", "/a.zip", "/a.zip?x", "/robots.txt"]
    assert judge(host, *urls) == [True, False, True, False, True, True]
    assert host.asked == [f"{HOST}/robots.txt"]
    assert judge(host, *urls, name="other") == [False, False, False, False, False, True]


@pytest.mark.parametrize(
    ("status", "allowed"), [(204, True), (301, True), (401, True), (404, True), (410, True), (429, False), (503, False)]
)
def test_what_the_answer_means_where_there_is_no_file(status, allowed) -> None:
    """Nobody has to have one; a server that cannot answer now has not allowed anything (RFC 9309, 2.3.1)."""
    assert judge(Host(status), "/x") == [allowed]


def test_why_a_page_is_not_fetched_is_told() -> None:
    """The ruling names the file and what to do."""

    async def ask(host: Host) -> str | None:
        return (await Robots(host.get).ask(f"{HOST}/private")).reason

    assert asyncio.run(ask(Host(body=RULES))) == f"{HOST}/robots.txt does not allow poolwise to fetch it"
    assert "answers 503; until it can be read" in (asyncio.run(ask(Host(503))) or "")
    assert "cannot be read (no route)" in (asyncio.run(ask(Host(error=OSError("no route")))) or "")
    assert "cannot be read (TimeoutError)" in (asyncio.run(ask(Host(error=TimeoutError()))) or "")


@pytest.mark.parametrize(
    ("rules", "delay_s"),
    [
        (RULES, 2.0),
        (b"User-agent: *\nCrawl-delay: 0.5\nRequest-rate: 1/10s\n", 10.0),
        (b"User-agent: *\nCrawl-delay: nonsense\n", 0.0),
        (b"User-agent: *\nCrawl-delay: -1\n", 0.0),
        (b"User-agent: other\nCrawl-delay: 5\n", 0.0),
        (b"\xff\xfe\x00<html>", 0.0),
    ],
)
def test_the_pace_that_a_host_wants(rules: bytes, delay_s: float) -> None:
    """Crawl-delay or Request-rate, the slower of them; what cannot be read asks for none."""

    async def ask() -> float:
        return (await Robots(Host(body=rules).get).ask(f"{HOST}/x")).delay_s

    assert asyncio.run(ask()) == delay_s


def test_a_pace_that_is_none_is_told() -> None:
    """A host that wants an hour between two pages does not want to be fetched from a list."""

    async def ask() -> room.Ruling:
        return await Robots(Host(body=b"User-agent: *\nCrawl-delay: 3600").get).ask(f"{HOST}/x")

    ruling = asyncio.run(ask())
    assert not ruling.allowed
    assert f"wants 3600 s between two pages, and {MOST_DELAY_S} s are waited at most" in (ruling.reason or "")


def test_a_file_counts_up_to_its_limit_and_no_half_line() -> None:
    """Cut in the middle, ``Disallow: /private`` would forbid everything."""
    head = b"User-agent: *\nDisallow: /first\n"
    padding = b"#" * (MOST_BYTES - len(head) - len(b"\nDisallow: /")) + b"\n"
    assert judge(Host(body=head + padding + b"Disallow: /private\nDisallow: /late\n"), "/first", "/x", "/late") == [
        *(False, True, True)
    ]


def test_many_requests_to_a_new_host_wait_for_one_answer() -> None:
    """A request that is cancelled meanwhile does not take it from the others."""

    async def ask_at_once() -> tuple[int, list[object]]:
        host = Host(body=RULES)
        host.gate.clear()
        robots = Robots(host.get)
        tasks = [asyncio.create_task(robots.ask(f"{HOST}/{number}")) for number in range(10)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.sleep(0)
        host.gate.set()
        return len(host.asked), await asyncio.gather(*tasks, return_exceptions=True)

    asked, found = asyncio.run(ask_at_once())
    assert asked == 1
    assert isinstance(found[0], asyncio.CancelledError)
    assert found[1:] == [room.Ruling(allowed=True, delay_s=2.0)] * 9


def test_too_few_open_files_are_no_answer_of_the_host() -> None:
    """The error comes out for the engine to see, and the next request asks again."""

    async def ask_twice() -> room.Ruling:
        host = Host(error=OSError(errno.EMFILE, "too many open files"))
        robots = Robots(host.get)
        with pytest.raises(OSError, match="too many open files"):
            await robots.ask(f"{HOST}/x")
        host.error = None
        return await robots.ask(f"{HOST}/x")

    assert asyncio.run(ask_twice()) == room.Ruling(allowed=True)


def test_each_origin_has_its_own() -> None:
    """Another scheme or port is another server; the usual port and capital letters are not."""
    host = Host()
    names = ["http://a.org/", "http://A.org:80/x", "https://a.org/", "http://a.org:81/"]

    async def ask_all() -> None:
        robots = Robots(host.get)
        for name in names:
            await robots.ask(name)

    asyncio.run(ask_all())
    assert host.asked == [f"{name}/robots.txt" for name in ("http://a.org", "https://a.org", "http://a.org:81")]


@pytest.mark.parametrize(("status", "kept_s"), [(200, KEPT_S), (404, KEPT_S), (503, AGAIN_S)])
def test_what_was_read_is_kept_for_a_while(status: int, kept_s: float) -> None:
    """A day where there was an answer, a minute where there was none."""
    now = 1000.0

    async def ask() -> list[int]:
        nonlocal now
        host = Host(status)
        robots = Robots(host.get, clock=lambda: now)
        counts = []
        for step in (0.0, kept_s - 1, 1.0):
            now += step
            await robots.ask(f"{HOST}/x")
            counts.append(len(host.asked))
        return counts

    assert asyncio.run(ask()) == [1, 1, 2]


def test_the_memory_of_many_hosts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host that was asked for longest ago is forgotten first, and asked again when it is needed."""
    monkeypatch.setattr(room, "KEPT_BYTES", 3 * room.LEAST_BYTES)
    host = Host()

    async def ask_all() -> int:
        robots = Robots(host.get)
        for name in "abacadaeb":
            await robots.ask(f"https://{name}.org/")
        return len(robots._known)

    assert asyncio.run(ask_all()) == 3
    assert "".join(url[8] for url in host.asked) == "abcdeb"


def test_closing_stops_what_is_being_asked_for() -> None:
    """Nothing is left running in the loop."""

    async def ask_and_close() -> set[asyncio.Task[object]]:
        host = Host()
        host.gate.clear()
        robots = Robots(host.get)
        task = asyncio.create_task(robots.ask(f"{HOST}/x"))
        await host.reached.wait()
        await robots.close()
        with pytest.raises(asyncio.CancelledError):
            await task
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(ask_and_close()) == set()


def test_turns_keep_the_pace_of_each_host() -> None:
    """Requests that come together are spread; who comes late waits for nobody; a host without a pace never waits."""
    turns = Turns()
    assert [turns.take("a", 2.0, 100.0) for _ in range(3)] == [0.0, 2.0, 4.0]
    assert turns.take("b", 2.0, 100.0) == 0.0
    assert turns.take("c", 0.0, 100.0) == 0.0
    assert turns.take("a", 2.0, 105.0) == 1.0
    assert turns.take("a", 2.0, 200.0) == 0.0


def test_turns_that_are_over_are_forgotten() -> None:
    """A run over many hosts does not remember each of them."""
    turns = Turns()
    for number in range(10 * Turns.MANY):
        turns.take(f"host {number}", 1.0, float(10 * number))
    assert len(turns._next) <= Turns.MANY + 1


def play(answers: list[int | Exception], *, waits: int) -> tuple[int | Exception, int]:
    """Ask patiently a host that answers so, one after another; give what comes of it, and how often it was asked."""
    left = iter(answers)

    async def get(_: str) -> tuple[int, bytes]:
        answer = next(left)
        if isinstance(answer, Exception):
            raise answer
        return answer, b""

    async def ask() -> int | Exception:
        try:
            return (await patiently(get, [0.0] * waits)(f"{HOST}/robots.txt"))[0]
        except FetchError as error:
            return error

    return asyncio.run(ask()), len(answers) - len(list(left))


def broken(*, worth_retrying: bool) -> FetchError:
    """A robots.txt that could not be had."""
    return FetchError(Page(url=HOST, number=1), worth_retrying=worth_retrying)


DROPPED, HOPELESS = broken(worth_retrying=True), broken(worth_retrying=False)


@pytest.mark.parametrize(
    ("answers", "came", "asked"),
    [
        ([503, 200, 404], 200, 2),
        ([DROPPED, 429, 404], 404, 3),
        ([503, 503, 503, 200], 503, 3),
        ([200, 503], 200, 1),
        ([403, 200], 403, 1),
        ([HOPELESS, 200], HOPELESS, 1),
        ([503, DROPPED, DROPPED], DROPPED, 3),
    ],
)
def test_one_bad_moment_does_not_cost_all_pages_of_a_host(answers, came, asked) -> None:
    """All of them hang on this one answer: it is asked for again where it may be another one by then."""
    assert play(answers, waits=2) == (came, asked)
