"""One run: a fresh server, a fresh process, and what came of it."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fetch import pages
from benchmarks.fetch.server import Settings, Status
from benchmarks.fetch.serving import served, status_of
from benchmarks.fetch.ways import Way, environment
from benchmarks.peers.environments import ROOT

LOOK_EVERY_S = 0.05
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of an own, with a name of its own, is made in it


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run took and gave; ``failed`` says why it does not count."""

    wall_s: float
    client_cpu_s: float
    peak_bytes: int
    right: int
    status: Status
    failed: str = ""


def run_once(way: Way, settings: Settings, count: int, *, timeout_s: float, root: Path | None = None) -> Figures:
    """Have a way fetch ``count`` pages into a folder below ``root``; imports, start and end of it are in the time.

    Without a root that is in memory, where there is such a place: on some disks, to make a file takes longer than to
    fetch it, and all ways would look alike.
    """
    with tempfile.TemporaryDirectory(prefix="bench-fetch-", dir=root or _memory()) as place, served(settings) as port:
        urls, folder, log = Path(place) / "urls.txt", Path(place) / "pages", Path(place) / "log"
        urls.write_text("".join(f"{url}\n" for url in pages.urls(port, count)))
        before = status_of(port)
        begun = time.perf_counter()
        with log.open("wb") as output:
            process = subprocess.Popen(
                way.command(urls, folder),
                cwd=ROOT,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        ended, peak, cpu_s = _watch(process, begun + timeout_s)
        wall_s, after = time.perf_counter() - begun, status_of(port)
        right = pages.count_right(folder, count)
        return Figures(wall_s, cpu_s, peak, right, _spent(before, after), "" if ended else _why(process, log))


def _memory() -> Path | None:
    return SHARED_MEMORY if SHARED_MEMORY.is_dir() else None


def _watch(process: subprocess.Popen[bytes], deadline: float) -> tuple[bool, int, float]:
    """Wait for the end: tell whether it was a good one, the highest memory in bytes, and the CPU time in seconds."""
    peak, cpu_s = 0, 0.0
    try:
        while process.poll() is None and time.perf_counter() < deadline:
            peak, cpu_s = max(peak, _peak_bytes(process.pid)), max(cpu_s, _cpu_s(process.pid))
            try:
                process.wait(timeout=LOOK_EVERY_S)
            except subprocess.TimeoutExpired:
                continue
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    return process.returncode == 0, peak, cpu_s


def _peak_bytes(pid: int) -> int:
    """Read a process's high-water mark: what was missed since the last look is in the next."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:")), 0)


def _cpu_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _spent(before: Status, after: Status) -> Status:
    """Give what the run alone has cost the server."""
    return Status(
        requests=after.requests - before.requests,
        refused=after.refused - before.refused,
        most_at_once=after.most_at_once,
        # The connection of the second look is no client's.
        connections=after.connections - before.connections - 1,
        cpu_s=after.cpu_s - before.cpu_s,
    )


def _why(process: subprocess.Popen[bytes], log: Path) -> str:
    said = log.read_text(errors="replace").strip().splitlines()
    return f"ended with {process.returncode}: {said[-1] if said else 'and said nothing'}"
