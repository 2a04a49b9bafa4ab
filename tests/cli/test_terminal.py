"""What a person at a terminal sees."""

import os
import pty
import select
import time

import pytest

from tests.cli.programs import PATIENCE_S, command

SHOW_CURSOR, HIDE_CURSOR = b"\x1b[?25h", b"\x1b[?25l"


class Terminal:
    """The command on a terminal of its own, and all that it has shown."""

    def __init__(self, *args, cwd):
        self.shown = b""
        self._pid, self._master = pty.fork()
        if self._pid == 0:
            os.chdir(cwd)
            os.environ["TERM"] = "xterm"
            os.execv(command()[0], command(*args))  # noqa: S606 - our own program

    def read_until(self, words):
        """Read until ``words`` are shown, or (None) to the end."""
        deadline = time.monotonic() + PATIENCE_S
        while words is None or words not in self.shown:
            left = deadline - time.monotonic()
            assert left > 0, f"{words!r} did not come after {self.shown!r}"
            if select.select([self._master], [], [], left)[0]:
                try:
                    data = os.read(self._master, 65536)
                except OSError:  # how Linux says that the other end is closed
                    data = b""
                if not data:
                    assert words is None, f"{words!r} did not come after {self.shown!r}"
                    return
                self.shown += data

    def type(self, keys):
        """Type something."""
        os.write(self._master, keys)

    def end(self):
        """Read the rest, and give the exit code."""
        self.read_until(None)
        _, status = os.waitpid(self._pid, 0)
        os.close(self._master)
        return os.waitstatus_to_exitcode(status)


@pytest.mark.parametrize("backend", ["threads", "processes"])
def test_ctrl_c_leaves_the_terminal_as_it_was(folder, backend):
    """The progress line is gone, the cursor is back, and one line says what happened."""
    terminal = Terminal("map", "work:hang", *"abc", "--backend", backend, "-o", "out.jsonl", cwd=folder)
    terminal.read_until(b"0/3")
    terminal.type(b"\x03")
    assert terminal.end() == 130
    assert terminal.shown.rfind(SHOW_CURSOR) > terminal.shown.rfind(HIDE_CURSOR) >= 0
    assert terminal.shown.endswith(b"\x1b[2Kpoolwise: interrupted after 0 of 3 items\r\n")


def test_lines_on_the_terminal_are_progress_enough(folder):
    """A progress line between results would only tear them."""
    terminal = Terminal("map", "work:later", "1.2", "0", "--backend", "threads", cwd=folder)
    assert terminal.end() == 0
    assert HIDE_CURSOR not in terminal.shown
    assert terminal.shown.startswith(b'{"index": 0, "item": "1.2", "result": "1.2"}\r\n')


def test_progress_on_demand_makes_room_for_lines(folder):
    """``--progress`` shows both: each line of the output begins at the left."""
    terminal = Terminal(
        *("map", "work:later", "0.3", "0.3", "0.3", "--progress", "--backend", "loop", "--chunksize", "1"), cwd=folder
    )
    assert terminal.end() == 0
    assert HIDE_CURSOR in terminal.shown
    assert terminal.shown.count(b'\x1b[2K{"index"') + terminal.shown.startswith(b'{"index"') == 3
