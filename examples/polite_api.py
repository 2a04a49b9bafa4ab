"""Ask two services with a function that fetches by itself, as they want to be asked: not too often, and again later."""

import threading
import time
import urllib.request
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.parse import urlsplit

import poolwise

# The services run on this machine: no proxy that the environment may name leads to them.
BROWSER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
BUSY = {429, 500, 502, 503, 504}


class Service(BaseHTTPRequestHandler):
    """Answers after 20 ms; says at the first request for every tenth page that it is busy; counts."""

    lock, seen, inside, most = threading.Lock(), Counter[str](), Counter[int](), Counter[int]()

    def do_GET(self) -> None:
        """Wait, then answer."""
        port, url = self.server.server_port, f"{self.server.server_port}{self.path}"
        with self.lock:
            self.seen[url] += 1
            self.inside[port] += 1
            self.most[port] = max(self.most[port], self.inside[port])
            busy = self.path.endswith("0") and self.seen[url] == 1
        time.sleep(0.02)
        with self.lock:
            self.inside[port] -= 1
        self.send_response(503 if busy else 200)
        self.send_header("Content-Length", "0" if busy else "2")
        self.end_headers()
        self.wfile.write(b"" if busy else b"ok")

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def ask(url: str) -> str:
    """Ask for one page; with requests it would be ``session.get(url, timeout=10)`` and ``raise_for_status()``."""
    with BROWSER.open(url, timeout=10) as response:
        return response.read().decode()


def host(url: str) -> str:
    """Say whom a URL is asked of."""
    return urlsplit(url).netloc


def worth_it(error: BaseException) -> bool:
    """Tell what may go well another time."""
    return error.code in BUSY if isinstance(error, HTTPError) else isinstance(error, OSError)


services = [ThreadingHTTPServer(("127.0.0.1", 0), Service) for _ in range(2)]
for service in services:
    threading.Thread(target=service.serve_forever, daemon=True).start()
urls = [f"http://127.0.0.1:{service.server_port}/{number}" for number in range(50) for service in services]

answers = poolwise.map(
    ask,
    urls,
    backend="threads",
    retries=poolwise.Retry(3, on=worth_it, wait=0.05),
    rate=poolwise.Rate("100/s", key=host),
    limit=poolwise.Limit(4, key=host),
)

print(answers.report)
for service in services:
    service.shutdown()
assert answers == ["ok"] * 100
assert answers.report.retried == 10
assert max(Service.most.values()) <= 4
