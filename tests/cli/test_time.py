"""``poolwise time``: a program as Python would run it, and what it has cost."""

import json
import os
import pty
import signal
import subprocess
import sys
import textwrap

import pytest

from poolwise.cli import exits
from tests.cli.programs import PATIENCE_S, command, poolwise

ABOUT_ITSELF = """
import json, sys
told = {name: repr(value) for name, value in globals().items() if name not in ("json", "sys", "__builtins__")}
told["__loader__"] = type(__loader__).__name__ if not isinstance(__loader__, type) else __loader__.__name__
told["__spec__"] = getattr(__spec__, "name", None)
told |= {"argv": sys.argv, "path": sys.path, "main": vars(sys.modules["__main__"]) is globals(), }
# What says "write no byte code" may be a variable here and an option there.
told["orig"] = [each for each in sys.orig_argv if each != "-B"]
print(json.dumps(told | {"stdin": sys.stdin.read()}))
"""
BUSY = """
import multiprocessing, time
def busy(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    return seconds
"""


def write(folder, name, text):
    """Write a program."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return path


def python(*args, cwd, text=""):
    """Run Python itself."""
    return subprocess.run(
        [sys.executable, *args], cwd=cwd, input=text, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


@pytest.mark.parametrize(
    ("name", "program"),
    [
        ("about.py", ["about.py", "--json", "x", "-m"]),
        ("sub/about.py", ["sub/about.py"]),
        ("about.py", ["-m", "about", "--help"]),
        ("pack/__main__.py", ["-m", "pack", "a"]),
        ("pack/__main__.py", ["pack", "a"]),
    ],
)
def test_a_program_finds_everything_as_python_gives_it(folder, name, program):
    """Its names, its arguments, where it imports from, and standard input: the same as without us."""
    write(folder, name, ABOUT_ITSELF)
    ended = poolwise("time", *program, cwd=folder, text="some input")
    assert ended.code == 0
    expected = json.loads(python(*program, cwd=folder, text="some input").stdout)
    assert json.loads(ended.out) == expected


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("import sys; sys.exit(7)", 7),
        ("import sys; sys.exit('words')", 1),
        ("raise SystemExit", 0),
        ("def f():\n    1 / 0\nf()", 1),
        ("x = (", 1),
        ("import os; os._exit(9)", 9),
        ("import sys\nsys.excepthook = lambda *error: print('mine', error[0])\n1 / 0", 1),
        ("import atexit; atexit.register(print, 'bye'); raise KeyError('k')", 1),
        ("import threading, time\nthreading.Thread(target=lambda: (time.sleep(0.1), print('late'))).start()", 0),
    ],
)
def test_it_ends_as_python_would_end(folder, program, code):
    """The exit code, what is printed, and the traceback, which shows none of our frames."""
    write(folder, "ends.py", program)
    ended, expected = poolwise("time", "ends.py", cwd=folder), python("ends.py", cwd=folder)
    assert (ended.code, ended.out) == (code, expected.stdout)
    assert expected.returncode == code
    told = ended.err.removeprefix(expected.stderr)
    assert told.startswith("ends.py: " if not code else f"ends.py (exit code {code}): ")
    assert len(told.splitlines()) == 2


@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_worker_processes_start_and_are_counted(folder, method):
    """0.4 s in two workers, which the program waits for or not."""
    program = f"""
    if __name__ == "__main__":
        pool = multiprocessing.get_context({method!r}).Pool(2)
        print(sum(pool.map(busy, [0.2, 0.2], chunksize=1)))
    """
    write(folder, "work.py", BUSY + textwrap.dedent(program))
    ended = poolwise("time", "--json", "timing.json", "work.py", cwd=folder)
    assert (ended.code, ended.out) == (0, "0.4\n")
    timing = json.loads((folder / "timing.json").read_text())
    assert timing["label"] == "work.py"
    assert timing["usage"]["cpu_children_s"] >= 0.35
    assert timing["usage"]["peak_bytes"] > 10 << 20
    assert " in children" in ended.err


def test_computing_in_python_is_seen_from_inside(folder):
    """The GIL is held; the start of the interpreter is not counted."""
    write(folder, "busy.py", BUSY + "busy(0.3)\n")
    poolwise("time", "--json", "timing.json", "busy.py", cwd=folder)
    timing = json.loads((folder / "timing.json").read_text())
    assert 0.29 <= timing["usage"]["cpu_own_s"] < 0.4
    assert timing["usage"]["cpu_children_s"] == 0
    assert timing["gil_share"] > 0.6


def test_a_program_that_is_killed_is_told_of(folder):
    """128 and the number of the signal, as a shell says it; what it had used is known."""
    write(folder, "killed.py", BUSY + "busy(0.2)\nimport os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    ended = poolwise("time", "--json", "timing.json", "killed.py", cwd=folder)
    assert ended.code == 128 + signal.SIGKILL
    assert "killed.py (ended by SIGKILL): " in ended.err
    assert json.loads((folder / "timing.json").read_text())["usage"]["cpu_own_s"] >= 0.15


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_passed_on_and_the_program_ends_as_it_likes(folder, number):
    """It cleans up, and its own exit code counts."""
    program = f"""
    import signal, sys, time
    def hear(number, frame):
        print("heard", flush=True)
        sys.exit(5)
    signal.signal({int(number)}, hear)
    print("ready", flush=True)
    for _ in range(600):
        time.sleep(0.1)
    """
    write(folder, "hears.py", program)
    with subprocess.Popen(
        command("time", "hears.py"), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (5, "heard\n")
    assert "hears.py (exit code 5): " in err


def test_ctrl_c_in_a_terminal_is_heard_once(folder):
    """The terminal tells both; the program ends by KeyboardInterrupt, we say what it cost and give 130."""
    # Short naps: in Python, a signal between its last look and the system call waits for the end of a sleep.
    write(folder, "naps.py", "import time\nprint('ready', flush=True)\nfor _ in range(600): time.sleep(0.1)\n")
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(folder)
        os.environ["PYTHON_COLORS"] = "0"
        os.execv(sys.executable, command("time", "naps.py"))  # noqa: S606 - our own program
    told = b""
    while b"ready" not in told:
        told += os.read(terminal, 1000)
    os.write(terminal, b"\x03")
    try:
        while more := os.read(terminal, 1000):
            told += more
    except OSError:
        # The terminal's other end is closed.
        pass
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(terminal)
    text = told.decode().replace("\r", "")
    assert code == exits.INTERRUPTED
    assert text.count("KeyboardInterrupt") == 1
    assert 'naps.py", line ' in text
    assert "naps.py (ended by SIGINT): " in text
    assert "/poolwise/" not in text


def test_what_cannot_be_run_or_written_is_said_before_anything_runs(folder):
    """A script that is not there, a folder that is not there."""
    ended = poolwise("time", "nothing.py", cwd=folder)
    assert (ended.code, ended.out) == (exits.TARGET, "")
    assert "there is no file 'nothing.py'" in ended.err
    write(folder, "says.py", "print('ran')")
    ended = poolwise("time", "--json", "no/where.json", "says.py", cwd=folder)
    assert (ended.code, ended.out) == (exits.OUTPUT, "")
    assert "cannot write no/where.json" in ended.err


def test_poolwise_in_the_program_works_as_without_us(folder):
    """Its own way to start workers is not changed by what looks at the GIL."""
    program = """
    import poolwise
    if __name__ == "__main__":
        results = poolwise.map(busy, [0.0] * 4, backend="processes")
        print(results, results.report.plan.start_method)
    """
    write(folder, "maps.py", BUSY + textwrap.dedent(program))
    ended = poolwise("time", "maps.py", cwd=folder)
    assert (ended.code, ended.out) == (0, python("maps.py", cwd=folder).stdout)


def test_a_missing_program_is_all_that_is_missing(folder):
    """Its arguments may be missing."""
    ended = poolwise("time", cwd=folder)
    assert ended.code == 2
    assert "arguments are required: PROGRAM (" in ended.err
