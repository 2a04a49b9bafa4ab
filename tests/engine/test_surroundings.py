"""What surrounds the function in a worker process: its prints, log records, warnings, and the caller's context."""

from __future__ import annotations

import asyncio
import contextlib
import decimal
import io
import logging
import os
import signal
import sys
import threading
import warnings
from contextvars import ContextVar
from pathlib import Path

import pytest

import poolwise
from poolwise.errors import WorkerDiedError
from tests.engine.programs import run_program

METHODS = ["fork", "forkserver", "spawn"]
each_method = pytest.mark.parametrize("method", METHODS)

tenant: ContextVar[str] = ContextVar("tenant", default="nobody")
untold: ContextVar[object] = ContextVar("untold")
logger = logging.getLogger("surroundings.function")


def processes(method: str, workers: int = 2) -> dict[str, object]:
    """Give the options for worker processes by one start method."""
    return {"backend": "processes", "start_method": method, "max_workers": workers, "progress": False}


# --- Prints --------------------------------------------------------------------------------------------------------


def say(item):
    """Print in every way that goes through Python."""
    print("out", item)
    print("err", item, file=sys.stderr)
    sys.stdout.buffer.write(b"bytes %d\n" % item)
    print("half", item, end="")
    return item


@each_method
def test_prints_arrive_in_the_callers_streams(method: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What workers print goes to the caller's ``sys.stdout`` and ``sys.stderr``, in order, half lines too."""
    assert poolwise.map(say, range(2), **processes(method, workers=1)) == [0, 1]
    told = capsys.readouterr()
    assert told.out == "out 0\nbytes 0\nhalf 0out 1\nbytes 1\nhalf 1"
    assert told.err == "err 0\nerr 1\n"


@each_method
def test_prints_follow_a_redirected_stdout(method: str) -> None:
    """``contextlib.redirect_stdout`` holds for workers, whole lines stay whole."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        poolwise.map(print_long, range(40), **processes(method))
    assert sorted(out.getvalue().splitlines()) == sorted(str(item) * 50 for item in range(40))


def print_long(item):
    """Print a line in many pieces."""
    for _ in range(50):
        print(item, end="")
    print()


def test_prints_come_before_the_results_of_their_chunk(capsys: pytest.CaptureFixture[str]) -> None:
    """A result that is handed on has been printed about before."""
    told = ""
    for result in poolwise.imap(say, range(20), chunksize=1, **processes("fork")):
        told += capsys.readouterr().out
        assert f"out {result}\n" in told


def die_after_printing(item):
    """Print, and die at once."""
    print("before the end of", item)
    if item == 1:
        os.kill(os.getpid(), 9)
    return item


@each_method
def test_prints_of_a_worker_that_dies_are_not_lost(method: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What was printed a moment before a SIGKILL arrives: it is what one looks for then."""
    poolwise.map(die_after_printing, range(2), errors="collect", **processes(method, workers=1))
    assert "before the end of 1\n" in capsys.readouterr().out


def write_to_descriptor(item):
    """Write past Python."""
    os.write(1, b"descriptor\n")
    return item


def test_what_is_written_to_a_descriptor_goes_where_it_went(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """``os.write(1, ...)`` reaches the descriptor, and Python's redirection does not catch it."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        poolwise.map(write_to_descriptor, range(1), **processes("fork"))
    assert (out.getvalue(), capfd.readouterr().out) == ("", "descriptor\n")


def print_from_threads(item):
    """Print from many threads of one worker at the same time."""
    threads = [threading.Thread(target=print_long, args=(item,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return b"x" * 500_000


def test_threads_of_a_worker_may_print_at_the_same_time(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines of several threads arrive whole, beside large results."""
    poolwise.map(print_from_threads, range(8), **processes("fork"))
    assert sorted(capsys.readouterr().out.splitlines()) == sorted([str(item) * 50 for item in range(8)] * 8)


def fork_and_print(item):
    """Print in a child that this function forks."""
    child = os.fork()
    if child == 0:
        # In one piece: where pytest captures the descriptor, its sys.stdout writes each at once, and children mix.
        sys.stdout.write(f"child {item}\n")
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(child, 0)
    print("worker", item)
    return item


def test_a_child_that_the_function_forks_prints_by_itself(capfd: pytest.CaptureFixture[str]) -> None:
    """Its prints go to its own descriptor, and never into the worker's channel."""
    assert poolwise.map(fork_and_print, range(4), **processes("fork")) == [0, 1, 2, 3]
    told = capfd.readouterr().out.splitlines()
    assert sorted(told) == sorted([f"{who} {item}" for who in ("child", "worker") for item in range(4)])


def test_a_closed_standard_output_ends_the_run(tmp_path: Path) -> None:
    """Where the reader of the output has gone, a print of a worker ends the run as one of a loop would."""
    source = """
        import os, sys
        import psutil
        import poolwise

        read, write = os.pipe()
        os.close(read)
        sys.stdout = os.fdopen(write, "w", buffering=1)
        try:
            poolwise.map(lambda item: print(item), range(100), backend="processes", start_method="fork")
        except BrokenPipeError:
            print("the reader has gone", len(psutil.Process().children()), file=sys.stderr)
        os._exit(0)
    """
    assert run_program(tmp_path, source).stderr == "the reader has gone 0\n"


def nested(item):
    """Print and log from a worker of a worker."""
    return list(poolwise.map(say_and_log, [item], **processes("fork", workers=1)))


def say_and_log(item):
    """Print a line and log a record."""
    print("inner", item)
    logger.warning("inner %d", item)
    return item


def test_workers_of_workers_are_heard(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    """What a nested worker says goes up all the way, once."""
    assert poolwise.map(nested, range(2), **processes("fork")) == [[0], [1]]
    assert sorted(capsys.readouterr().out.splitlines()) == ["inner 0", "inner 1"]
    assert sorted(record.getMessage() for record in caplog.records) == ["inner 0", "inner 1"]


# --- Log records ---------------------------------------------------------------------------------------------------


class Unpicklable:
    """Cannot travel."""

    def __reduce__(self):
        raise TypeError

    def __str__(self):
        return "a thing"

    __repr__ = __str__


def log(item):
    """Log in several ways."""
    logger.debug("nobody wants this")
    logger.info("item %d with %s", item, Unpicklable(), extra={"thing": Unpicklable()})
    try:
        {}[item]
    except KeyError:
        logger.exception("failed")
    return item


@each_method
def test_log_records_are_handled_once_by_the_callers_handlers(
    method: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """The caller's levels decide; the name says which worker; nothing is printed by the worker itself."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(processName)s %(message)s"))
    logger.addHandler(handler)
    try:
        with caplog.at_level(logging.INFO, logger.name):
            poolwise.map(log, [7], **processes(method, workers=1))
    finally:
        logger.removeHandler(handler)
    lines = stream.getvalue().splitlines()
    assert lines[:2] == ["poolwise-0 item 7 with a thing", "poolwise-0 failed"]
    assert lines[-1] == "KeyError: 7"
    assert [record.levelname for record in caplog.records] == ["INFO", "ERROR"]
    assert caplog.records[0].thing == "a thing"
    assert capfd.readouterr() == ("", "")


def log_often(item):
    """Log a record."""
    logger.warning("record")
    return item


class Counting(logging.Filter):
    """Counts what it is asked about, and marks it."""

    def filter(self, record):
        record.msg = f"[{record.getMessage()}]"
        return True


@each_method
def test_a_filter_of_a_logger_runs_once(method: str, caplog: pytest.LogCaptureFixture) -> None:
    """A filter that changes a record changes it once."""
    counting = Counting()
    logger.addFilter(counting)
    try:
        poolwise.map(log_often, range(2), **processes(method))
    finally:
        logger.removeFilter(counting)
    assert [record.getMessage() for record in caplog.records] == ["[record]", "[record]"]


def log_or_die(item):
    """Log a record; or die."""
    if item < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return log_often(item)


def test_a_filter_runs_once_for_each_worker_of_a_pool(caplog: pytest.LogCaptureFixture) -> None:
    """The first worker is forked and has the filter itself; the one that follows it comes from a forkserver."""
    counting = Counting()
    logger.addFilter(counting)
    try:
        with poolwise.Pool(max_workers=1, start_method="fork", crash_retries=0) as pool:
            assert pool.submit(log_or_die, 1).result() == 1
            assert type(pool.submit(log_or_die, -1).exception()) is WorkerDiedError
            assert pool.submit(log_or_die, 2).result() == 2
    finally:
        logger.removeFilter(counting)
    assert [record.getMessage() for record in caplog.records] == ["[record]", "[record]"]


# --- Warnings ------------------------------------------------------------------------------------------------------


class OwnWarning(UserWarning):
    """A warning of the function's own."""


def warn(item):
    """Warn in two ways."""
    warnings.warn(OwnWarning(f"careful with {item}"), stacklevel=1)
    warnings.warn("always the same", DeprecationWarning, stacklevel=1)
    return item


@each_method
def test_warnings_are_recorded_by_the_caller(method: str) -> None:
    """``catch_warnings(record=True)`` sees them with category, file and line."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        poolwise.map(warn, range(3), **processes(method))
    assert sorted(str(each.message) for each in caught) == ["always the same"] * 3 + [
        f"careful with {item}" for item in range(3)
    ]
    own = next(each for each in caught if each.category is OwnWarning)
    assert (own.filename, own.lineno) == (__file__, warn.__code__.co_firstlineno + 2)


@each_method
def test_the_callers_filters_decide(method: str) -> None:
    """A warning that is an error for the caller is raised in the function; one that is ignored is not sent."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", OwnWarning)
        results = poolwise.map(warn, range(2), errors="collect", **processes(method))
    assert [type(failure.error) for failure in results.failures] == [OwnWarning, OwnWarning]
    assert caught == []


@each_method
def test_the_callers_registry_decides_about_duplicates(method: str) -> None:
    """What is shown once for each line is shown once, however many workers there are."""
    globals().pop("__warningregistry__", None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("default", DeprecationWarning)
        poolwise.map(warn, range(8), chunksize=1, **processes(method))
    assert [str(each.message) for each in caught] == ["always the same"]


# --- Context variables ---------------------------------------------------------------------------------------------


def read_context(item):
    """Read what the caller has set."""
    return tenant.get(), decimal.getcontext().prec


async def await_context(item):
    """Read it in a coroutine."""
    return tenant.get(), decimal.getcontext().prec


@pytest.fixture
def context():
    """Set context variables, one of which cannot travel."""
    tokens = [(tenant, tenant.set("ours")), (untold, untold.set(threading.Lock()))]
    with decimal.localcontext() as local:
        local.prec = 50
        yield
    for variable, token in tokens:
        variable.reset(token)


@each_method
@pytest.mark.parametrize("function", [read_context, await_context])
def test_the_function_sees_the_callers_context(method: str, function, context) -> None:
    """Context variables of the caller are seen; one that cannot be pickled does no harm."""
    assert poolwise.map(function, range(2), **processes(method)) == [("ours", 50)] * 2


@each_method
def test_the_function_sees_the_context_of_the_awaiting_task(method: str, context) -> None:
    """``amap`` starts workers from a thread of its own, and the context is the caller's all the same."""

    async def main():
        tenant.set("the task's")
        return await poolwise.amap(read_context, range(2), **processes(method))

    assert asyncio.run(main()) == [("the task's", 50)] * 2


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_a_script_may_define_its_context_variables_itself(tmp_path: Path, method: str) -> None:
    """Variables of ``__main__`` travel with the function, their default too."""
    source = f"""
        import poolwise
        from contextvars import ContextVar

        name, other = ContextVar("name"), ContextVar("other", default="default")
        name.set("set")
        print(poolwise.map(lambda item: (name.get(), other.get()), [1], backend="processes", start_method={method!r}))
    """
    done = run_program(tmp_path, source)
    assert done.stdout == "[('set', 'default')]\n", done.stderr


def test_what_cannot_travel_is_told_to_who_looks_for_it(caplog: pytest.LogCaptureFixture, context) -> None:
    """A variable that is left out is named at debug level."""
    with caplog.at_level(logging.DEBUG, "poolwise"):
        poolwise.map(read_context, range(1), **processes("spawn"))
    assert any("workers do without the context variable untold" in each.getMessage() for each in caplog.records)
