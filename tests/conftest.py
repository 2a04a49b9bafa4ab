"""For all tests: what the one who starts them may have left different."""

from __future__ import annotations

import signal

# A shell that runs the tests in the background ignores Ctrl-C, and every program that they start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
