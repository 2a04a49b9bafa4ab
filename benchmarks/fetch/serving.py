"""Start the server, ask it what it has counted, and end it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from urllib.request import urlopen

from benchmarks.fetch.server import Settings, Status
from benchmarks.peers.environments import ROOT


@contextlib.contextmanager
def served(settings: Settings) -> Iterator[int]:
    """Have a server in a process of its own; give its port."""
    command = [sys.executable, "-m", "benchmarks.fetch.server", json.dumps(asdict(settings))]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def status_of(port: int) -> Status:
    """Ask a server what it has counted."""
    with urlopen(f"http://127.0.0.1:{port}/-/status", timeout=10) as answer:
        return Status(**json.load(answer))
