"""A real kernel, as the tests of this folder talk to it: cells are run, and interrupted as the stop button does."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

jupyter_client = pytest.importorskip("jupyter_client", reason="comes with the dev extra")

# A cell that takes longer hangs.
WATCHDOG_S = 50
# What a cell prints when it may be interrupted.
BEGUN = "begun"


class Kernel:
    """A kernel that runs in ``folder``."""

    def __init__(self, folder: Path | None = None) -> None:
        where = {} if folder is None else {"cwd": str(folder)}
        self.manager, self.client = jupyter_client.manager.start_new_kernel(kernel_name="python3", **where)

    def run(self, source: str) -> str:
        """Run a cell; give what it printed, or its error."""
        told: list[str] = []

        def listen(message: dict[str, Any]) -> None:
            told.append(text_of(message))

        self.client.execute_interactive(source, timeout=WATCHDOG_S, output_hook=listen)
        return "".join(told)

    def interrupt(self, source: str) -> tuple[str, float]:
        """Run a cell until it prints ``BEGUN``, and stop it; give its error, and the seconds until that was there."""
        request = self.client.execute(source)
        ended, stopped_s = None, 0.0
        while ended is None:
            message = self.client.get_iopub_msg(timeout=WATCHDOG_S)
            if message["parent_header"].get("msg_id") != request:
                continue
            if message["msg_type"] == "stream" and BEGUN in message["content"]["text"]:
                stopped_s = time.monotonic()
                self.manager.interrupt_kernel()
            elif message["msg_type"] == "error":
                ended = message["content"]["ename"]
        took_s = time.monotonic() - stopped_s
        # A kernel throws away what was asked before it has answered for an error.
        while self.client.get_shell_msg(timeout=WATCHDOG_S)["parent_header"].get("msg_id") != request:
            continue
        return ended, took_s

    def end(self) -> None:
        """End it."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def text_of(message: dict[str, Any]) -> str:
    """Give what a message adds to what a person reads below a cell."""
    content = message["content"]
    match message["msg_type"]:
        case "stream":
            return str(content["text"])
        case "error":
            return f"{content['ename']}: {content['evalue']}"
        case _:
            return ""
