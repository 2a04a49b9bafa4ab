"""Standard streams that are closed, full, or read by somebody who has seen enough."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.programs import PATIENCE_S, command, descendants, started, until

BASH = shutil.which("bash")
pytestmark = pytest.mark.skipif(BASH is None, reason="needs bash")


def shell(script, cwd):
    """Run a line of shell in which ``$poolwise`` is the command; give exit code, output and errors."""
    line = script.replace("$poolwise", shlex.join(command()))
    ended = subprocess.run([BASH, "-c", line], cwd=cwd, capture_output=True, timeout=PATIENCE_S, check=False, text=True)
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.parametrize("backend", ["auto", "loop", "threads", "processes"])
def test_head_ends_the_command_quietly(folder, backend):
    """``| head`` gets its lines of an endless input; nothing on standard error; exit code 141."""
    code, out, err = shell(
        f"yes a | $poolwise map work:double --input - --backend {backend} | head -3; echo ${{PIPESTATUS[@]:1}}", folder
    )
    assert out.splitlines()[-1] == "141 0"
    assert len(out.splitlines()) == 4
    assert (code, err) == (0, "")


@pytest.mark.parametrize("what", ["machine", "why work:double a b", "--help"])
def test_a_reader_who_reads_nothing_is_no_error(folder, what):
    """Short answers too end quietly when nobody listens."""
    code, _, err = shell(f"sleep 0.2 | $poolwise {what} | true", folder)
    assert (code, err) == (0, "")


def test_a_closed_pipe_leaves_no_worker(folder):
    """When the reader goes, the workers go too."""
    with started("map", "work:later", *["0.05"] * 400, "--backend", "processes", cwd=folder) as child:
        assert child.stdout.readline()
        workers = descendants(child.pid)
        assert workers
        child.stdout.close()
        until(lambda: child.poll() is not None, "the command has ended")
        assert (child.returncode, child.stderr.read()) == (141, b"")
        until(lambda: not any(each.is_running() for each in workers), "the workers have ended")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("where", ["-o /dev/full", "> /dev/full"])
def test_a_full_disk_is_told(folder, where):
    """What cannot be written is no success: one line, exit code 5."""
    code, _, err = shell(f"$poolwise map work:double a b {where}", folder)
    assert code == 5
    assert err.startswith("poolwise: error: ")
    assert err.endswith(" cannot be written: No space left on device\n")


@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        ("$poolwise map work:double a <&-", 0, "1 item"),
        ("$poolwise map work:double --input - <&-", 3, "standard input is closed"),
        ("$poolwise map work:double a >&-", 5, "standard output is closed; write to a file with -o FILE"),
        ("$poolwise map work:double a 2>&-", 0, ""),
        ("$poolwise map work:double --backend processes a b 2>&-", 0, ""),
        ("$poolwise map work:nope a 2>&-", 4, ""),
        ("seq 3 > n.txt; $poolwise map work:double --input n.txt >> n.txt", 2, "writing would destroy it"),
    ],
)
def test_closed_and_confused_streams(folder, script, code, words):
    """Each is either harmless or told in a line; nothing of Python's own is on standard error."""
    ended, out, err = shell(script, folder)
    assert ended == code
    assert words in err
    assert "Traceback" not in err
    assert err.count("\n") <= 1
    assert (code != 0) or '"result": "aa"' in out


def test_a_line_is_there_as_soon_as_it_is_done(folder):
    """The reader of a pipe sees the first result while the second item is under way."""
    (folder / "slow.py").write_text("import time\ndef f(x):\n    time.sleep(600 if x == 'slow' else 0)\n    return x\n")
    for backend in ("auto", "threads", "processes"):
        with started("map", "slow:f", "quick", "slow", "--backend", backend, cwd=folder) as child:
            assert child.stdout.readline() == b'{"index": 0, "item": "quick", "result": "quick"}\n'


def test_importing_the_command_line_is_light(folder):
    """``poolwise --help`` does not wait for what it does not use."""
    heavy = ("rich", "asyncio", "psutil", "numpy", "multiprocessing", "cloudpickle")
    script = f"import sys, poolwise.cli; print([name for name in {heavy!r} if name in sys.modules])"
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, timeout=PATIENCE_S, check=True, text=True
    )
    assert ended.stdout == "[]\n"
