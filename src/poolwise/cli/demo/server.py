"""The demo's web server, a process of its own: ``python -m poolwise.cli.demo.server``.

It writes its port on standard output and serves pages on 127.0.0.1, each with the latency of a far-away server. It ends
when its standard input is closed, which the system does for a demo that is killed, and after ``LIFE_S`` at the latest.
"""

from __future__ import annotations

import contextlib
import os
import socketserver
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from poolwise.cli.demo.work import page_body

# The chapter takes a quarter of a minute; this is for a machine twenty times slower, and for a demo that hangs.
LIFE_S = 300.0
# A round trip to a server on another continent, and its thinking: 80 to 120 ms, other for each page.
LEAST_LATENCY_S = 0.08
MORE_LATENCY_S = 0.04


def latency_s(number: int) -> float:
    """Give the time after which page ``number`` is answered: the same each time, so that every way waits alike."""
    return LEAST_LATENCY_S + MORE_LATENCY_S * (number * 7 % 11) / 10


class Pages(BaseHTTPRequestHandler):
    """Answers ``/pages/NUMBER``."""

    # Headers and body leave together: in two small packets, the second would wait for the first's acknowledgement.
    wbufsize = -1

    def do_GET(self) -> None:
        """Wait as a far-away server lets one wait, then send the page."""
        folder, _, number = self.path.rpartition("/")
        if folder != "/pages" or not number.isdecimal():
            self.send_error(404)
            return
        time.sleep(latency_s(int(number)))
        body = page_body(int(number))
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - as http.server has it
        """Say nothing: the terminal belongs to the demo."""


class Server(ThreadingHTTPServer):
    """One thread for each connection."""

    # Threads knock all at once; the standard library's queue of 5 would make some of them try again after a second.
    request_queue_size = 128
    daemon_threads = True

    def server_bind(self) -> None:
        """Bind, without the standard library's look-up of the host's name, which takes seconds without a network."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as socketserver has it
        """Say nothing of clients that hang up in the middle of a page, as on Ctrl-C."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def main() -> None:
    """Serve until standard input is closed."""
    _end_at_the_latest(LIFE_S)
    with Server(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with contextlib.suppress(BrokenPipeError):
            # A demo that was interrupted just now does not listen any more; standard input tells the same.
            print(server.server_port, flush=True)
        sys.stdin.buffer.read()
        # Not by the end of main(): nobody waits for the pages that are still on their way.
        os._exit(0)


def _end_at_the_latest(seconds: float) -> None:
    timer = threading.Timer(seconds, os._exit, (0,))
    timer.daemon = True
    timer.start()


if __name__ == "__main__":
    main()
