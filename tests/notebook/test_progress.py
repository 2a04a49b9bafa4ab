"""Progress in a real notebook kernel, whose standard error is no terminal: an output of its own for each run."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

jupyter_client = pytest.importorskip("jupyter_client", reason="comes with the dev extra")

# A cell that takes longer hangs.
WATCHDOG_S = 40
NAP = "lambda _: time.sleep(0.3)"
OPTIONS = "backend='threads', max_workers=1, chunksize=1"


@pytest.fixture(scope="module")
def client() -> Iterator[object]:
    """Start one kernel for all tests: it takes a second."""
    manager, client = jupyter_client.manager.start_new_kernel(kernel_name="python3")
    try:
        client.execute_interactive("import poolwise, threading, time", timeout=WATCHDOG_S)
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def run_cell(client, source: str) -> tuple[dict[str, list[dict[str, str]]], str]:
    """Run a cell; give the states of each display by its id, and what was printed."""
    displays: dict[str, list[dict[str, str]]] = {}
    printed = []

    def listen(message):
        content, kind = message["content"], message["msg_type"]
        if kind in {"display_data", "update_display_data"}:
            name = content["transient"]["display_id"]
            assert (name in displays) is (kind == "update_display_data")
            displays.setdefault(name, []).append(content["data"])
        elif kind == "stream":
            printed.append(content["text"])
        elif kind == "error":
            printed.append(f"{content['ename']}: {content['evalue']}")

    client.execute_interactive(source, timeout=WATCHDOG_S, output_hook=listen)
    return displays, "".join(printed)


def test_a_long_run_has_a_line_that_says_in_the_end_how_it_went(client) -> None:
    """After a second it is there, in words and as a bar; what is printed is apart from it."""
    displays, printed = run_cell(
        client, f"results = poolwise.map({NAP}, range(6), {OPTIONS}, desc='<nap> & co')\nprint('after')"
    )
    [states] = displays.values()
    assert printed == "after\n"
    assert re.match(r"<nap> & co: [2-5]/6, ", states[0]["text/plain"])
    assert re.fullmatch(r"<nap> & co: 6/6, [\d.]+/(s|min), done after [\d.]+ s", states[-1]["text/plain"])
    assert 'value="6" max="6"' in states[-1]["text/html"]
    assert all("&lt;nap&gt; &amp; co" in each["text/html"] and "<nap>" not in each["text/html"] for each in states)


def test_a_short_run_shows_nothing(client) -> None:
    """A line that comes and goes within a second would only be noise in the notebook."""
    assert run_cell(client, "poolwise.map(abs, range(100));") == ({}, "")


def test_false_shows_nothing(client) -> None:
    """However long it takes."""
    assert run_cell(client, f"poolwise.map({NAP}, range(5), {OPTIONS}, progress=False);") == ({}, "")


def test_runs_at_the_same_time_have_an_output_each(client) -> None:
    """Two maps in threads: two outputs, each with its own end."""
    displays, printed = run_cell(
        client,
        f"""
def run(name):
    poolwise.map({NAP}, range(5), {OPTIONS}, desc=name)
threads = [threading.Thread(target=run, args=(name,)) for name in ("one", "two")]
for each in threads: each.start()
for each in threads: each.join()
""",
    )
    assert printed == ""
    assert sorted(states[-1]["text/plain"].split(",")[0] for states in displays.values()) == ["one: 5/5", "two: 5/5"]


def test_beside_the_notebooks_own_loop(client) -> None:
    """``await amap`` runs in a thread, and its output still belongs to the cell; the total of a generator is given."""
    displays, _ = run_cell(client, f"await poolwise.amap({NAP}, (x for x in range(5)), {OPTIONS}, total=5);")
    [states] = displays.values()
    assert re.match(r"<lambda>: [2-4]/5, ", states[0]["text/plain"])
    assert states[-1]["text/plain"].startswith("<lambda>: 5/5, ")


def test_worker_processes_show_nothing(client) -> None:
    """A map within a function that runs in a worker process does not draw into the notebook."""
    displays, printed = run_cell(
        client,
        f"poolwise.map(lambda _: len(poolwise.map({NAP}, range(5), {OPTIONS}, progress=True)), [1], "
        "backend='processes', progress=False)",
    )
    assert displays == {}
    assert printed == ""
