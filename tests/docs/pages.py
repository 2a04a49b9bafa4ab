"""Our Markdown pages as the tests see them: blocks of code, what was said right before each, links.

Three rules hold on every page, and nothing else decides what is run:

* A ``python`` block is run, all blocks of a page in order as one script. ``<!-- not run: REASON -->`` right before it
  leaves it out.
* ``<!-- file: NAME -->`` right before a block saves it under that name beside the script, instead of running it.
* A ``text`` block right after a ``python`` block is its output. Where it says ``text exact`` it is compared; else it
  holds times, which no two runs share (``python tests/docs/refresh.py`` pastes those of a new run).

In a ``console`` block, lines that begin with ``$ poolwise`` are run; the others show what came out.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The tour of the engine and the design notes are pages too; what the environment holds is not ours.
FOLDERS = (".", "docs", "docs/compat", "docs/design", "src/poolwise/engine", "examples", "benchmarks")
FENCE = re.compile(r"^```(\w+)?(?: (.*))?$")
COMMENT = re.compile(r"^<!-- (file|not run): (.+) -->$")
PROMPT = "$ "
# Longer than any page takes on a busy machine, and shorter than pytest's own patience.
PATIENCE_S = 50
SEPARATOR = "\x1e"


@dataclass(frozen=True)
class Block:
    """A fenced block; ``line`` is that of its first line, ``end`` that of its closing fence, both from 0."""

    language: str
    flag: str
    lines: tuple[str, ...]
    line: int
    end: int
    file: str | None = None
    not_run: str | None = None
    follows: int | None = None
    """The place (in the page's blocks) of the python block that this is the output of."""

    @property
    def text(self) -> str:
        """Give its lines as they stand."""
        return "\n".join(self.lines) + "\n"

    @property
    def runs(self) -> bool:
        """Tell whether it is part of the page's script."""
        return self.language == "python" and self.file is None and self.not_run is None


def pages() -> list[Path]:
    """Give every Markdown file of ours."""
    return sorted(page for folder in FOLDERS for page in (ROOT / folder).glob("*.md"))


def name_of(page: Path) -> str:
    """Give a page's name as people say it."""
    return str(page.relative_to(ROOT))


def read_blocks(page: Path) -> list[Block]:
    """Read a page's fenced blocks."""
    lines = page.read_text(encoding="utf-8").splitlines()
    found: list[Block] = []
    at = 0
    while at < len(lines):
        if (fence := FENCE.match(lines[at])) is None:
            at += 1
            continue
        end = lines.index("```", at + 1)
        said = _said_before(lines, at)
        found.append(
            Block(
                language=fence[1] or "",
                flag=fence[2] or "",
                lines=tuple(lines[at + 1 : end]),
                line=at + 1,
                end=end,
                file=said.get("file"),
                not_run=said.get("not run"),
                follows=_follows(found, lines, at) if fence[1] == "text" else None,
            )
        )
        at = end + 1
    return found


def write_files(blocks: list[Block], folder: Path) -> None:
    """Save the blocks that are files."""
    for block in blocks:
        if block.file is not None:
            (folder / block.file).write_text(block.text, encoding="utf-8")


def run_blocks(page: Path, folder: Path) -> dict[int, str]:
    """Run a page's script in ``folder``; give what each block has written on standard output, by its place."""
    blocks = read_blocks(page)
    write_files(blocks, folder)
    parts: list[str] = []
    for place, block in enumerate(blocks):
        if block.runs:
            # Blank lines, so that a traceback names the line of the page.
            parts.append(_marker(place) + "\n" * max(0, block.line - _count(parts) - 1) + block.text)
    (folder / "page.py").write_text("".join(parts), encoding="utf-8")
    done = run([sys.executable, "page.py"], folder)
    assert done.returncode == 0, f"{name_of(page)}\n{done.stderr}"
    pieces = done.stdout.split(SEPARATOR)[1:]
    return {int(number): said for number, _, said in (piece.partition("\n") for piece in pieces)}


def run_commands(block: Block, folder: Path) -> Iterator[tuple[str, subprocess.CompletedProcess[str]]]:
    """Run the ``$ poolwise`` lines of a console block, in order."""
    for line in block.lines:
        if line.startswith(PROMPT):
            yield line.removeprefix(PROMPT), run(["bash", "-c", line.removeprefix(PROMPT)], folder, join=True)


def run(command: list[str], folder: Path, *, join: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a command with this interpreter's ``poolwise`` first; ``join``: errors stand between the output."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PATH": path, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if join else subprocess.PIPE,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def _said_before(lines: list[str], at: int) -> dict[str, str]:
    """Read the comment in the line before, or before that if it is empty."""
    before = [line for line in lines[max(0, at - 2) : at] if line.strip()][-1:]
    comment = COMMENT.match(before[0]) if before else None
    return {comment[1]: comment[2]} if comment else {}


def _follows(found: list[Block], lines: list[str], at: int) -> int | None:
    """Only an empty line may stand between a block and its output."""
    if not found or not found[-1].runs or any(line.strip() for line in lines[found[-1].end + 1 : at]):
        return None
    return len(found) - 1


def _marker(place: int) -> str:
    return f"print({SEPARATOR + str(place)!r}, flush=True)\n"


def _count(parts: list[str]) -> int:
    return sum(part.count("\n") for part in parts)
