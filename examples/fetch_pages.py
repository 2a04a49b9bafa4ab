"""Fetch web pages with a function of your own: it waits, so that Poolwise runs many calls at the same time, on threads.

For pages alone there is ``poolwise.fetch`` (see fetch_list.py); this is the way where a function does more than that.
"""

import subprocess
import sys
import urllib.request
from pathlib import Path

import poolwise

SERVER = Path(__file__).with_name("slow_server.py")
# The pages lie on this machine: no proxy that the environment may name can fetch them.
BROWSER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def fetch(url: str) -> str:
    """Give the text of a page."""
    with BROWSER.open(url, timeout=10) as response:
        return response.read().decode()


with subprocess.Popen([sys.executable, SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
    port = int(server.stdout.readline())
    urls = [f"http://127.0.0.1:{port}/{number}" for number in range(40)]
    pages = poolwise.map(fetch, urls)
    server.stdin.close()

print(pages.report)
assert pages == [f"<title>Page /{number}</title>" for number in range(40)]
assert pages.report.plan.backend == "threads"
