"""``%poolwise`` and ``%%poolwise`` in a real kernel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

jupyter_client = pytest.importorskip("jupyter_client", reason="comes with the dev extra")

# A cell that takes longer hangs.
WATCHDOG_S = 40


class Kernel:
    """A kernel that gives all that a cell shows."""

    def __init__(self) -> None:
        self.manager, self.client = jupyter_client.manager.start_new_kernel(kernel_name="python3")

    def run(self, source: str) -> list[dict[str, object]]:
        """Run a cell; give its outputs: what was printed, shown, given or raised."""
        shown: list[dict[str, object]] = []

        def listen(message):
            if message["msg_type"] in ("stream", "display_data", "execute_result", "error"):
                shown.append({"type": message["msg_type"], **message["content"]})

        self.client.execute_interactive(source, timeout=WATCHDOG_S, output_hook=listen)
        return shown

    def end(self) -> None:
        """End it."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    """Start one kernel for all tests: it takes a second."""
    made = Kernel()
    try:
        made.run("%load_ext poolwise")
        yield made
    finally:
        made.end()


def test_a_cell_is_timed_shown_and_kept(kernel) -> None:
    """As text and as HTML, the value at its end is given, and its names stay."""
    shown, given = kernel.run("%%poolwise load\nimport time\ntime.sleep(0.5)\nx = 3\nx + 1")
    assert shown["type"] == "display_data"
    assert shown["data"]["text/plain"].startswith("load: ")
    assert "it waited, and hardly computed" in shown["data"]["text/plain"]
    assert "<table>" in shown["data"]["text/html"]
    assert (given["type"], given["data"]["text/plain"]) == ("execute_result", "4")
    (told,) = kernel.run("print(x, _poolwise.label, _poolwise.wall_s >= 0.5)")
    assert told["text"] == "3 load True\n"


def test_a_line_gives_its_value(kernel) -> None:
    """To a variable too, as %time does."""
    shown, given = kernel.run("%poolwise sum(range(1000))")
    assert shown["data"]["text/plain"].startswith("sum(range(1000)): ")
    assert given["data"]["text/plain"] == "499500"
    kernel.run("y = %poolwise 2 * 3")
    assert kernel.run("print(y)")[0]["text"] == "6\n"
    (only,) = kernel.run("%poolwise 2 * 3;")
    assert only["type"] == "display_data"


def test_children_count_in_a_notebook_and_not_in_process_time(kernel) -> None:
    """Worker processes that stay alive have used what %%time and process_time() do not see."""
    told = kernel.run(
        """%%poolwise
import poolwise, time
before = time.process_time()
def busy(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
poolwise.map(busy, [0.2] * 3, backend="processes", max_workers=2)
missed = time.process_time() - before
"""
    )
    # On a busy machine the map takes more than a second, and its progress appears first.
    assert [each["data"]["text/plain"].startswith("cell: ") for each in told if "data" in each][-1]
    (numbers,) = kernel.run("print(missed, _poolwise.usage.cpu_children_s)")
    missed, seen = map(float, numbers["text"].split())
    assert missed < 0.6 <= seen


def test_what_a_cell_raises_is_shown_as_ever_and_timed(kernel) -> None:
    """The user's own line in the traceback, and none of ours."""
    shown, error = kernel.run("%%poolwise bad\nz = 1\nz / 0")
    assert shown["data"]["text/plain"].startswith("bad (ZeroDivisionError): ")
    assert error["ename"] == "ZeroDivisionError"
    text = "\n".join(error["traceback"])
    assert "z / " in text
    assert "magic.py" not in text


def test_other_magics_and_shell_commands_work_inside(kernel) -> None:
    """The shell's own transformations are done."""
    shown = kernel.run("%%poolwise\n!echo hello\nfiles = %pwd")
    assert [each["type"] for each in shown if each["type"] == "error"] == []
    assert "hello" in "".join(str(each.get("text", "")) for each in shown)


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("%poolwise", "write %poolwise STATEMENT"),
        ("%%poolwise\nimport asyncio\nawait asyncio.sleep(0)", "cannot be run by a magic"),
        ("%%poolwise\nx = 1 +* 2", "invalid syntax"),
    ],
)
def test_what_cannot_be_run_is_said(kernel, source, word) -> None:
    """A clear word, and the kernel goes on."""
    shown = kernel.run(source)
    text = "".join(str(each.get("evalue", "")) + str(each.get("text", "")) for each in shown)
    assert word in text
    assert kernel.run("print(1)")[0]["text"] == "1\n"
