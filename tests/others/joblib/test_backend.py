"""What joblib's own tests do not ask of this backend: warm workers, shared arrays, deaths, what is left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import psutil
import pytest
from joblib import Parallel, delayed

import poolwise.joblib
from poolwise.errors import InitializerError, UnknownOptionError, WorkerDiedError
from tests.engine.programs import wait_until

WATCHDOG_S = 30


@pytest.fixture(autouse=True)
def over_poolwise() -> Iterator[None]:
    """Run each test over this backend, and leave no workers behind."""
    with joblib.parallel_config("poolwise", n_jobs=2):
        yield
    poolwise.joblib.end_idle_workers()


def pythons() -> list[str]:
    """Name the Pythons among this process's descendants; one that ends while it is asked is none."""
    names = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            names.append(child.name())
    return [name for name in names if "python" in name]


def process(_: object = None) -> int:
    """Tell who runs this."""
    return os.getpid()


def workers(**options: Any) -> set[int]:
    """Tell who runs twenty tasks."""
    return set(Parallel(**options)(delayed(process)(number) for number in range(20)))


# --- Workers that stay ---------------------------------------------------------------------------------------------


def test_the_next_call_finds_the_workers_warm() -> None:
    """Workers stay from one call to the next, and are this program's own processes, not itself."""
    first = workers()
    assert os.getpid() not in first
    assert len(first | workers() | workers()) <= 2


def test_another_number_of_workers_is_another_pool() -> None:
    """With other wishes, those that waited end."""
    first = workers()
    assert not workers(n_jobs=3) & first
    wait_until(lambda: not any(map(psutil.pid_exists, first)), "the first workers to end", WATCHDOG_S)


def test_idle_workers_end() -> None:
    """Without work for ``idle_worker_timeout``, workers end, and the next call starts others."""
    first = workers(idle_worker_timeout=0.1)
    wait_until(lambda: not any(map(psutil.pid_exists, first)), "the first workers to end", WATCHDOG_S)
    assert workers()


def test_calls_at_a_time_have_workers_of_their_own() -> None:
    """What ends one call does nothing to another in a second thread."""
    gave: list[int] = []
    other = threading.Thread(
        target=lambda: gave.extend(Parallel(2, backend="poolwise")(delayed(slow)(number) for number in range(6)))
    )
    other.start()
    with pytest.raises(ZeroDivisionError):
        Parallel()(delayed(divide)(number) for number in (1, 0))
    other.join()
    assert gave == [0, 1, 2, 3, 4, 5]


def slow(number: int) -> int:
    """Take a moment."""
    time.sleep(0.05)
    return number


def divide(number: int) -> float:
    """Fail on 0."""
    return 1 / number


# --- Options -------------------------------------------------------------------------------------------------------


def test_an_option_that_is_none_is_named() -> None:
    """A mistyped option is refused, with those that exist."""
    with pytest.raises(UnknownOptionError, match=r"no option 'memory_limt'.*memory_limit"):
        workers(memory_limt=1)


def test_the_initializer_is_named_where_it_fails() -> None:
    """An initializer that raises ends the call with its name and its error."""
    with pytest.raises(InitializerError, match="divide"):
        workers(initializer=divide, initargs=(0,))


def test_inner_threads_are_held() -> None:
    """``inner_max_num_threads`` is what a library reads in a worker."""
    with joblib.parallel_config("poolwise", n_jobs=2, inner_max_num_threads=3):
        assert set(Parallel()(delayed(inner_threads)() for _ in range(2))) == {"3"}


def inner_threads() -> str | None:
    """Tell what OpenMP would read."""
    return os.environ.get("OMP_NUM_THREADS")


def test_a_worker_does_not_start_workers() -> None:
    """Within a worker, n_jobs over this backend is one."""
    assert set(Parallel()(delayed(jobs_within)() for _ in range(2))) == {1}


def jobs_within() -> int:
    """Tell how many jobs a nested call would have."""
    with joblib.parallel_config("poolwise"):
        return int(joblib.effective_n_jobs(-1))


def test_batches_are_sized_by_what_tasks_take() -> None:
    """Quick tasks travel many at a time, long ones one by one; the next call learns anew."""
    backend = poolwise.joblib.PoolwiseBackend()
    sizes = [backend.compute_batch_size()]
    for count, seconds in ((1, 0.001), (4, 0.004), (16, 0.016), (64, 0.064), (200, 0.2), (10, 20.0)):
        backend.retrieve_result_callback(finished((seconds, [None] * count)))
        sizes.append(backend.compute_batch_size())
    assert sizes == [1, 4, 16, 64, 200, 200, 1]
    backend.retrieve_result_callback(finished((0.2, [None] * 200)))
    backend.start_call()
    assert backend.compute_batch_size() == 1


def finished(result: Any) -> Future[Any]:
    """Give the future of a task that is done."""
    future: Future[Any] = Future()
    future.set_result(result)
    return future


# --- Large arrays --------------------------------------------------------------------------------------------------

LARGE = 1 << 18  # floats: 2 MiB, above joblib's max_nbytes of 1M


def where(array: np.ndarray[Any, Any]) -> tuple[int, str, bool]:
    """Tell the process, the file in memory that holds an array, and whether it may be written to."""
    at = array.__array_interface__["data"][0]
    for line in Path("/proc/self/maps").read_text().splitlines():
        begin, end = (int(each, 16) for each in line.split()[0].split("-"))
        if begin <= at < end:
            return os.getpid(), " ".join(line.split()[4:6]), array.flags.writeable
    raise AssertionError


def test_an_array_of_many_tasks_is_shared() -> None:
    """From the second task on, all map the same memory, and none may write to it."""
    array = np.arange(LARGE, dtype=float)
    found = Parallel(batch_size=1)(delayed(where)(array) for _ in range(20))
    files = [name for _, name, _ in found[1:]]
    assert len(set(files)) == 1
    assert "memfd:poolwise-shared" in files[0]
    assert {writeable for _, _, writeable in found} == {False}


@pytest.mark.parametrize("order", ["C", "F", "neither"])
@pytest.mark.parametrize("kind", ["f8", "M8[s]", "U3", [("a", "i4"), ("b", "f8")]])
def test_a_shared_array_is_what_it_was(kind: Any, order: str) -> None:
    """Whatever its type and layout, all tasks see the same values in the same shape."""
    array = np.arange(60_000).reshape(300, 200).astype(kind)
    array = np.asfortranarray(array) if order == "F" else array[::2, ::3] if order == "neither" else array
    for came in Parallel(max_nbytes=1, batch_size=1)(delayed(itself)(array) for _ in range(3)):
        assert came.dtype == array.dtype
        assert np.array_equal(came, array)


def itself(value: Any) -> Any:
    """Give what came."""
    return value


def test_what_changes_between_calls_is_seen() -> None:
    """An array is shared within one call only: the next one sees what was changed in it."""
    array = np.zeros(LARGE)
    with Parallel() as parallel:
        for expected in (0.0, 1.0):
            array[:] = expected
            assert set(parallel(delayed(first)(array) for _ in range(6))) == {expected}


def first(array: np.ndarray[Any, Any]) -> float:
    """Look at one number."""
    return float(array[0])


def test_a_copy_of_ones_own_may_be_written_to() -> None:
    """With ``mmap_mode="c"`` each task may write, and no other sees it."""
    array = np.zeros(LARGE)
    with joblib.parallel_config("poolwise", n_jobs=2, mmap_mode="c"):
        assert Parallel(batch_size=1)(delayed(count_up)(array) for _ in range(6)) == [1.0] * 6
    assert array[0] == 0


def test_shared_memory_may_be_written_to_where_it_was_asked_for() -> None:
    """With ``mmap_mode="r+"`` what tasks write is seen by those that follow."""
    array = np.zeros(3 * LARGE * 8)
    with joblib.parallel_config("poolwise", n_jobs=2, mmap_mode="r+"):
        assert max(Parallel(batch_size=1)(delayed(count_up)(array) for _ in range(8))) > 1


def count_up(array: np.ndarray[Any, Any]) -> float:
    """Write to the array."""
    array[0] += 1
    return float(array[0])


def test_an_array_in_a_file_travels_by_name(tmp_path: Path) -> None:
    """Of a ``numpy.memmap``, and of a view of one, only the file's name travels."""
    name = tmp_path / "numbers"
    whole = np.memmap(name, float, "w+", shape=(200, 100))
    whole[:] = np.arange(20_000).reshape(200, 100)
    for view in (whole, whole[3:90:2, ::-1], np.asarray(whole[5])):
        kind, came = Parallel()(delayed(kind_and_value)(view) for _ in range(2))[0]
        assert kind is type(view)
        assert np.array_equal(came, view)
    assert Parallel()(delayed(where)(whole) for _ in range(2))[0][1].endswith(str(name))


def kind_and_value(array: np.ndarray[Any, Any]) -> tuple[type, np.ndarray[Any, Any]]:
    """Tell what came."""
    return type(array), np.array(array)


def test_nothing_of_what_was_shared_is_kept() -> None:
    """After a call nothing is open here, and workers let go of it within moments."""
    array = np.ones(LARGE)
    pids = {pid for pid, *_ in Parallel(batch_size=1)(delayed(where)(array) for _ in range(10))}
    assert not any("poolwise-shared" in name for name in open_files(os.getpid()))
    maps = [Path(f"/proc/{pid}/maps") for pid in pids]
    wait_until(
        lambda: not any("poolwise-shared" in each.read_text() for each in maps),
        "shared memory to be given back",
        WATCHDOG_S,
    )


def open_files(pid: int) -> list[str]:
    """List what a process has open."""
    return [str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir() if each.is_symlink()]


# --- Deaths and errors ---------------------------------------------------------------------------------------------


def test_a_worker_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    """A task whose worker was killed once runs again, and no other is touched."""
    mark = tmp_path / "killed"
    assert Parallel(batch_size=1)(delayed(die_once)(mark, number) for number in range(20)) == [*range(20)]
    assert mark.exists()


def die_once(mark: Path, number: int) -> int:
    """Die on task 5, the first time."""
    if number == 5 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_a_task_that_kills_its_workers_is_told() -> None:
    """It raises ``WorkerDiedError``, and the next call finds everything in order."""
    with pytest.raises(WorkerDiedError):
        Parallel(batch_size=1)(delayed(os.kill)(0, 0) if number else delayed(die)() for number in range(4))
    assert workers()


def die() -> None:
    """Die."""
    os.kill(os.getpid(), signal.SIGKILL)


def test_an_error_ends_what_runs() -> None:
    """The call raises at once, and its workers are gone, whatever they were on."""
    begun = time.monotonic()
    with pytest.raises(ZeroDivisionError):
        Parallel(batch_size=1)(delayed(time.sleep)(300) if number else delayed(divide)(0) for number in range(2))
    assert time.monotonic() - begun < WATCHDOG_S
    wait_until(lambda: not pythons(), "all Pythons to end", WATCHDOG_S)


def test_a_generator_that_is_closed_ends_what_runs() -> None:
    """Results come while others run; who wants no more of them ends the rest."""
    results = Parallel(batch_size=1, return_as="generator")(delayed(time.sleep)(number * 300) for number in range(3))
    assert next(results) is None
    with pytest.warns(UserWarning, match="have been cancelled"):
        results.close()
    wait_until(lambda: not psutil.Process().children(recursive=True), "all children to end", WATCHDOG_S)


# --- Programs ------------------------------------------------------------------------------------------------------

PROGRAM = """
import os, time
import joblib, poolwise.joblib
from joblib import Parallel, delayed

def say(number):
    print("begun", flush=True)
    time.sleep(number)

if __name__ == "__main__":
    with joblib.parallel_config("poolwise", n_jobs=2):
        Parallel(batch_size=1)(delayed(say)(number) for number in ({seconds}, {seconds}))
"""


def test_ctrl_c_ends_the_program_and_its_workers(tmp_path: Path) -> None:
    """Ctrl-C raises KeyboardInterrupt, and nobody is left."""
    script = tmp_path / "program.py"
    script.write_text(PROGRAM.format(seconds=300))
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as it:
        assert it.stdout is not None
        assert it.stdout.readline() == "begun\n"
        children = psutil.Process(it.pid).children(recursive=True)
        it.send_signal(signal.SIGINT)
        _, told = it.communicate(timeout=WATCHDOG_S)
    assert "KeyboardInterrupt" in told
    assert children
    wait_until(lambda: not any(child.is_running() for child in children), "the children to end", WATCHDOG_S)


def test_a_program_ends_with_workers_that_are_warm(tmp_path: Path) -> None:
    """Nobody has to end them, and nothing is said."""
    script = tmp_path / "program.py"
    script.write_text(PROGRAM.format(seconds=0))
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=WATCHDOG_S, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "begun\nbegun\n", "")


def test_without_joblib_the_extra_is_named() -> None:
    """``import poolwise.joblib`` says what to install."""
    program = "import sys; sys.modules['joblib'] = None\nimport poolwise.joblib"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert "MissingExtraError: poolwise.joblib needs joblib: pip install 'poolwise[joblib]' brings it" in ended.stderr
