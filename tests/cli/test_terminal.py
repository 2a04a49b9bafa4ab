"""What a person at a terminal sees."""

import os
import pty
import re
import select
import signal
import sys
import time

import pytest

from tests.cli.programs import PATIENCE_S, command, poolwise
from tests.unit.report.progress.glass import Glass

ERASE, HIDE_CURSOR = b"\x1b[2K", b"\x1b[?25l"


class Terminal:
    """The command on a terminal of its own, and all that it has shown."""

    def __init__(self, *args, cwd, program=None, **variables):
        self.shown = b""
        self._pid, self._master = pty.fork()
        if self._pid == 0:
            os.chdir(cwd)
            os.environ.update({"TERM": "xterm", **variables})
            words = program or command(*args)
            os.execv(words[0], words)  # noqa: S606 - our own program

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
    """The progress line is gone, the cursor was never hidden, and one line says what happened."""
    terminal = Terminal("map", "work:hang", *"abc", "--backend", backend, "-o", "out.jsonl", cwd=folder)
    terminal.read_until(b"0/3")
    terminal.type(b"\x03")
    assert terminal.end() == 130
    assert HIDE_CURSOR not in terminal.shown
    assert terminal.shown.endswith(b"\x1b[2Kpoolwise: interrupted after 0 of 3 items\r\n")


def test_lines_on_the_terminal_are_progress_enough(folder):
    """A progress line between results would only tear them."""
    terminal = Terminal("map", "work:later", "1.2", "0", "--backend", "threads", cwd=folder)
    assert terminal.end() == 0
    assert ERASE not in terminal.shown
    assert terminal.shown.startswith(b'{"index": 0, "item": "1.2", "result": "1.2"}\r\n')


def test_progress_on_demand_makes_room_for_lines(folder):
    """``--progress`` shows both: each line of the output begins at the left."""
    terminal = Terminal(
        *("map", "work:later", "0.3", "0.3", "0.3", "--progress", "--backend", "loop", "--chunksize", "1"), cwd=folder
    )
    assert terminal.end() == 0
    assert b"later" in terminal.shown
    assert terminal.shown.count(b'\x1b[2K{"index"') + terminal.shown.startswith(b'{"index"') == 3


def test_a_run_has_the_name_and_the_total_that_it_is_given(folder):
    """``--desc`` and ``--total``: a file is read on the way, so that its length is not known before its end."""
    (folder / "times.txt").write_text("0.3\n" * 8)
    terminal = Terminal(
        *("map", "work:later", "--input", "times.txt", "-o", "out.jsonl", "--progress", "--backend", "loop"),
        *("--chunksize", "1", "--desc", "naps", "--total", "8"),
        cwd=folder,
    )
    assert terminal.end() == 0
    assert b"naps" in terminal.shown
    assert b"1/8" in terminal.shown
    assert b"later" not in terminal.shown.split(b"poolwise: 8 items")[0]


def test_a_terminal_that_cannot_draw_over_a_line_gets_whole_ones(folder):
    """``TERM=dumb``, where it is asked for: no escape sequence, and one line at the end."""
    terminal = Terminal(
        *("map", "work:later", "0.1", "0.1", "-o", "out.jsonl", "--progress", "--backend", "loop"),
        cwd=folder,
        TERM="dumb",
    )
    assert terminal.end() == 0
    assert b"\x1b" not in terminal.shown
    assert terminal.shown.startswith(b"later: 2/2, ")


def test_no_colour_where_none_is_wanted(folder):
    """``NO_COLOR``: the line is there, and nothing in it is coloured."""
    terminal = Terminal(
        *("map", "work:later", "0.3", "0.3", "-o", "out.jsonl", "--progress", "--backend", "loop", "--chunksize", "1"),
        cwd=folder,
        NO_COLOR="1",
    )
    assert terminal.end() == 0
    assert b"1/2" in terminal.shown
    assert not re.search(rb"\x1b\[[0-9;]*m", terminal.shown)


def test_nothing_is_shown_in_a_file_unless_it_is_asked_for(folder):
    """A run of more than a second leaves standard error to its summary; ``--progress`` adds one whole line."""
    words = ("map", "work:later", "0.6", "0.6", "0.6", "-o", "out.jsonl", "--backend", "loop")
    quiet, asked = poolwise(*words, cwd=folder), poolwise(*words, "--progress", cwd=folder)
    assert [line.split(" items")[0] for line in quiet.err.splitlines()] == ["poolwise: 3"]
    assert asked.err.startswith("later: 3/3, ")
    assert re.search(r"done after [1-9]\.?\d* s", asked.err)
    assert "\x1b" not in asked.err


NESTED = """
import sys, threading, time
import poolwise

both = threading.Barrier(2, timeout=30)

def inner(item):
    time.sleep(0.02)
    if item == 75:
        both.wait()  # from here on both runs have been shown
        print("printed by", threading.current_thread().name)
    return item

def outer(item):
    return len(poolwise.map(inner, range(100), backend="loop", chunksize=1, desc=f"inner {item}"))

print(poolwise.map(outer, range(2), backend="threads", max_workers=2, progress=True))
"""


def test_runs_within_a_run_have_a_line_each_and_prints_stay_whole(folder):
    """Two maps in the threads of a third: three lines at a time, prints above them, and in the end only the prints."""
    (folder / "nested.py").write_text(NESTED)
    terminal = Terminal(cwd=folder, program=[sys.executable, "nested.py"], NO_COLOR="1")
    assert terminal.end() == 0
    frames = terminal.shown.decode().split("\r\x1b[2K")
    assert any(all(word in frame for word in ("outer ", "inner 0 ", "inner 1 ")) for frame in frames)
    glass = Glass()
    glass.write(terminal.shown.decode().replace("\r\n", "\n"))
    assert [line.split(" by ")[0] for line in glass.shown] == ["printed", "printed", "[100, 100]"]


LEFT = """
import time, poolwise
kept = poolwise.imap(lambda item: time.sleep(0.02), range(100), backend="loop", chunksize=1, progress=True)
for place, _ in enumerate(kept):
    if place == 20:
        raise SystemExit("that will do")
"""


def test_a_program_that_ends_in_the_middle_leaves_no_line_behind(folder):
    """A stream that nobody closes is ended by the program's end, and its line with it; its last words stay."""
    (folder / "left.py").write_text(LEFT)
    terminal = Terminal(cwd=folder, program=[sys.executable, "left.py"])
    assert terminal.end() == 1
    assert b"lambda" in terminal.shown
    glass = Glass()
    glass.write(terminal.shown.decode().replace("\r\n", "\n"))
    assert glass.shown == ["that will do"]


INTERRUPTED = """
import time, poolwise
def inner(item):
    return poolwise.map(lambda _: time.sleep(0.1), range(600), backend="threads", max_workers=1, progress=True)
poolwise.map(inner, range(2), backend="threads", max_workers=2, progress=True)
"""


def test_ctrl_c_takes_all_lines_of_the_program_away(folder):
    """A map whose items run maps of their own, interrupted: the traceback stands alone."""
    (folder / "interrupted.py").write_text(INTERRUPTED)
    terminal = Terminal(cwd=folder, program=[sys.executable, "interrupted.py"], NO_COLOR="1")
    for words in (b"inner  ", b"<lambda>  ", b"5/600"):
        terminal.read_until(words)
    terminal.type(b"\x03")
    assert terminal.end() == -signal.SIGINT
    glass = Glass()
    glass.write(terminal.shown.decode().replace("\r\n", "\n"))
    assert (glass.shown[0], glass.shown[-1]) == ("Traceback (most recent call last):", "KeyboardInterrupt")
