"""One run from its first start to its last item: started, struck, looked at, started again."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.kill.victim import answer, duration_s

ROOT = Path(__file__).resolve().parents[2]
# A start takes half a second, and on a busy machine some; a hang lasts for ever.
WATCHDOG_S = 90
# Workers outlive their parent by a second at most; on a busy machine a little more.
ORPHANS_S = 20
LOOK_EVERY_S = 0.002
SIGNALS = {"kill": signal.SIGKILL, "term": signal.SIGTERM, "int": signal.SIGINT}
KINDS = (*SIGNALS, "worker", "full")


@dataclass(kw_only=True)
class Scene:
    """A run that is to come to a good end, whatever happens to it; ``problems`` says what was not as it must be."""

    folder: Path
    disk: Path
    """Where the journal is: it may be a small one, and full."""
    backend: str
    verb: str
    items: int
    rng: random.Random
    problems: list[str] = field(default_factory=list)
    struck: Counter[str] = field(default_factory=Counter)
    excused: Counter[int] = field(default_factory=Counter)
    """How often an item may run again: it was under way when somebody was killed."""
    most_under_way: int = 0
    again: int = 0
    """Runs of items beyond the first of each."""

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return self.disk / "run.db"

    def strike(self, kind: str) -> None:
        """Start the run, hit it at a random moment, wait for its end, and look at what is left."""
        with self._filled(kind == "full"), self._running() as program:
            self._await_moment(program)
            if program.poll() is None and kind != "full":
                self._hit(kind, program)
            self._end(program)
        if kind == "full" and program.returncode:
            self.struck[kind] += 1
            if "JournalWriteError" not in self._said():
                self.problems.append(f"a full disk is not told as such: {self._said()}")
        self._excuse(self.kept())
        self.look()

    def finish(self) -> None:
        """Let the run come to its end, and compare all of it with what it must be."""
        with self._running() as program:
            self._end(program)
        self.look()
        if under_way := set(self.begun()) - self.kept():
            self.problems.append(f"the run is over, and {sorted(under_way)} are not in the journal")
        self.compare()
        runs = Counter(self.begun())
        self.again = sum(count - 1 for count in runs.values())
        for item in range(self.items):
            if not 1 <= runs[item] <= 1 + self.excused[item]:
                self.problems.append(
                    f"item {item} ran {runs[item]} times, and was under way at {self.excused[item]} ends"
                )

    def compare(self) -> None:
        """Compare the results with what they must be."""
        file = self.folder / "results"
        if not file.exists():
            self.problems.append(f"the last run gave no results: {self._said()}")
        elif json.loads(file.read_text()) != [answer(item) for item in range(self.items)]:
            self.problems.append("the results are not those of the function, in order")

    def look(self) -> None:
        """See that the journal is whole, and has all that was handed over."""
        if missing := set(self.given()) - self.kept():
            self.problems.append(f"{sorted(missing)} were handed over and are not in the journal")
        if (said := self._integrity()) != "ok":
            self.problems.append(f"SQLite finds the journal damaged: {said}")

    def kept(self) -> set[int]:
        """List the items whose results are in the journal."""
        if not self.journal.exists():
            return set()
        with contextlib.closing(sqlite3.connect(self.journal, timeout=10)) as journal:
            try:
                return {self.number(item) for (item,) in journal.execute("SELECT item FROM results")}
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):
                    return set()  # killed before it had made them
                raise

    # --- What is run --------------------------------------------------------------------------------------------------

    def command(self) -> list[str]:
        """Give the program and its arguments."""
        command = [sys.executable, "-m", "tests.kill.victim", self.folder, self.journal, self.verb, self.backend]
        return [*map(str, command), str(self.items)]

    def number(self, item: str) -> int:
        """Give the number of an item from what a journal has of it."""
        return int(item)

    def begun(self) -> list[int]:
        """List what was begun so far, as often as it was."""
        return self._noted("begun")

    def given(self) -> list[int]:
        """List what the caller has seen so far."""
        return self._noted("given")

    def left_s(self) -> float:
        """Say how long the rest may take."""
        whole_s = sum(duration_s(item) for item in range(self.items) if item not in self.kept())
        return whole_s / (1 if self.backend == "loop" else 3)

    # --- Its parts ----------------------------------------------------------------------------------------------------

    def _integrity(self) -> str:
        if not self.journal.exists():
            return "ok"
        with contextlib.closing(sqlite3.connect(self.journal, timeout=10)) as journal:
            said: str = journal.execute("PRAGMA integrity_check").fetchone()[0]
            return said

    def _noted(self, name: str) -> list[int]:
        file = self.folder / name
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    @contextlib.contextmanager
    def _running(self):
        """Start the victim in a process group of its own, of which nothing is left at the end."""
        (self.folder / "results").unlink(missing_ok=True)
        with (self.folder / "said").open("wb") as said:
            program = subprocess.Popen(
                self.command(),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield program
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)
            program.wait()

    def _await_moment(self, program: subprocess.Popen[bytes]) -> None:
        """Wait until it has begun something, and then for a random time that is no longer than the rest may take."""
        begun, deadline = len(self.begun()), time.monotonic() + WATCHDOG_S
        left_s = self.left_s()
        early = self.rng.random() < 0.1
        while not early and len(self.begun()) == begun and program.poll() is None:
            if time.monotonic() > deadline:
                self.problems.append("it does not begin")
                return
            time.sleep(LOOK_EVERY_S)
        time.sleep(self.rng.random() * (0.3 if early else left_s))

    def _hit(self, kind: str, program: subprocess.Popen[bytes]) -> None:
        if kind in SIGNALS:
            program.send_signal(SIGNALS[kind])
            self.struck[kind] += 1
            return
        kept = self.kept()
        with contextlib.suppress(psutil.NoSuchProcess):
            if workers := psutil.Process(program.pid).children(recursive=True):
                worker = self.rng.choice(workers)
                worker.kill()
                psutil.wait_procs([worker], timeout=1)
                self.struck[kind] += 1
        # The others go on meanwhile: some that were not under way are excused too, and none too few.
        self._excuse(kept)

    def _excuse(self, kept: set[int]) -> None:
        """What was begun and is not kept was under way, and may run once more."""
        under_way = set(self.begun()) - kept
        self.excused.update(under_way)
        self.most_under_way = max(self.most_under_way, len(under_way))

    def _end(self, program: subprocess.Popen[bytes]) -> None:
        """Wait until it has ended, and its workers with it."""
        try:
            program.wait(timeout=WATCHDOG_S)
        except subprocess.TimeoutExpired:
            self.problems.append(f"it hangs: {self._said()}")
        deadline = time.monotonic() + ORPHANS_S
        with contextlib.suppress(ProcessLookupError):
            while time.monotonic() < deadline:
                os.killpg(program.pid, 0)
                time.sleep(LOOK_EVERY_S)
            self.problems.append("workers have outlived it")

    @contextlib.contextmanager
    def _filled(self, wanted: bool):  # noqa: FBT001 - one of the parts of a strike
        """Leave room for some of what is to be written only."""
        filler = self.disk / "filler"
        if wanted:
            free = os.statvfs(self.disk)
            room = self.rng.randrange(40 << 10, 600 << 10)
            filler.write_bytes(bytes(max(0, free.f_bavail * free.f_bsize - room)))
        try:
            yield
        finally:
            filler.unlink(missing_ok=True)

    def _said(self) -> str:
        return (self.folder / "said").read_text(errors="replace").strip()[-600:]
