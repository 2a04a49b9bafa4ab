"""Hundreds of kills at random moments, on every backend and of ``poolwise fetch``; what came of them, as a table.

Run: ``python -m tests.kill.campaign --times 200 --seed 1`` from the root of the checkout. A scene is one run:
it is struck up to four times, taken up again each time; in the end all of it is compared with what it must be. The
small disk needs the right to mount a tmpfs; without it, no disk is made full.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.kill.pages import Pages, serving
from tests.kill.scene import KINDS, Scene

BACKENDS = ("loop", "threads", "processes", "asyncio", "auto")
# ``poolwise fetch``, which is a program and a run on a backend of its own.
FETCH = "fetch"
VERBS = ("map", "imap")
DISK_SIZE = "24m"
MOST_STRIKES = 4


@contextlib.contextmanager
def small_disk(folder: Path):
    """Mount a small tmpfs below the folder; give None where that is not allowed here."""
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_SIZE},mode=700", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    try:
        yield disk if mounted else None
    finally:
        if mounted:
            # A worker that ends this very moment may hold it.
            subprocess.run(["umount", "--lazy", str(disk)], check=True)


def play(seed: int, items: int, backend: str | None = None, kind: str | None = None) -> Scene:
    """Play one scene, all of which follows from the seed but for the moments, in a folder that is gone then."""
    rng = random.Random(seed)
    with (
        tempfile.TemporaryDirectory(prefix="kill-", ignore_cleanup_errors=True) as name,
        small_disk(Path(name)) as disk,
        serving() as server,
    ):
        folder = Path(name)
        backend = backend or rng.choice((*BACKENDS, FETCH))
        about = {"folder": folder, "disk": disk or folder, "backend": backend, "items": items, "rng": rng}
        if backend == FETCH:
            scene = Pages(verb=FETCH, server=server, **about)
        else:
            scene = Scene(verb=rng.choice(VERBS), **about)
        for _ in range(rng.randint(1, MOST_STRIKES)):
            scene.strike(kind or rng.choice(_kinds(scene, small=disk is not None)))
        scene.finish()
        return scene


def _kinds(scene: Scene, *, small: bool) -> list[str]:
    able = {"worker": scene.backend == "processes", "full": small and scene.backend != FETCH}
    return [kind for kind in KINDS if able.get(kind, True)]


def main() -> int:
    """Play scenes until so many strikes have hit; tell of the first problems and fail."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=int, default=200, help="strikes that have to hit (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the first scene; each has the next (%(default)s)")
    parser.add_argument("--items", type=int, default=300)
    parser.add_argument("--backend", choices=(*BACKENDS, FETCH))
    parser.add_argument("--kind", choices=KINDS, help="strike in this way only")
    arguments = parser.parse_args()
    scenes: list[Scene] = []
    seed, begun = arguments.seed, time.monotonic()
    while sum(scene.struck.total() for scene in scenes) < arguments.times:
        scene = play(seed, arguments.items, arguments.backend, arguments.kind)
        scenes.append(scene)
        for problem in scene.problems:
            print(f"seed {seed}, {scene.verb} on {scene.backend}, {dict(scene.struck)}: {problem}", flush=True)
        seed += 1
    print(table(scenes))
    print(f"{len(scenes)} runs, seeds {arguments.seed} to {seed - 1}, in {time.monotonic() - begun:.0f} s")
    return 1 if any(scene.problems for scene in scenes) else 0


def table(scenes: list[Scene]) -> str:
    """Lay out what came of them, a line for each backend."""
    lines = [
        f"{'':10} {'runs':>5} " + " ".join(f"{kind:>7}" for kind in KINDS) + "  ran again  most under way  problems"
    ]
    for backend in (*BACKENDS, FETCH):
        its = [scene for scene in scenes if scene.backend == backend]
        struck = sum((scene.struck for scene in its), Counter())
        lines.append(
            f"{backend:10} {len(its):5} "
            + " ".join(f"{struck[kind]:7}" for kind in KINDS)
            + f"  {sum(scene.again for scene in its):9}  {max((s.most_under_way for s in its), default=0):14}"
            + f"  {sum(len(scene.problems) for scene in its):8}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
