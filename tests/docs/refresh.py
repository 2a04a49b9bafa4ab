"""Paste the output of a new run into pages: ``python tests/docs/refresh.py README.md docs/tutorial.md``.

Run it on a quiet machine after the words or the decisions have changed, and read what came: the prose around it has to
be true of it. Replaced is what stands in a ``text`` block after a ``python`` block, and below the commands of a
``console`` block; nothing else is touched.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from pages import PROMPT, Block, read_blocks, run_blocks, run_commands, write_files


def refresh(page: Path) -> None:
    """Run everything on ``page`` and write it again with what came out."""
    with tempfile.TemporaryDirectory() as folder:
        said = run_blocks(page, Path(folder))
        blocks = read_blocks(page)
        lines = page.read_text(encoding="utf-8").splitlines()
        # From the end, so that the places of what stands before stay as they are.
        for block in reversed(blocks):
            if block.follows is not None and said.get(block.follows):
                lines[block.line : block.end] = said[block.follows].rstrip("\n").splitlines()
            elif block.language == "console":
                write_files(blocks, Path(folder))
                lines[block.line : block.end] = run_console(block, Path(folder))
        page.write_text("\n".join(lines) + "\n", encoding="utf-8")


def run_console(block: Block, folder: Path) -> list[str]:
    """Run a console block; give its lines with the new output."""
    lines = []
    for command, done in run_commands(block, folder):
        lines += [PROMPT + command, *done.stdout.rstrip("\n").splitlines()]
    return lines


if __name__ == "__main__":
    for name in sys.argv[1:]:
        refresh(Path(name).resolve())
