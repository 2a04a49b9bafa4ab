"""A web server on this machine that takes 0.1 s for each page, so that the examples need no network.

It prints its port, and ends when its standard input is closed.
"""

import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class SlowPage(BaseHTTPRequestHandler):
    """Answers any address, slowly."""

    def do_GET(self) -> None:
        """Wait, then send a page."""
        time.sleep(0.1)
        body = f"<title>Page {self.path}</title>".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """One thread for each connection."""

    request_queue_size = 128  # so many clients may knock at the same moment


server = Server(("127.0.0.1", 0), SlowPage)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()
