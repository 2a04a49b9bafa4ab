import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from poolwise.measure.tree import children_of
from poolwise.measure.usage import UsageClock
from poolwise.measure.watcher import Watcher
from tests.memory import fill, fresh_pages

BURN = "import time, sys\nwhile time.process_time() < {}: pass\n"
TELL_AND_STAY = "print(flush=True); sys.stdin.read()\n"


@pytest.fixture
def watch():
    """Give a watcher of this process."""
    with Watcher() as watcher:
        assert watcher.is_here
        yield watcher


@pytest.fixture(params=["watched", "alone"])
def clock(request):
    """Give a clock, once with a watcher and once without."""
    with contextlib.ExitStack() as stack:
        yield UsageClock(watch=stack.enter_context(Watcher()) if request.param == "watched" else None)


def run(program):
    """Run a program to its end."""
    subprocess.run([sys.executable, "-S", "-c", program], check=True)


@contextlib.contextmanager
def staying(program, **options):
    """Run a program up to where it tells that it stays, and end it behind."""
    command = [sys.executable, "-S", "-c", program + TELL_AND_STAY]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options) as process:
        process.stdout.readline()
        yield process
        process.communicate()


def test_a_child_that_lives_and_one_that_was_waited_for_both_count_once(clock):
    """0.2 s in a child that has ended and 0.3 s in one that still lives are 0.5 s."""
    with clock:
        run(BURN.format(0.2))
        with staying(BURN.format(0.3)):
            meanwhile = clock.usage()
    assert 0.5 <= meanwhile.cpu_children_s < 0.8
    # Now that it was waited for, it is in the other sum.
    assert meanwhile.cpu_children_s - 0.05 <= clock.usage().cpu_children_s < 0.9
    assert clock.usage().cpu_s == clock.usage().cpu_own_s + clock.usage().cpu_children_s


def test_grandchildren_that_live_and_those_that_have_ended_count(clock):
    """A child that waits for one of its own and starts another, as a forkserver does."""
    program = (
        "import subprocess, sys\n"
        f"subprocess.run([sys.executable, '-S', '-c', {BURN.format(0.2)!r}])\n"
        f"child = subprocess.Popen([sys.executable, '-S', '-c', {(BURN.format(0.2) + TELL_AND_STAY)!r}])\n"
        "child.wait()\n"
    )
    command = [sys.executable, "-S", "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        with clock:
            process.stdout.readline()
        process.communicate()
    assert 0.3 <= clock.usage().cpu_children_s < 0.9


def test_what_a_child_had_used_before_does_not_count(clock):
    """A worker that was busy before the stretch began has used nothing in it."""
    with staying(BURN.format(0.3)), clock:
        pass
    assert clock.usage().cpu_children_s < 0.05


def test_a_child_that_is_left_out_does_not_count() -> None:
    """A server that was there before is not part of the work that asks it: neither its CPU nor its memory."""
    program = "import sys, time\nprint(flush=True); sys.stdin.readline()\n" + BURN.format(0.3) + TELL_AND_STAY
    command = [sys.executable, "-S", "-c", "held = b'x' * 50_000_000\n" + program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        server.stdout.readline()
        assert server.pid in children_of(os.getpid())
        with Watcher(leave_out=[server.pid]) as watcher, UsageClock(watch=watcher) as clock:
            server.stdin.write(b"\n")
            server.stdin.flush()
            server.stdout.readline()
        with Watcher() as watcher, UsageClock(watch=watcher) as whole:
            pass
        server.communicate()
    assert clock.usage().cpu_children_s < 0.1
    assert whole.usage().peak_bytes - clock.usage().peak_bytes > 40_000_000


def test_a_child_that_nobody_waits_for_is_seen_while_it_lives(watch):
    """Where SIGCHLD is ignored the system drops the books of a child at its end; the watcher has seen them."""
    program = (
        "import signal, subprocess, sys\n"
        "from poolwise.measure.usage import UsageClock\n"
        "from poolwise.measure.watcher import Watcher\n"
        "watch = Watcher()\n"
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "with UsageClock(watch=watch) as clock:\n"
        f"    subprocess.Popen([sys.executable, '-S', '-c', {BURN.format(0.8)!r}]).wait()\n"
        "print(clock.usage().cpu_children_s)\n"
    )
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert 0.3 < float(told) < 1.2


def test_the_memory_of_the_whole_tree_is_seen(watch):
    """64 MiB here and 64 MiB in a child, at the same time."""
    with UsageClock(watch=watch) as clock:
        mine = bytearray(b"x") * (64 << 20)
        with staying("import sys; its = bytearray(b'x') * (64 << 20)\n"):
            clock.usage()
    assert len(mine) == 64 << 20
    assert 128 << 20 < clock.usage().peak_bytes < 1 << 30


def test_without_a_watcher_nobody_knows_of_memory():
    """None, and not a number that would be of one process only."""
    with UsageClock() as clock:
        pass
    assert clock.usage().peak_bytes is None


def test_one_watcher_serves_stretches_one_inside_the_other(watch):
    """The outer keeps what the inner one has seen; the next one does not."""
    much = fresh_pages(200 << 20)
    with UsageClock(watch=watch) as outer:
        with UsageClock(watch=watch) as inner:
            fill(much)
            inner.usage()
        much.close()
    with UsageClock(watch=watch) as later:
        pass
    assert inner.usage().peak_bytes <= outer.usage().peak_bytes
    assert later.usage().peak_bytes < outer.usage().peak_bytes - (100 << 20)


def test_threads_share_a_watcher(watch):
    """Each gets the answer to its own question."""
    seen = []

    def measure():
        with UsageClock(watch=watch) as clock:
            pass
        seen.append(clock.usage())

    threads = [threading.Thread(target=measure) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(seen) == 8
    assert all(each.peak_bytes > 0 for each in seen)


def test_the_watcher_is_nobodys_child(watch):
    """A program that waits for its children does not meet it."""
    assert watch.pid not in [each.pid for each in psutil.Process().children(recursive=True)]
    assert psutil.pid_exists(watch.pid)


def ended(pid):
    """Wait for the end of a process that is not ours."""
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(timeout=30)
    return not psutil.pid_exists(pid)


def test_the_watcher_ends_when_it_is_closed():
    """Its pipe closes."""
    watch = Watcher()
    pid = watch.pid
    watch.close()
    assert ended(pid)
    assert not watch.is_here


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="elsewhere it looks once in a second")
def test_the_watcher_ends_with_the_watched_process_though_a_fork_of_that_lives_on():
    """Killed with SIGKILL, while a forked child holds the pipe open."""
    program = (
        "import os, sys, time\n"
        "from poolwise.measure.watcher import Watcher\n"
        "watch = Watcher()\n"
        "child = os.fork()\n"
        "if child: print(watch.pid, child, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        pid, child = map(int, process.stdout.readline().split())
        process.kill()
        process.wait()
        assert ended(pid)
        os.kill(child, signal.SIGKILL)


def test_a_watcher_that_was_killed_harms_nobody(watch):
    """What can be seen from here is told, what it had seen of the memory is not known."""
    with UsageClock(watch=watch) as clock:
        os.kill(watch.pid, signal.SIGKILL)
        assert ended(watch.pid)
        run(BURN.format(0.1))
    assert clock.usage().cpu_children_s >= 0.1
    assert clock.usage().peak_bytes is None
    assert not watch.is_here


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_in_a_fork_the_watcher_is_not_asked(watch):
    """It watches the parent, and answers only that."""
    receiver, sender = os.pipe()
    pid = os.fork()
    if not pid:
        with UsageClock(watch=watch) as clock:
            pass
        os.write(sender, b"none" if clock.usage().peak_bytes is None else b"some")
        os._exit(0)
    os.waitpid(pid, 0)
    assert select.select([receiver], [], [], 0)[0]
    assert os.read(receiver, 10) == b"none"
    os.close(receiver)
    os.close(sender)
    with UsageClock(watch=watch) as clock:
        pass
    assert clock.usage().peak_bytes > 0


def test_computing_here_is_this_process_own():
    """Nothing of it is booked to children, and one core was in use."""
    with UsageClock() as clock:
        end = time.process_time() + 0.2
        while time.process_time() < end:
            pass
    usage = clock.usage()
    assert usage.cpu_own_s >= 0.2
    assert usage.cpu_children_s == 0
    assert 0 < usage.cores <= 1.1


@pytest.mark.skipif(sys.platform != "linux", reason="/proc/stat")
def test_others_and_switches_are_told():
    """Waiting gives the core away; the machine's own figures are there."""
    with UsageClock() as clock:
        for _ in range(20):
            time.sleep(0.001)
    usage = clock.usage()
    assert usage.switches_voluntary >= 20
    assert usage.others_s >= 0
    assert usage.stolen_s >= 0


@pytest.mark.skipif(sys.platform != "linux", reason="schedstat")
def test_who_has_no_core_is_in_the_queue(watch):
    """Four programs on one core wait three quarters of the time; the queue of those that have ended counts too."""
    core = min(os.sched_getaffinity(0))
    program = f"import os; os.sched_setaffinity(0, [{core}])\n" + BURN.format(0.3)
    with UsageClock(watch=watch) as clock:
        processes = [subprocess.Popen([sys.executable, "-S", "-c", program]) for _ in range(4)]
        for each in processes:
            each.wait()
    assert clock.usage().queued_s > 0.5
