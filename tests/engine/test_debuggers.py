"""Real debuggers: pdb and debugpy stop in the function, in the caller's own thread; workers are not waited for."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.programs import WATCHDOG_S, write

PROGRAM = """
    import threading
    import time
    import poolwise

    seen = set()

    def work(item):
        seen.add(threading.current_thread().name)
        time.sleep(0.005)
        return item + 1

    def caller():
        return poolwise.map(work, range(6){options})

    results = caller()
    print("results", results, sorted(seen), results.report.plan.backend)
    print(results.report)
"""
# The line of ``return item + 1``.
LINE = 11


def debug(folder: Path, commands: str, options: str = "", source: str = PROGRAM) -> str:
    """Run a program under ``python -m pdb``, which reads its commands from a pipe."""
    script = write(folder, source.replace("{options}", options))
    done = subprocess.run(
        [sys.executable, "-m", "pdb", str(script)],
        input=commands,
        capture_output=True,
        text=True,
        timeout=WATCHDOG_S,
        check=False,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("options", [", backend='loop'", ""])
def test_pdb_stops_in_the_function_and_finds_the_caller_above(tmp_path: Path, options: str) -> None:
    """A breakpoint in the function is hit in the caller's thread: its frames are above, and its names can be seen."""
    told = debug(tmp_path, f"b {LINE}\nc\np ('item', item)\nw\ncl 1\nc\nq\n", options)
    assert "('item', 0)" in told
    assert "caller()" in told
    assert "results [1, 2, 3, 4, 5, 6] ['MainThread'] loop" in told
    if not options:
        assert "a debugger (pdb) looks on, which steps into the function in the calling thread only" in told


def test_other_threads_run_past_it_where_they_are_asked_for(tmp_path: Path) -> None:
    """A backend that is named is used: pdb follows one thread only, and nothing hangs."""
    told = debug(tmp_path, f"b {LINE}\nc\ncl 1\nc\nq\n", ", backend='threads'")
    assert "results [1, 2, 3, 4, 5, 6]" in told
    assert "] threads\n" in told


def test_a_forked_worker_that_comes_to_a_breakpoint_says_so(tmp_path: Path) -> None:
    """It is a copy of what is debugged, and stops where that would; nobody could type there, and nobody waits."""
    told = debug(tmp_path, f"b {LINE}\nc\nq\n", ", backend='processes', start_method='fork'")
    assert "InteractionError: a debugger was started in a worker" in told
    assert 'use backend="loop"' in told


TYPED = """
    import threading
    import poolwise

    seen = set()

    def work(item):
        seen.add(threading.current_thread().name)
        breakpoint()
        return item + 1

    try:
        results = poolwise.map(work, range(4){options})
        print("results", results, sorted(seen))
    except BaseException as error:
        print("ended by", type(error).__name__, len(seen))
"""


def type_into(folder: Path, typed: str, options: str = "") -> str:
    """Run a program whose function calls ``breakpoint()``, with what a person types there."""
    script = write(folder, TYPED.replace("{options}", options))
    done = subprocess.run(
        [sys.executable, str(script)], input=typed, capture_output=True, text=True, timeout=WATCHDOG_S, check=False
    )
    return done.stdout + done.stderr


def test_breakpoint_under_auto_stops_for_one_item_after_another(tmp_path: Path) -> None:
    """A person at the prompt is not taken for a function that waits: each item stops in the calling thread."""
    told = type_into(tmp_path, "p 'at', item\nc\n" * 4)
    assert [f"('at', {item})" in told for item in range(4)] == [True] * 4
    assert "results [1, 2, 3, 4] ['MainThread']" in told


@pytest.mark.parametrize("options", ["", ", backend='loop', errors='collect'"])
def test_quitting_the_debugger_ends_the_run(tmp_path: Path, options: str) -> None:
    """Whoever quits is not asked again at the next item, whatever ``errors`` says."""
    told = type_into(tmp_path, "q\ny\n" * 4, options)
    assert "ended by BdbQuit 1" in told or "ended by SystemExit 1" in told


# --- debugpy: what VS Code and Jupyter debug by ---------------------------------------------------------------------


class Client:
    """Speaks the Debug Adapter Protocol, as an editor does."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=WATCHDOG_S)
        self._file = self._socket.makefile("rb")
        self._number = 0
        self.events: list[dict[str, Any]] = []

    def ask(self, command: str, **arguments: Any) -> int:
        """Send a request."""
        self._number += 1
        body = json.dumps({"seq": self._number, "type": "request", "command": command, "arguments": arguments}).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        return self._number

    def hear(self) -> dict[str, Any]:
        """Give the next message."""
        length = 0
        while (line := self._file.readline().strip()) or not length:
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        message: dict[str, Any] = json.loads(self._file.read(length))
        return message

    def wait_for(self, kind: str, name: str) -> dict[str, Any]:
        """Give the next event, or answer, of a name."""
        for message in iter(self.hear, None):
            if message["type"] == kind and message.get("event", message.get("command")) == name:
                assert message.get("success", True), message
                return message
        raise AssertionError

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._socket.close()


@pytest.fixture
def debugged(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Client, Path]]:
    """Run the program under debugpy, and attach to it as an editor does."""
    pytest.importorskip("debugpy", reason="comes with ipykernel")
    script = write(tmp_path, PROGRAM.replace("{options}", ""))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-Xfrozen_modules=off", "-m", "debugpy", "--listen", f"127.0.0.1:{port}"]
    # No pipe: debugpy's adapter would hold it open.
    with (tmp_path / "told").open("w") as told:
        program = subprocess.Popen(
            [*command, "--wait-for-client", str(script)], stdout=told, stderr=subprocess.DEVNULL, text=True
        )
    client = None
    try:
        client = connect(port)
        yield program, client, script
    finally:
        if client is not None:
            client.close()
        program.kill()
        program.wait()


def connect(port: int) -> Client:
    """Wait until it listens."""
    deadline = time.monotonic() + WATCHDOG_S
    while True:
        try:
            return Client(port)
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


@pytest.mark.slow
def test_debugpy_stops_in_the_function_in_the_calling_thread(debugged) -> None:
    """As in VS Code: a breakpoint in the function stops the main thread, with the caller's frames below, six times."""
    program, client, script = debugged
    client.ask("initialize", adapterID="test", pathFormat="path")
    client.wait_for("response", "initialize")
    client.ask("attach", justMyCode=False)
    client.wait_for("event", "initialized")
    client.ask("setBreakpoints", source={"path": str(script)}, breakpoints=[{"line": LINE}])
    client.wait_for("response", "setBreakpoints")
    client.ask("configurationDone")
    threads = set()
    for _ in range(6):
        thread = client.wait_for("event", "stopped")["body"]["threadId"]
        threads.add(thread)
        client.ask("stackTrace", threadId=thread)
        frames = client.wait_for("response", "stackTrace")["body"]["stackFrames"]
        names = [frame["name"] for frame in frames]
        assert names[0] == "work"
        assert "caller" in names
        client.ask("continue", threadId=thread)
    client.wait_for("event", "terminated")
    client.ask("disconnect")
    assert program.wait(WATCHDOG_S) == 0
    assert len(threads) == 1
    told = (script.parent / "told").read_text()
    assert "results [1, 2, 3, 4, 5, 6] ['MainThread'] loop" in told
    assert "a debugger (pydevd) looks on" in told
