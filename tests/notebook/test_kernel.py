"""A real notebook kernel: functions typed into cells, run by every backend, and interrupted as the stop button does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

jupyter_client = pytest.importorskip("jupyter_client", reason="comes with the dev extra")

# A cell that takes longer hangs.
WATCHDOG_S = 40


@pytest.fixture(scope="module")
def kernel() -> Iterator[object]:
    """Start one kernel for all tests: it takes a second."""
    manager, client = jupyter_client.manager.start_new_kernel(kernel_name="python3")
    try:
        yield manager, client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def run_cell(kernel, source: str) -> str:
    """Run a cell; give what it printed, or its error."""
    _, client = kernel
    printed = []

    def listen(message):
        content = message["content"]
        if message["msg_type"] == "stream":
            printed.append(content["text"])
        elif message["msg_type"] == "error":
            printed.append(f"{content['ename']}: {content['evalue']}")

    client.execute_interactive(source, timeout=WATCHDOG_S, output_hook=listen)
    return "".join(printed)


def test_functions_of_a_cell_run_on_every_backend(kernel) -> None:
    """A function, a lambda and a class typed into cells work in threads, processes and by Poolwise's own choice."""
    run_cell(kernel, "import poolwise, json\nOFFSET = 10\ndef add(x):\n    return x + OFFSET")
    run_cell(kernel, "import dataclasses\n@dataclasses.dataclass\nclass Pair:\n    x: int")
    told = run_cell(
        kernel,
        """
out = {}
for backend in ("auto", "loop", "threads", "processes"):
    out[backend] = list(poolwise.map(add, range(3), backend=backend))
    out[backend] += poolwise.map(lambda x: x * 2, range(3), backend=backend)
    out[backend].append(poolwise.map(Pair, [1], backend=backend) == [Pair(1)])
print(json.dumps(out))
""",
    )
    expected = [10, 11, 12, 0, 2, 4, True]
    assert json.loads(told) == dict.fromkeys(("auto", "loop", "threads", "processes"), expected)


def test_a_kernel_has_threads_and_does_not_fork(kernel) -> None:
    """A kernel's threads (messages, heartbeat, output) may hold locks: workers come from a forkserver, told why."""
    told = run_cell(
        kernel,
        """
import poolwise
results = poolwise.map(lambda x: x + 1, range(4), backend="processes")
print(results, results.report.plan.start_method)
print(results.report)
""",
    )
    assert told.startswith("[1, 2, 3, 4] forkserver\n")
    assert re.search(r"workers start by forkserver: .*other Python threads.* might hold a lock", told)


def test_a_redefined_function_is_the_one_that_runs(kernel) -> None:
    """Running a cell again with another function runs the new one."""
    run_cell(kernel, "import poolwise\ndef twice(x): return 2 * x")
    first = run_cell(kernel, "print(poolwise.map(twice, range(3), backend='processes'))")
    run_cell(kernel, "def twice(x): return 'new'")
    second = run_cell(kernel, "print(poolwise.map(twice, range(3), backend='processes'))")
    assert (first, second) == ("[0, 2, 4]\n", "['new', 'new', 'new']\n")


def test_coroutine_functions_run_beside_the_kernels_own_loop(kernel) -> None:
    """A notebook has a running event loop: ``map`` uses one of its own, ``await amap`` the notebook's."""
    run_cell(kernel, "import poolwise, asyncio\nasync def nap(x):\n    await asyncio.sleep(0.001)\n    return x")
    told = run_cell(kernel, "print(poolwise.map(nap, range(4)))\nprint(await poolwise.amap(nap, range(4)))")
    assert told == "[0, 1, 2, 3]\n" * 2


def test_the_stop_button_ends_a_map_and_its_workers(kernel) -> None:
    """An interrupted cell ends with KeyboardInterrupt; no worker is left and the kernel goes on."""
    manager, client = kernel
    run_cell(kernel, "import poolwise, time, psutil")
    request = client.execute(
        "print('begun', flush=True)\npoolwise.map(lambda x: time.sleep(60), range(4), backend='processes')"
    )
    ended = None
    while ended is None:
        message = client.get_iopub_msg(timeout=WATCHDOG_S)
        if message["parent_header"].get("msg_id") != request:
            continue
        if message["msg_type"] == "stream":
            manager.interrupt_kernel()
        elif message["msg_type"] == "error":
            ended = message["content"]["ename"]
    assert ended == "KeyboardInterrupt"
    # A kernel throws away what was asked before it has answered for an error.
    while client.get_shell_msg(timeout=WATCHDOG_S)["parent_header"].get("msg_id") != request:
        continue
    assert run_cell(kernel, "print(psutil.Process().children())") == "[]\n"


def test_a_report_is_shown_as_a_picture(kernel) -> None:
    """A report at the end of a cell is shown as HTML, with its chart; its words are there for what shows no HTML."""
    _, client = kernel
    shown = []
    client.execute_interactive(
        "import poolwise\npoolwise.map(str, range(3), backend='loop').report",
        timeout=WATCHDOG_S,
        output_hook=lambda message: shown.append(message["content"].get("data", {})),
    )
    (data,) = [each for each in shown if "text/html" in each]
    assert data["text/html"].startswith('<div class="poolwise">')
    assert "<svg" in data["text/html"]
    assert "3 items in" in data["text/plain"]
