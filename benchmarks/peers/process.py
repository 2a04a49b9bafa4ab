"""Start one run in a process of its own, watch it, and give its answer; a hang is told and not waited for."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers.environments import ROOT, compiled
from benchmarks.peers.family import VARIABLE, Family
from benchmarks.peers.memory import Watch, summarize

LOOK_EVERY_S = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What the child is to measure; the fields of its argument."""

    part: str
    peer: str
    workers: int
    method: str | None
    chunk: int | None
    form: str = ""


def run(python: Path, ask: Ask, *, timeout_s: float, watch_memory: bool = False) -> dict[str, Any]:
    """Give the figures, or ``failed`` or ``missing`` with the reason."""
    word = uuid.uuid4().hex
    family = Family(word)
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        answer, log = Path(folder) / "answer", Path(folder) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [python, "-m", "benchmarks.peers.child", json.dumps(asdict(ask) | {"answer": str(answer)})],
                cwd=folder,
                env=_environment(folder, word),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        watch = Watch(family, process.pid)
        try:
            in_time = _wait(process, timeout_s, watch if watch_memory else None)
        finally:  # Ctrl-C comes here too, and does not reach a session of its own
            process.kill()
            process.wait()
            left = family.end()
        if not in_time:
            return {"failed": f"hangs: killed after {timeout_s:.0f} s", "hangs": True}
        figures = _read(answer, log, process.returncode)
    if watch_memory and "stamps" in figures:
        figures |= summarize(watch.samples, figures.pop("stamps"))
    if left:
        figures["note"] = "; ".join(filter(None, [figures.get("note"), f"left {left} processes behind"]))
    return figures


def _wait(process: subprocess.Popen[bytes], timeout_s: float, watch: Watch | None) -> bool:
    """Wait for the end, looking at the memory meanwhile; False: it has not come in time."""
    deadline = time.monotonic() + timeout_s
    while (left := deadline - time.monotonic()) > 0:
        try:
            process.wait(timeout=min(left, LOOK_EVERY_S) if watch else left)
        except subprocess.TimeoutExpired:
            if watch:
                watch.look()
        else:
            return True
    return False


def _read(answer: Path, log: Path, code: int) -> dict[str, Any]:
    if answer.exists():
        figures: dict[str, Any] = json.loads(answer.read_text())
        return figures
    said = log.read_text(errors="replace").strip().splitlines()
    return {"failed": f"ended with {code}: {said[-1] if said else 'and said nothing'}"}


def _environment(folder: str, word: str) -> dict[str, str]:
    """Give the environment: the code to measure with, a folder to write in, and one thread for each worker's BLAS."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return compiled({**threads, "PYTHONPATH": str(ROOT), "TMPDIR": folder, VARIABLE: word})
