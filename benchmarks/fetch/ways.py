"""The ways of fetching that are measured: each is a command that is given a list of URLs and a folder to make."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.environments import ROOT, compiled

PROGRAMS = "benchmarks.fetch.programs"
TASKS = (8, 16, 24, 32, 64, 128, 256, 512)


@dataclass(frozen=True, slots=True)
class Way:
    """A program by its name in the table; ``{urls}`` and ``{folder}`` stand for what it is given."""

    name: str
    arguments: tuple[str, ...]
    peer: bool = False
    """Written by hand: the best of these is what all are compared with."""

    def command(self, urls: Path, folder: Path) -> list[str]:
        """Give the command line for one run."""
        given = {"{urls}": str(urls), "{folder}": str(folder)}
        return [sys.executable, "-m", *(given.get(word, word) for word in self.arguments)]


def by_hand(tasks: int) -> Way:
    """Give the hand-written program with so many tasks."""
    return Way(f"aiohttp {tasks}", (f"{PROGRAMS}.by_hand", "{urls}", "{folder}", str(tasks)), peer=True)


def mapped(verb: str, tasks: int, chunksize: int | None = None) -> Way:
    """Give ``poolwise.map`` or ``imap`` with a coroutine function of the caller's."""
    name = f"{verb} {tasks}" + (f" × {chunksize}" if chunksize else "")
    rest = (verb, str(tasks), *([str(chunksize)] if chunksize else []))
    return Way(name, (f"{PROGRAMS}.mapped", "{urls}", "{folder}", *rest))


# This is the documented command, with nothing said but what to fetch and where to put it.
COMMAND = Way("poolwise fetch", ("poolwise", "fetch", "{urls}", "-d", "{folder}", "-o", "/dev/null"))
LIBRARY = Way("poolwise.fetch", (f"{PROGRAMS}.library", "{urls}", "{folder}"))


def missing(way: Way) -> str | None:
    """Say why a way cannot be measured here; None where it can."""
    if way is LIBRARY:
        probe = [sys.executable, "-c", "import poolwise; poolwise.fetch"]
    elif way is COMMAND:
        probe = [sys.executable, "-m", "poolwise", "fetch", "--help"]
    else:
        return None
    done = subprocess.run(probe, capture_output=True, text=True, check=False, env=environment())
    return None if done.returncode == 0 else f"{way.name} does not exist here"


def environment() -> dict[str, str]:
    """Have Poolwise come from this checkout, compiled as an installed package is."""
    return compiled(
        {"PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]))}
    )
