"""Start one run in a process of its own and give its answer; and the server that a case needs."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.judgement.case import FOLDER_VARIABLE, URL_VARIABLE
from benchmarks.peers.environments import ROOT, compiled
from benchmarks.peers.family import VARIABLE, Family

# What a child does before its own clock and after it: imports, files to be made, results to be checked.
AROUND_S = 90.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where runs of a case happen: the interpreter, the folder that is kept between them, the server's address."""

    python: Path
    folder: Path
    url: str = ""


def run(place: Place, module: str, case: str, way: str, limit_s: float) -> dict[str, Any]:
    """Give the figures, or ``failed`` or ``missing`` with the reason; ``slow``: it was ended at the limit."""
    word = uuid.uuid4().hex
    family = Family(word)
    with tempfile.TemporaryDirectory(prefix="judgement-", ignore_cleanup_errors=True) as folder:
        answer, log = Path(folder) / "answer", Path(folder) / "log"
        ask = {"module": module, "case": case, "way": way, "limit_s": limit_s, "answer": str(answer)}
        with log.open("wb") as output:
            process = subprocess.Popen(
                [place.python, "-m", "benchmarks.judgement.child", json.dumps(ask)],
                cwd=folder,
                env=_environment(place, folder, word),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            code = process.wait(timeout=limit_s + AROUND_S)
        except subprocess.TimeoutExpired:
            code = None
        finally:  # Ctrl-C comes here too, and does not reach a session of its own
            process.kill()
            process.wait()
            left = family.end() if code == 0 else _end_now(family)
        if code == -signal.SIGALRM:
            return {"slow": limit_s}
        figures = _read(answer, log, code)
    return figures | ({"note": f"left {left} processes behind"} if left else {})


def _end_now(family: Family) -> int:
    """End what a run has left that was ended itself; that they are there is no news."""
    for pid in family.pids():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return 0


def _read(answer: Path, log: Path, code: int | None) -> dict[str, Any]:
    there = answer.exists() and answer.stat().st_size
    if code is None:
        return {"failed": "does not end after the call" if there else "hangs before or after the call"}
    if there:
        figures: dict[str, Any] = json.loads(answer.read_text())
        return figures
    said = log.read_text(errors="replace").strip().splitlines()
    return {"failed": f"ended with {code}: {said[-1] if said else 'and said nothing'}"}


def _environment(place: Place, folder: str, word: str) -> dict[str, str]:
    """Give the environment: that of the caller, with the code to measure; what it says of BLAS threads is left out."""
    left_out = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}
    given = {
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
        "TMPDIR": folder,
        VARIABLE: word,
        FOLDER_VARIABLE: str(place.folder),
        URL_VARIABLE: place.url,
    }
    return {name: value for name, value in compiled(given).items() if name not in left_out}


@contextlib.contextmanager
def served(server: dict[str, Any] | None) -> Iterator[str]:
    """Start the case's server, give its address, and end it; "" for a case without one."""
    if server is None:
        yield ""
        return
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.judgement.server", json.dumps(server)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()
