"""Which errors company may have caused: those that libraries really raise, and look-alikes."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import signal
import socket
import sqlite3
import threading
import urllib.error
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwise.work.crowding import SCARCE, crowding
from poolwise.work.trouble import MOST_CAUSES


def raised(act: Callable[[], object]) -> BaseException:
    """Give what ``act`` raises."""
    try:
        act()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def elsewhere(act: Callable[[], object]) -> BaseException:
    """Give what ``act`` raises in a thread of its own."""
    found: list[BaseException] = []
    thread = threading.Thread(target=lambda: found.append(raised(act)))
    thread.start()
    thread.join()
    return found[0]


def http_error(code: int) -> urllib.error.HTTPError:
    """Make urllib's error for a status."""
    error = urllib.error.HTTPError("http://localhost/", code, "no", {}, io.BytesIO(b""))  # type: ignore[arg-type]
    error.close()
    return error


class StatusError(Exception):
    """An error that keeps its status as requests, httpx and aiohttp do."""

    def __init__(self, **fields: object) -> None:
        super().__init__("no")
        self.__dict__.update(fields)


def caused(error: BaseException, *causes: BaseException) -> BaseException:
    """Chain errors as ``raise ... from`` does."""
    first = error
    for cause in causes:
        error.__cause__ = cause
        error = cause
    return first


# --- The far side, or the machine ----------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    "make",
    [
        http_error,
        lambda status: StatusError(response=SimpleNamespace(status_code=status)),
        lambda status: StatusError(status=status),
        lambda status: StatusError(status_code=status),
        lambda status: StatusError(code=status),
    ],
    ids=["urllib", "requests and httpx", "aiohttp", "openai", "other"],
)
def test_a_server_that_refuses_may_have_had_too_many(make: Callable[[int], BaseException], status: int) -> None:
    """Wherever a client keeps the status."""
    assert crowding(make(status)) == "refused"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 502, 504, 0])
def test_other_answers_are_no_such_refusal(status: int) -> None:
    """A page that is not there is not there either way."""
    assert crowding(http_error(status)) is None
    assert crowding(StatusError(response=SimpleNamespace(status_code=status))) is None


def test_open_files_that_run_out() -> None:
    """The system's own error, raised by the system: more files than are allowed."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open(os.devnull, os.O_RDONLY)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, before[1]))
    try:
        error = raised(lambda: os.open(os.devnull, os.O_RDONLY))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        os.close(lowest)
    assert isinstance(error, OSError)
    assert (error.errno, crowding(error)) == (errno.EMFILE, "refused")


def test_a_connection_that_nobody_takes() -> None:
    """Where urllib wraps it, the reason tells."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    refused = raised(lambda: socket.create_connection(("127.0.0.1", port), timeout=5))
    assert crowding(refused) == "refused"
    assert crowding(urllib.error.URLError(refused)) == "refused"
    assert crowding(caused(ValueError("wrapped"), RuntimeError("twice"), refused)) == "refused"


@pytest.mark.parametrize("number", sorted(SCARCE), ids=errno.errorcode.get)
def test_what_the_system_is_short_of(number: int) -> None:
    """Each of these may be over when fewer ask."""
    assert crowding(OSError(number, os.strerror(number))) == "refused"


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EACCES, errno.EISDIR, errno.ENOSPC, errno.EPIPE, errno.EINVAL])
def test_what_it_is_not(number: int) -> None:
    """A file that is missing, a full disk: fewer do not help."""
    assert crowding(OSError(number, os.strerror(number))) is None


def test_a_locked_database(tmp_path: object) -> None:
    """In the own words of sqlite, from a database that somebody else writes to."""
    path = os.path.join(str(tmp_path), "data.db")  # noqa: PTH118 - sqlite wants a string
    with sqlite3.connect(path) as one, sqlite3.connect(path, timeout=0) as other:
        one.execute("create table t (x)")
        one.commit()
        one.execute("begin exclusive")
        error = raised(lambda: other.execute("insert into t values (1)"))
        one.rollback()
    one.close()
    other.close()
    assert crowding(error) == "refused"


def test_threads_that_cannot_be_started() -> None:
    """Python's own words for a limit on threads."""
    assert crowding(RuntimeError("can't start new thread")) == "refused"


# --- Only the calling thread ---------------------------------------------------------------------------------


def test_sqlite_objects_belong_to_the_thread_that_made_them() -> None:
    """A connection that is used from another thread."""
    connection = sqlite3.connect(":memory:")
    error = elsewhere(lambda: connection.execute("select 1"))
    connection.close()
    assert crowding(error) == "thread"


def test_what_a_thread_keeps_for_itself_is_not_in_another() -> None:
    """``threading.local`` that the caller has filled."""
    local = threading.local()
    local.session = 1
    assert crowding(elsewhere(lambda: local.session)) == "thread"


def test_signals_belong_to_the_main_thread() -> None:
    """signal.signal in any other thread."""
    assert crowding(elsewhere(lambda: signal.signal(signal.SIGUSR1, signal.SIG_DFL))) == "thread"


def test_no_event_loop_in_another_thread() -> None:
    """asyncio.get_event_loop in a thread that has none."""
    error = elsewhere(asyncio.get_event_loop)
    assert crowding(error) == "thread"


# --- Look-alikes ---------------------------------------------------------------------------------------------


class NoWords(Exception):  # noqa: N818 - a user's
    """An error that cannot even be printed."""

    def __str__(self) -> str:
        raise ValueError("not now")


@pytest.mark.parametrize(
    "error",
    [
        ValueError("429"),
        KeyError("status"),
        AttributeError("'NoneType' object has no attribute 'session'"),
        StatusError(code="429"),
        StatusError(status="too many"),
        StatusError(response=None),
        TimeoutError("timed out"),
        MemoryError(),
        NoWords(),
        sqlite3.OperationalError("no such table: t"),
        sqlite3.IntegrityError("UNIQUE constraint failed: t.x"),
        RuntimeError("dictionary changed size during iteration"),
        ZeroDivisionError("division by zero"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_look_alikes(error: BaseException) -> None:
    """Errors of the function itself are failures at once."""
    assert crowding(error) is None


def test_a_chain_in_a_circle_ends() -> None:
    """Errors may name each other as their cause."""
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert crowding(one) is None


def test_a_long_chain_is_followed_so_far() -> None:
    """What lies deeper than any library wraps is not looked for."""
    deep = [ValueError(str(number)) for number in range(MOST_CAUSES)]
    scarce = OSError(errno.EMFILE, "too many open files")
    assert crowding(caused(deep[0], *deep[1:-1], scarce)) == "refused"
    assert crowding(caused(ValueError("top"), *[ValueError(str(n)) for n in range(MOST_CAUSES)], scarce)) is None


@given(text=st.text(max_size=60), status=st.none() | st.integers() | st.text(max_size=5))
def test_it_never_raises(text: str, status: object) -> None:
    """Whatever a user's error holds."""
    error = StatusError(status=status, reason=text, response=status, errno=status)
    assert crowding(error) in {None, "refused"}
    assert (crowding(error) == "refused") == (status in (429, 503))
