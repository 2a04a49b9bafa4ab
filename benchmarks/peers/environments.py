"""An environment of its own for each peer, under ``.venvs``, with the versions of ``constraints/bench.txt``."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".venvs"
VERSIONS = ROOT / "constraints" / "bench.txt"
BYTECODE = FOLDER / "bytecode"
# Ray's wheel is 70 MB, Dask brings 20 packages.
INSTALL_WITHIN_S = 900


class NotInstalledError(Exception):
    """The environment cannot be made; the text says why."""


def compiled(given: Mapping[str, str]) -> dict[str, str]:
    """Give the caller's environment with ``given`` in its place, for a process that is timed from its start.

    Installed packages are compiled once. So is this working tree, though the caller's shell may say otherwise: what is
    imported at the start and by a first map would be compiled anew in each run.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(BYTECODE), **given}


def ensure(name: str, packages: tuple[str, ...]) -> Path:
    """Give the interpreter of an environment that holds NumPy and the packages; make it where it is not there yet."""
    folder = FOLDER / name
    python = folder / "bin" / "python"
    stamp = folder / "stamp"
    made_of = "\n".join([sys.version, *packages, VERSIONS.read_text()])
    if python.exists() and stamp.exists() and stamp.read_text() == made_of:
        return python
    print(f"making .venvs/{name}, once", file=sys.stderr)
    _command([sys.executable, "-m", "venv", "--clear", folder])
    pip: list[str | Path] = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    _command([*pip, "--constraint", VERSIONS, "numpy", *packages])
    stamp.write_text(made_of)
    return python


def _command(words: list[str | Path]) -> None:
    try:
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=INSTALL_WITHIN_S, check=False)
    except subprocess.TimeoutExpired:
        raise NotInstalledError(f"not installed within {INSTALL_WITHIN_S} s") from None
    if done.returncode:
        said = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        errors = [line for line in said if line.startswith("ERROR")]
        raise NotInstalledError(next(iter(errors + said), f"pip ended with {done.returncode}"))
