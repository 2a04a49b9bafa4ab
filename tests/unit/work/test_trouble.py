"""What an error says of a service."""

from __future__ import annotations

import errno
import io
import socket
import time
import urllib.error
from collections.abc import Iterator
from email.message import Message
from email.utils import formatdate

import pytest

from poolwise.errors import TaskTimeoutError
from poolwise.model.events import Trouble
from poolwise.work.trouble import MOST_CAUSES, causes, let_go, read_retry_after, trouble_of

made: list[urllib.error.HTTPError] = []


@pytest.fixture(autouse=True)
def every_answer_is_closed() -> Iterator[None]:
    """From Python 3.14 on, an answer that is left open is warned of."""
    yield
    while made:
        made.pop().close()


def http_error(status: int, **headers: str) -> urllib.error.HTTPError:
    """Make what urllib raises."""
    message = Message()
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    made.append(urllib.error.HTTPError("http://here/", status, "words", message, None))
    return made[-1]


class ResponseError(Exception):
    """As requests and httpx have it: the response is an attribute."""

    def __init__(self, status: int, headers: dict[str, str]) -> None:
        super().__init__("refused")
        self.response = type("Response", (), {"status_code": status, "headers": headers})()


class Asking(Exception):  # noqa: N818 - whatever it is called
    """An error with attributes of its own."""

    def __init__(self, **attributes: object) -> None:
        super().__init__("busy")
        self.__dict__.update(attributes)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_a_status_that_waiting_may_mend(status: int):
    """Such an answer is a service's trouble, named by its number."""
    assert trouble_of(http_error(status)) == Trouble(None, f"HTTP {status}")


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 410, 501, 505])
def test_a_status_that_waiting_does_not_mend(status: int):
    """That a page is not there, or not for us, says nothing of the service."""
    assert trouble_of(http_error(status)) is None


@pytest.mark.parametrize(
    "error",
    [
        http_error(503, Retry_After="7"),
        ResponseError(503, {"retry-after": "7"}),
        ResponseError(503, {"Retry-After": "7"}),
        Asking(status=503, headers={"Retry-After": "7"}),
        Asking(status=503, retry_after_s=7),
        Asking(status=503, retry_after="7.0"),
    ],
    ids=["urllib", "httpx", "requests", "aiohttp", "retry_after_s", "retry_after"],
)
def test_retry_after_is_found_where_clients_keep_it(error: Exception):
    """Headers of the error or of its response, in any case, and attributes that say it outright."""
    assert trouble_of(error) == Trouble(7.0, "HTTP 503")


def test_who_says_when_to_come_back_is_in_trouble_whatever_the_status():
    """Some services refuse with 403, and say how long."""
    assert trouble_of(http_error(403, Retry_After="60")) == Trouble(60.0, "HTTP 403")
    assert trouble_of(Asking(retry_after_s=0.5)) == Trouble(0.5, "Asking")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("120", 120.0), (" 3 ", 3.0), (2, 2.0), (1.5, 1.5), ("-4", 0.0), ("soon", None), ("", None), ("inf", None)],
)
def test_seconds(value: object, expected: float | None):
    """Seconds as text or number; nonsense is no wish, and what is past means now."""
    assert read_retry_after(value) == expected


@pytest.mark.parametrize("value", [None, True, float("nan"), b"3", [3]])
def test_what_is_no_wish(value: object):
    """Anything but a text or a number is left alone."""
    assert read_retry_after(value) is None


def test_a_time_of_day_counts_from_the_server_s_own():
    """Where the answer is dated, our clock does not matter."""
    assert read_retry_after("Fri, 31 Dec 1999 23:59:59 GMT", "Fri, 31 Dec 1999 23:59:29 GMT") == 30.0


def test_a_time_of_day_counts_from_now():
    """Where it is not dated, or in a way that nobody can read, ours has to do."""
    soon = formatdate(time.time() + 1000, usegmt=True)
    for date in (None, "yesterday"):
        assert 990 < (read_retry_after(soon, date) or 0) <= 1000


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (ConnectionResetError(errno.ECONNRESET, "reset"), "ConnectionResetError"),
        (TimeoutError("late"), "TimeoutError"),
        (TaskTimeoutError("late"), "TaskTimeoutError"),
        (OSError(errno.ENETUNREACH, "unreachable"), "OSError"),
        (urllib.error.URLError(ConnectionRefusedError(errno.ECONNREFUSED, "no")), "ConnectionRefusedError"),
        (socket.gaierror(socket.EAI_AGAIN, "try again"), "gaierror"),
        (type("TransportError", (Exception,), {})("httpx"), "TransportError"),
    ],
)
def test_nobody_answers(error: Exception, what: str):
    """Connections that fail and time-outs are a service's trouble, also where a library has wrapped them."""
    assert trouble_of(error) == Trouble(None, what)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("bad"),
        FileNotFoundError(errno.ENOENT, "no such file"),
        PermissionError(errno.EACCES, "not yours"),
        OSError(errno.ENOSPC, "full"),
        urllib.error.URLError(socket.gaierror(socket.EAI_NONAME, "no such host")),
    ],
)
def test_what_is_no_service_s(error: Exception):
    """The function's own errors, files and hosts that nobody knows: waiting would mend none."""
    assert trouble_of(error) is None


def test_an_error_that_raises_when_looked_at():
    """Whatever an exception does when it is asked, it has said nothing then."""

    class Nasty(Exception):  # noqa: N818 - see its name
        @property
        def response(self) -> object:
            raise RuntimeError

    assert trouble_of(Nasty()) is None


def test_causes_in_a_circle_end():
    """A chain that leads back to itself is followed for some links only."""
    one, two = ValueError(1), ValueError(2)
    one.__cause__, two.__cause__ = two, one
    assert len(list(causes(one))) == MOST_CAUSES


def test_an_answer_that_nobody_will_see_is_closed() -> None:
    """Urllib's error is the answer itself, with its connection; other errors have nothing to close."""
    answer = io.BytesIO(b"busy")
    error = urllib.error.HTTPError("http://here/", 503, "busy", Message(), answer)
    let_go(error)
    let_go(error)
    assert answer.closed
    let_go(ValueError("no answer"))
