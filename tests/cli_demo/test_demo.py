"""The demo as a person starts it: a process of its own, in a pipe."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import psutil
import pytest

from poolwise.cli.demo.site import local_site
from poolwise.cli.demo.work import describe, fetch_page, page_body

PROGRAM = "from poolwise.cli import main; raise SystemExit(main())"
# Whatever the demo starts inherits this from it, and is found by it.
MARK = "POOLWISE_TEST_DEMO"
# What rich looks at to find the width and the colours.
STYLING = ("COLUMNS", "FORCE_COLOR", "TTY_COMPATIBLE")
# A demo in a pipe takes 5 s; the rest is for a busy machine.
PATIENCE_S = 50.0


@pytest.fixture
def mark():
    """Give a mark for one demo's environment; end whatever still bears it."""
    name = uuid.uuid4().hex
    yield name
    for process in marked(name):
        process.kill()


def start(mark, *arguments, **options):
    """Start a demo in a pipe."""
    environment = {name: value for name, value in os.environ.items() if name not in STYLING} | {MARK: mark}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "demo", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        **options,
    )


def marked(mark):
    """Find the living processes that bear the mark."""
    return [process for process in psutil.process_iter() if bears(process, mark)]


def bears(process, mark):
    """Tell whether a process lives and bears the mark."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK) == mark
    except (psutil.Error, OSError):
        return False


def wait_until(condition):
    """Ask again and again until the condition holds; fail at the deadline."""
    deadline = time.monotonic() + PATIENCE_S / 2
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
    return found


def server_of(mark):
    """Find the web server of a demo; None while there is none."""
    servers = [process for process in marked(mark) if "poolwise.cli.demo.server" in process.cmdline()]
    return servers[0] if servers else None


def test_the_quick_demo_tells_both_chapters_and_leaves_nothing(mark):
    """In a pipe: exit code 0, the right results by every way, plain text of 80 columns, and no process left."""
    demo = start(mark, "--quick")
    output, errors = demo.communicate(timeout=PATIENCE_S)
    assert (demo.returncode, errors) == (0, "")
    assert "the sum of all primes below 200,000 is 1709600813" in " ".join(output.split())
    assert "Every way: 20 pages" in output
    assert "\x1b" not in output
    assert max(map(len, output.splitlines())) <= 80
    wait_until(lambda: not marked(mark))


def test_one_chapter_alone(mark):
    """``--chapter`` tells that chapter and no other."""
    demo = start(mark, "--quick", "--chapter", "computing")
    output, _ = demo.communicate(timeout=PATIENCE_S)
    assert (demo.returncode, "Computing:" in output, "Waiting:" in output) == (0, True, False)


def test_the_server_ends_when_the_demo_is_killed(mark):
    """SIGKILL gives the demo no chance to end its server; its standard input, closed by the system, does."""
    demo = start(mark, "--chapter", "waiting")
    wait_until(lambda: server_of(mark))
    demo.kill()
    demo.communicate(timeout=PATIENCE_S)
    wait_until(lambda: not marked(mark))


def test_ctrl_c_ends_the_demo_and_its_server(mark):
    """An interrupt ends everything, long before the loop would have fetched its pages."""
    demo = start(mark, "--chapter", "waiting", start_new_session=True)
    wait_until(lambda: server_of(mark))
    os.killpg(demo.pid, signal.SIGINT)
    _, errors = demo.communicate(timeout=PATIENCE_S)
    assert (demo.returncode, errors) == (130, "poolwise: interrupted\n")
    wait_until(lambda: not marked(mark))


def test_a_closed_output_ends_the_demo(mark):
    """Where nobody reads any more (``| head -1``), the demo ends like any program that writes into a closed pipe."""
    demo = start(mark, "--quick", "--chapter", "waiting")
    demo.stdout.readline()
    demo.stdout.close()
    errors = demo.stderr.read()
    demo.stderr.close()
    assert (demo.wait(PATIENCE_S), errors) == (141, "")
    wait_until(lambda: not marked(mark))


def test_the_site_serves_pages_past_a_proxy(monkeypatch):
    """A proxy in the environment is not asked for pages of this machine."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with local_site() as address:
        assert fetch_page(f"{address}/pages/7") == describe(page_body(7))


def test_the_site_is_gone_after_its_block():
    """Nothing listens any more."""
    with local_site() as address:
        pass
    with pytest.raises(urllib.error.URLError):
        fetch_page(f"{address}/pages/7")


@pytest.mark.parametrize("path", ["/", "/pages/seven", "/elsewhere/7"])
def test_other_paths_are_not_found(path):
    """The server knows its pages and nothing else."""
    with local_site() as address, pytest.raises(urllib.error.HTTPError, match="404") as caught:
        fetch_page(address + path)
    caught.value.close()


def test_modules_of_the_current_folder_do_not_disturb_the_server(tmp_path, monkeypatch):
    """A file of the user's that is named like one of the standard library's is not imported."""
    Path(tmp_path, "socketserver.py").write_text("raise SystemExit(3)\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with local_site() as address:
        assert fetch_page(f"{address}/pages/0") == describe(page_body(0))


def test_the_demo_ends_in_a_page(mark, tmp_path):
    """Both races and the sweep, in one file that needs no other; and what is shown names it."""
    page = tmp_path / "demo.html"
    demo = start(mark, "--quick", "--report", str(page))
    output, errors = demo.communicate(timeout=PATIENCE_S)
    assert (demo.returncode, errors) == (0, "")
    assert f"The page is in {page}: tables" in " ".join(output.split())
    text = page.read_text(encoding="utf-8")
    headings = re.findall(r"<h2>(.*?)</h2>", text)
    assert headings == [
        "Race: fetch_page, 20 items",
        "Race: is_prime, 200,000 items",
        "Sweep: is_prime, 200,000 items, processes",
        "Machine and versions",
    ]
    assert text.count("<svg") >= 6
    assert "http://" not in text.replace("http://www.w3.org/", "")


def test_a_page_that_cannot_be_written_is_refused_at_once(mark):
    """Before a minute of measuring."""
    demo = start(mark, "--quick", "--report", "/nowhere/demo.html")
    output, errors = demo.communicate(timeout=PATIENCE_S)
    assert (demo.returncode, output) == (5, "")
    assert "cannot write /nowhere/demo.html" in errors
