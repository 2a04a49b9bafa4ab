"""Which start method is chosen in real processes with real threads, and that workers then do not hang."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.programs import WATCHDOG_S, run_program, write

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="fork is considered on Linux only")

ALONE = "no other thread runs that could hold a lock"

# Two threads, also on one core (where OpenBLAS does not heed its variable), and no more on a large machine: where they
# outnumber the cores, they wait for each other in busy loops. A warning is an error.
NUMPY_USED = """
    import os, warnings
    warnings.simplefilter("error")
    os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "2"
    import numpy as np
    import poolwise
    from threadpoolctl import threadpool_limits
    threadpool_limits(2)

    matrix = np.random.default_rng(0).random((200, 200)) + 200 * np.eye(200)

    def solve(item):
        return round(float(np.abs(np.linalg.inv(matrix * item) @ matrix).sum()), 6)

    def map_and_tell(function):
        results = poolwise.map(function, range(1, 5), backend="processes")
        starts = results.report.plan.reasons[-1]
        print(results.report.plan.start_method, [(pool.name, pool.survives_fork) for pool in starts.native_pools])
        return results

    expected = [solve(item) for item in range(1, 5)]
"""
HIDE = "from poolwise.work import threads; threads._variable = lambda library, name: None"
OPENBLAS = [("OpenBLAS", True)]
OPENMP = [("GNU OpenMP", False)]


@pytest.fixture
def numpy_on_openblas() -> None:
    """Skip where NumPy stands on another BLAS: its threads are not known to survive."""
    config = pytest.importorskip("numpy", reason="comes with the test extra").show_config(mode="dicts")
    if "openblas" not in config["Build Dependencies"]["blas"]["name"]:
        pytest.skip("NumPy does not use OpenBLAS here")


@pytest.mark.usefixtures("numpy_on_openblas")
@pytest.mark.parametrize("build", ["as it is", "hides its threads"])
def test_a_blas_that_was_used_is_forked_and_used_in_parent_and_workers(tmp_path: Path, build: str) -> None:
    """OpenBLAS's threads do not forbid a fork, also right after they were used, and again after another fork.

    Newer builds hide whether their threads run; any is taken for one of these.
    """
    source = f"""{NUMPY_USED}
    {HIDE if build == "hides its threads" else ""}
    for _ in range(2):
        assert map_and_tell(solve) == expected
        assert [solve(item) for item in range(1, 5)] == expected
    """
    done = run_program(tmp_path, source)
    assert (done.stdout, done.stderr) == (f"fork {OPENBLAS}\n" * 2, "")


@pytest.mark.usefixtures("numpy_on_openblas")
def test_the_report_says_that_openblas_survives(tmp_path: Path) -> None:
    """Who wonders about forking beside NumPy's threads reads that they survive it."""
    source = f"""{NUMPY_USED}
    print(poolwise.map(solve, range(1, 5), backend="processes").report)
    """
    done = run_program(tmp_path, source)
    assert f"workers start by fork: {ALONE} (1 idle OpenBLAS thread survives a fork)" in done.stdout, done.stderr


KMEANS = """
    from sklearn.cluster import KMeans

    def cluster(item):
        return int(KMeans(3, n_init=1, random_state=0).fit(matrix[:, item:]).labels_.sum())
"""


@pytest.mark.usefixtures("numpy_on_openblas")
def test_openmp_that_is_loaded_and_not_used_does_not_forbid_a_fork(tmp_path: Path) -> None:
    """A runtime without threads has nothing to lose: workers that were forked use it, each for itself."""
    pytest.importorskip("sklearn", reason="comes with the dev extra")
    source = f"""{NUMPY_USED}{KMEANS}
    assert map_and_tell(cluster) == [cluster(item) for item in range(1, 5)]
    """
    done = run_program(tmp_path, source)
    assert (done.stdout, done.stderr) == (f"fork {OPENBLAS}\n", "")


@pytest.mark.usefixtures("numpy_on_openblas")
def test_openmp_that_was_used_forbids_a_fork_and_works_in_workers(tmp_path: Path) -> None:
    """GNU OpenMP hangs in a forked child once the parent has used it: workers come from a fresh process, told why."""
    pytest.importorskip("sklearn", reason="comes with the dev extra")
    source = f"""{NUMPY_USED}{KMEANS}
    expected = [cluster(item) for item in range(1, 5)]
    for _ in range(2):
        results = map_and_tell(cluster)
        assert results == expected
    print("GNU OpenMP seems to have been used (1 thread), and might hang in a forked child" in str(results.report))
    """
    done = run_program(tmp_path, source)
    assert (done.stdout, done.stderr) == (f"forkserver {OPENBLAS + OPENMP}\n" * 2 + "True\n", "")


@pytest.mark.usefixtures("numpy_on_openblas")
def test_openmp_that_is_used_first_after_a_fork_is_not_taken_for_openblas(tmp_path: Path) -> None:
    """A fork has ended the threads of NumPy's OpenBLAS, and OpenMP starts as many: they are told apart.

    Boosted trees use OpenMP and no BLAS. Importing them starts the threads of SciPy's OpenBLAS.
    """
    pytest.importorskip("sklearn", reason="comes with the dev extra")
    source = f"""{NUMPY_USED}
    {HIDE}
    map_and_tell(solve)

    from sklearn.ensemble import HistGradientBoostingRegressor

    def boost(item):
        return float(HistGradientBoostingRegressor(max_iter=3).fit(matrix[:, item:], matrix[:, 0]).n_iter_)

    expected = boost(1)
    assert map_and_tell(boost) == [expected] * 4
    """
    done = run_program(tmp_path, source)
    assert (done.stdout, done.stderr) == (f"fork {OPENBLAS}\nforkserver {OPENBLAS + OPENMP}\n", "")


def test_a_module_that_uses_openmp_while_it_is_imported_is_loaded_after_the_fork(tmp_path: Path) -> None:
    """A forkserver that had loaded it first would fork workers that hang: each loads it for itself."""
    pytest.importorskip("sklearn", reason="comes with the dev extra")
    write(tmp_path, f"{NUMPY_USED}{KMEANS}\n    model = cluster(0)\n    print(os.getpid(), flush=True)", "trained.py")
    source = """
        import poolwise, trained
        results = poolwise.map(trained.cluster, range(1, 5), backend="processes", max_workers=2)
        print(results.report.plan.start_method, results == [trained.cluster(item) for item in range(1, 5)])
    """
    done = run_program(tmp_path, source)
    *importers, told = done.stdout.splitlines()
    assert (told, done.stderr) == ("forkserver True", "")
    # This program, the forkserver that then steps back, and each worker.
    assert len(set(importers)) == len(importers) == 4


@pytest.mark.parametrize("start_thread", ["", "threading.Thread(target=threading.Event().wait, daemon=True).start()"])
def test_a_forkserver_loads_the_functions_module_once_where_it_may(tmp_path: Path, start_thread: str) -> None:
    """Workers inherit the module from the forkserver, unless importing it starts a thread: then each imports it."""
    source = f"""
        import os, threading, time
        {start_thread}
        print(os.getpid(), flush=True)

        def work(item):
            time.sleep(0.01)
            return os.getpid()
    """
    write(tmp_path, source, "careful.py")
    source = """
        import careful, poolwise
        options = dict(backend="processes", max_workers=2, start_method="forkserver", chunksize=1)
        print(len(set(poolwise.map(careful.work, range(20), **options))))
    """
    done = run_program(tmp_path, source)
    *importers, workers = done.stdout.splitlines()
    assert (workers, done.stderr) == ("2", "")
    assert len(set(importers)) == len(importers) == (4 if start_thread else 2)


HOLDERS = {
    "a lock of the program's": ("LOCK", "with LOCK: return item"),
    # Used directly: what is logged goes to the parent's handler, which waits for its lock's holder, as in a loop.
    "a logging handler's lock": ("HANDLER", "HANDLER.handle(logging.makeLogRecord({'msg': item})); return item"),
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_a_thread_that_holds_a_lock_at_the_moment_of_the_fork_harms_no_worker(tmp_path: Path, holder: str) -> None:
    """The lock stays held in this process for the whole run; workers have one of their own, which is free."""
    lock, work = HOLDERS[holder]
    source = f"""
        import io, logging, threading

        LOCK, HANDLER = threading.Lock(), logging.StreamHandler(io.StringIO())
        logging.basicConfig(handlers=[HANDLER])

        def hold(held, let_go):
            {lock}.acquire()
            held.set()
            let_go.wait()
            {lock}.release()

        def work(item):
            {work}
    """
    write(tmp_path, source, "locked.py")
    source = """
        import threading
        import locked, poolwise

        held, let_go = threading.Event(), threading.Event()
        threading.Thread(target=locked.hold, args=(held, let_go)).start()
        held.wait()
        results = poolwise.map(locked.work, range(6), backend="processes")
        print(results, results.report.plan.start_method)
        print("1 other Python thread might hold a lock" in str(results.report))
        let_go.set()
    """
    done = run_program(tmp_path, source)
    assert (done.stdout, done.stderr) == ("[0, 1, 2, 3, 4, 5] forkserver\nTrue\n", "")


def test_a_thread_that_python_does_not_know_of_forbids_a_fork(tmp_path: Path) -> None:
    """Whose it is, and what it holds, cannot be known."""
    source = """
        import _thread
        import poolwise

        let_go = _thread.allocate_lock()
        let_go.acquire()
        _thread.start_new_thread(let_go.acquire, ())
        results = poolwise.map(lambda item: item + 1, range(4), backend="processes")
        print(results, results.report.plan.start_method)
        print("1 native thread might hold a lock" in str(results.report))
    """
    done = run_program(tmp_path, source)
    assert (done.stdout, done.stderr) == ("[1, 2, 3, 4] forkserver\nTrue\n", "")


def test_inside_a_running_event_loop(tmp_path: Path) -> None:
    """``map`` called from a coroutine forks, since the loop has no thread of its own, and tasks go on afterwards.

    ``amap`` runs beside the loop's thread, which may hold a lock, and says so.
    """
    source = """
        import asyncio, warnings
        warnings.simplefilter("error")
        import poolwise

        def add(item):
            return item + 1

        async def add_later(item):
            await asyncio.sleep(0.001)
            return item + 1

        def tell(results):
            print(results, results.report.plan.start_method)

        async def main():
            ticks = []
            async def tick():
                while True:
                    ticks.append(await asyncio.sleep(0.001))
            ticking = asyncio.create_task(tick())
            await asyncio.sleep(0.01)
            tell(poolwise.map(add, range(4), backend="processes"))
            tell(poolwise.map(add_later, range(4), backend="processes"))
            before = len(ticks)
            await asyncio.sleep(0.05)
            assert len(ticks) > before > 0
            results = await poolwise.amap(add, range(4), backend="processes")
            tell(results)
            print("1 other Python thread might hold a lock" in str(results.report))
            tell(await poolwise.amap(add_later, range(4), backend="processes"))

        asyncio.run(main())
    """
    done = run_program(tmp_path, source)
    forked, served = "[1, 2, 3, 4] fork\n", "[1, 2, 3, 4] forkserver\n"
    assert (done.stdout, done.stderr) == (forked * 2 + served + "True\n" + served, "")


@pytest.mark.parametrize(("start", "method"), [("pass", "fork"), ("thread.start()", "forkserver")])
def test_inside_pytest(tmp_path: Path, start: str, method: str) -> None:
    """A test may use workers: pytest itself has no thread, so they are forked; a fixture's thread forbids that."""
    source = f"""
        import threading
        import poolwise, pytest

        @pytest.fixture(autouse=True)
        def background():
            stop = threading.Event()
            thread = threading.Thread(target=stop.wait)
            {start}
            yield
            stop.set()

        def test_map():
            offset = 1
            results = poolwise.map(lambda item: item + offset, range(4), backend="processes")
            assert (results, results.report.plan.start_method) == ([1, 2, 3, 4], {method!r})
    """
    write(tmp_path, source, "test_inner.py")
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "test_inner.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=WATCHDOG_S, check=False)
    assert "1 passed" in done.stdout, done.stdout + done.stderr
