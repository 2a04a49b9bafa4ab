"""``poolwise.fetch`` as a library, with nothing said but where the pages go.

Run: ``python -m benchmarks.fetch.programs.library URLS FOLDER``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import poolwise


def main(urls: Path, folder: Path) -> None:
    """Fetch all; a page that did not come is told on standard error, and the runner misses it."""
    for record in poolwise.fetch(urls.read_text().split(), directory=folder):
        if record.error is not None:
            print(record, file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
