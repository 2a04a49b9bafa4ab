"""``python -m poolwise`` is the command ``poolwise``."""

import sys

from poolwise.cli import main

# A worker that is started by somebody else's multiprocessing imports this module again, under another name.
if __name__ == "__main__":
    sys.exit(main())
