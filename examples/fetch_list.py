"""Fetch a list of web pages into files with ``poolwise.fetch``; the same call again fetches only what is missing."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import poolwise

SERVER = Path(__file__).with_name("slow_server.py")
# The pages lie on this machine: no proxy that the environment may name can fetch them.
os.environ["no_proxy"] = "127.0.0.1"


def fetch(names: Path, folder: Path) -> list[poolwise.Page]:
    """Fetch the pages of a list into a folder, and keep in a journal what is done."""
    with names.open() as lines, poolwise.fetch(lines, directory=folder, journal=folder / "pages.db", limit=16) as pages:
        return list(pages)


with (
    tempfile.TemporaryDirectory() as name,
    subprocess.Popen([sys.executable, SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server,
):
    folder, names = Path(name), Path(name, "urls.txt")
    site = f"http://127.0.0.1:{int(server.stdout.readline())}"
    lines = [f"{site}/page-{number}.html" for number in range(30)]

    # A line that is no URL is a record with an error, and costs the others nothing.
    names.write_text("\n".join(["# my list", *lines, "ftp://example.org/old.txt"]))
    first = fetch(names, folder)

    # The list has grown, and a file was lost.
    names.write_text("\n".join([*lines, f"{site}/page-30.html"]))
    lost = next(page for page in first if page.url == lines[0])
    Path(lost.path).unlink()
    second = fetch(names, folder)
    text = Path(lost.path).read_text()
    server.stdin.close()

for page in first:
    if not page.ok:
        print(f"{page.url}: {page.error}")
print(f"first {sum(page.ok for page in first)} pages, then {sum(not page.from_journal for page in second)} more")
assert sorted(page.url for page in first if page.ok) == sorted(lines)
assert [page.error.type for page in first if not page.ok] == ["address"]
assert text == "<title>Page /page-0.html</title>"
assert {page.url for page in second if not page.from_journal} == {lines[0], f"{site}/page-30.html"}
