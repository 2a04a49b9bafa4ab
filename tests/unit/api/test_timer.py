import asyncio
import contextlib
import gc
import importlib
import logging
import os
import subprocess
import sys
import threading
import time

import pytest

import poolwise
from poolwise.errors import OptionError, TimerError

timer_module = importlib.import_module("poolwise.api.timer")

BURN = "import time, sys\nwhile time.process_time() < {}: pass\n"


def busy(seconds):
    """Compute for so many CPU seconds."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def quiet(label=None):
    """Give a timer that tells nothing."""
    return poolwise.timer(label, show=False)


# --- What process_time() misses ---------------------------------------------------------------------------------


def test_children_count_here_and_not_in_process_time():
    """0.3 s in a child that has ended and 0.3 s in one that lives on: process_time() sees neither, the timer both."""
    before = time.process_time()
    with quiet("children") as t:
        subprocess.run([sys.executable, "-S", "-c", BURN.format(0.3)], check=True)
        living = subprocess.Popen(
            [sys.executable, "-S", "-c", BURN.format(0.3) + "print(flush=True); sys.stdin.read()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        living.stdout.readline()
    missed = time.process_time() - before
    living.communicate()
    assert missed < 0.3
    assert t.timing.usage.cpu_children_s >= 0.6
    assert t.timing.cpu_s >= 0.6


def test_workers_of_a_pool_that_stays_count():
    """They are alive at the end, and nobody has waited for them."""
    with poolwise.Pool("processes", max_workers=2) as pool:
        pool.map(busy, [0.0])
        with quiet() as t:
            list(pool.map(busy, [0.2, 0.2, 0.2]))
    assert t.timing.usage.cpu_children_s >= 0.55


def test_a_timer_does_not_change_how_workers_start():
    """What looks at the GIL ends before a fork, and is no reason against one."""
    program = (
        "import poolwise\n"
        "def f(x): return x\n"
        "with poolwise.timer('a', show=False):\n"
        "    timed = poolwise.map(f, range(4), backend='processes').report.plan.start_method\n"
        "print(timed, poolwise.map(f, range(4), backend='processes').report.plan.start_method)\n"
    )
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    assert told[0] == told[1]


# --- Blocks -----------------------------------------------------------------------------------------------------


def test_a_block_is_told_on_standard_error(capsys):
    """Two lines, with its label, when it has ended; nothing on standard output."""
    with poolwise.timer("load"):
        time.sleep(0.5)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("load: ")
    assert err.splitlines()[1].startswith("  it waited, and hardly computed")


def test_a_block_without_a_label_is_named_by_its_place(capsys):
    """The file and the line."""
    with quiet() as t:
        pass
    assert t.timing.label.startswith("test_timer.py:")
    assert capsys.readouterr().err == ""


def test_computing_in_python_is_told_apart_from_waiting():
    """One core, the GIL held."""
    with quiet() as t:
        busy(0.2)
    assert t.timing.usage.cpu_own_s >= 0.19
    assert t.timing.verdict.kind in ("python", "one_core", "mixed")  # mixed: on a machine that is very busy
    assert t.timing.peak_bytes > 0


def test_what_a_block_raises_passes_and_the_timing_is_told(capsys):
    """With the error's name."""
    t = poolwise.timer("bad")
    with pytest.raises(ZeroDivisionError), t:
        1 / 0  # noqa: B018 - it raises
    assert t.timing.failed == "ZeroDivisionError"
    assert capsys.readouterr().err.startswith("bad (ZeroDivisionError): ")


def test_timers_inside_are_indented_and_kept_in_the_outer_one(capsys):
    """In the order in which they end; the next one beside is not inside."""
    with poolwise.timer("outer") as outer:
        with poolwise.timer("first"), poolwise.timer("deep"):
            pass
        with poolwise.timer("second"):
            pass
    with quiet("beside"):
        pass
    assert [each.label for each in outer.timing.within] == ["first", "second"]
    assert [each.label for each in outer.timing.within[0].within] == ["deep"]
    # Of each, the first of its two lines.
    titles = [line.split(":")[0] for line in capsys.readouterr().err.splitlines()[::2]]
    assert titles == ["    deep", "  first", "  second", "outer"]


def test_threads_have_timers_of_their_own():
    """One that is started inside a block is not inside of it, and none disturbs another."""
    found = []

    def work(number):
        with quiet(f"outer {number}") as outer, quiet(f"inner {number}"):
            time.sleep(0.001)
        found.append((outer.timing.label, [each.label for each in outer.timing.within]))

    with quiet() as around:
        threads = [threading.Thread(target=work, args=[number]) for number in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert sorted(found) == [(f"outer {number}", [f"inner {number}"]) for number in range(8)]
    assert around.timing.within == ()


def test_a_function_is_shown_the_timing(capsys):
    """Instead of the words on standard error."""
    shown = []
    with poolwise.timer("x", show=shown.append) as t:
        pass
    assert shown == [t.timing]
    assert capsys.readouterr().err == ""


def test_a_function_that_raises_while_it_is_shown_harms_nobody(caplog):
    """It is logged, and the block goes on."""

    def show(timing):
        raise ValueError("no")

    with caplog.at_level(logging.ERROR, "poolwise"), poolwise.timer("x", show=show) as t:
        done = True
    assert done
    assert t.timing.label == "x"
    assert "show function raised" in caplog.text


def test_a_timer_can_be_used_again_and_not_twice_at_once():
    """One after the other; the last timing is kept."""
    t = quiet("again")
    with pytest.raises(TimerError, match="not timed anything yet"):
        _ = t.timing
    with t:
        pass
    first = t.timing
    with t, pytest.raises(TimerError, match="running already"):
        t.__enter__()
    assert t.timing != first


@pytest.mark.parametrize("bad", [{"label": 3}, {"show": "yes"}, {"label": "x", "show": None}])
def test_what_is_no_label_or_no_way_to_show_is_refused(bad):
    """At once, with a word on what it should be."""
    with pytest.raises(OptionError, match="write"):
        poolwise.timer(**bad)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_times_for_itself():
    """With a watcher of its own."""
    with quiet("parent") as t:
        pid = os.fork()
        if not pid:
            code = 1
            with contextlib.suppress(BaseException):
                with quiet("child") as inner:
                    busy(0.1)
                code = 0 if inner.timing.cpu_s >= 0.09 and inner.timing.peak_bytes else 2
            os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert t.timing.usage.cpu_children_s >= 0.09


# --- Functions --------------------------------------------------------------------------------------------------


def test_a_function_is_timed_with_its_name_at_each_call():
    """It stays what it was: its name, its result, its errors."""
    shown = []

    @poolwise.timer(show=shown.append)
    def double(x: int) -> int:
        """Double it."""
        return 2 * x

    assert (double(2), double(x=3), double.__doc__) == (4, 6, "Double it.")
    assert [each.label.rpartition(".")[2] for each in shown] == ["double", "double"]
    with pytest.raises(TypeError):
        double()
    assert shown[2].failed == "TypeError"


def test_a_plain_decorator_needs_no_call(capsys):
    """``@poolwise.timer`` above a function."""

    @poolwise.timer
    def triple(x):
        return 3 * x

    assert triple(2) == 6
    assert "triple: " in capsys.readouterr().err


def test_a_function_that_calls_itself_is_timed_inside_itself():
    """Each call is a timing."""
    shown = []

    @poolwise.timer("down", show=shown.append)
    def down(n):
        return n and down(n - 1)

    down(2)
    assert len(shown) == 3
    assert shown[2].within[0].within[0] == shown[0]


def test_a_coroutine_function_is_timed_while_it_is_awaited():
    """Not only while its coroutine is made; tasks side by side do not mix."""
    shown = []

    @poolwise.timer("nap", show=shown.append)
    async def nap(seconds):
        with quiet(f"in {seconds}"):
            await asyncio.sleep(seconds)
        return seconds

    async def both():
        return await asyncio.gather(nap(0.05), nap(0.02))

    assert asyncio.run(both()) == [0.05, 0.02]
    assert [(each.wall_s >= 0.02, [inner.label for inner in each.within]) for each in shown] == [
        (True, ["in 0.02"]),
        (True, ["in 0.05"]),
    ]


def test_of_a_generator_only_its_own_time_counts():
    """Who takes what it gives may take his time; send and what it returns go through."""
    shown = []

    @poolwise.timer("numbers", show=shown.append)
    def numbers():
        got = yield 1
        busy(0.02)
        yield got
        return "end"

    def whole():
        return (yield from numbers())

    steps = whole()
    assert next(steps) == 1
    busy(0.2)
    time.sleep(0.2)
    assert steps.send("hello") == "hello"
    assert shown == []
    with pytest.raises(StopIteration) as ended:
        next(steps)
    assert ended.value.value == "end"
    (timing,) = shown
    assert 0.02 <= timing.usage.cpu_own_s < 0.15
    assert timing.wall_s < 0.35
    assert (timing.failed, timing.gil_share) == (None, None)


def test_a_generator_that_is_dropped_or_fails_is_told():
    """A drop is no failure."""
    shown = []

    @poolwise.timer("g", show=shown.append)
    def g():
        yield 1
        raise ValueError

    steps = g()
    next(steps)
    steps.close()
    assert [each.failed for each in shown] == [None]
    with pytest.raises(ValueError):
        list(g())
    assert [each.failed for each in shown] == [None, "ValueError"]
    g().close()
    assert len(shown) == 2


def test_of_an_async_generator_only_its_own_time_counts():
    """As of the other kind."""
    shown = []

    @poolwise.timer("numbers", show=shown.append)
    async def numbers():
        for number in range(3):
            await asyncio.sleep(0.01)
            yield number

    async def take():
        taken = []
        async for number in numbers():
            await asyncio.sleep(0.1)
            taken.append(number)
        return taken

    assert asyncio.run(take()) == [0, 1, 2]
    (timing,) = shown
    assert 0.03 <= timing.wall_s < 0.25


def test_only_functions_can_be_decorated():
    """Anything else is refused at once."""
    with pytest.raises(OptionError, match="decorates functions"):
        quiet()(3)


def test_an_async_generator_that_is_dropped_halfway_is_told_and_measured_no_longer():
    """Nobody awaits its end, and what looks at the GIL meanwhile must come to one."""
    heard = []

    @poolwise.timer("given", show=heard.append)
    async def give():
        yield 1
        yield 2

    async def take_one():
        async for _ in give():
            break

    asyncio.run(take_one())
    gc.collect()
    assert [timing.label for timing in heard] == ["given"]
    assert timer_module._meter._users == 0
