"""``poolwise fetch``: fetch web pages into files, and write what came of each as JSON lines."""

from __future__ import annotations

import argparse
import contextlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from poolwise.cli import exits
from poolwise.cli.arguments import add_progress_arguments, number
from poolwise.cli.ending import explain_end
from poolwise.cli.exits import UsageError
from poolwise.cli.map import make_progress
from poolwise.cli.output import Output
from poolwise.cli.stops import Stopped
from poolwise.cli.terminal import tell
from poolwise.cli.urls import Urls, make_urls
from poolwise.errors import StorageError
from poolwise.report.figures import counted, duration, size
from poolwise.web.fetch import FetchRun
from poolwise.web.record import Page
from poolwise.web.settings import FetchOptions

DESCRIPTION = """\
Fetches web pages, many at a time and few from each server, and writes a JSON line for each:
  {"url": "https://example.org/", "number": 1, "status": 200, "bytes": 1256, "path": "pages/example.org/index.html", …}
  {"url": "https://example.org/x", "number": 2, "status": 404, "error": {"type": "status", "message": "HTTP 404"}, …}
Hosts are asked for their robots.txt first, and what it says is kept."""
EPILOG = """\
A list has a URL in each line; empty lines, and lines that begin with #, are skipped. A line that is no URL is told
with its number, and the others are fetched all the same.

examples:
  poolwise fetch https://example.org/ -d pages/
  poolwise fetch urls.txt -d pages/ -o pages.jsonl --journal pages.db --contact me@example.org
"""
# What becomes a keyword of the verb under its own name.
PASSED = (
    *("directory", "rate", "limit", "retries", "timeout", "max_bytes", "max_workers", "user_agent", "contact"),
    *("robots", "journal", "refresh", "max_failures", "desc", "total"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say which arguments ``fetch`` takes."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.add_argument("urls", metavar="URL", nargs="*", default=[], help="what to fetch, or a file with a list of it")
    parser.add_argument("--input", metavar="FILE", help="read the URLs from FILE, or from standard input (-)")
    _add_manners(parser)
    _add_limits(parser)
    _add_output(parser)


def _add_manners(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how servers are asked")
    group.add_argument("--rate", metavar="N/s", action="append", help="at most so many requests, such as 10/s or 30/m")
    group.add_argument("--limit", metavar="N", type=number, help="at most N requests at a time to each host")
    group.add_argument("--no-robots", dest="robots", action="store_false", help="do not ask for robots.txt")
    group.add_argument("--contact", metavar="WHO", help="your address of mail or web, told to servers (User-Agent)")
    group.add_argument("--user-agent", metavar="TEXT", help="say that you are this program instead")
    group.add_argument(
        "--header", metavar="'NAME: VALUE'", action="append", default=[], help="send this header, too; again for more"
    )


def _add_limits(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("limits, and what is done about failures")
    group.add_argument("--timeout", metavar="SECONDS", type=number, help="a page that takes longer has failed")
    group.add_argument("--max-bytes", metavar="N", type=number, help="a page that is larger has failed")
    group.add_argument("--max-workers", metavar="N", type=number, help="at most N requests at a time, to all hosts")
    group.add_argument("--retries", metavar="N", type=number, help="try N times more what may go well another time")
    group.add_argument(
        "--max-failures", metavar="N", type=number, help="end the run when more than N pages have failed"
    )
    group.add_argument(
        "--journal", metavar="FILE", help="keep in FILE what is done, and go on from there the next time"
    )
    group.add_argument("--refresh", action="store_true", help="ask again for pages of the journal: have they changed?")


def _add_output(parser: argparse.ArgumentParser) -> None:
    output = parser.add_argument_group("output")
    output.add_argument("-d", "--directory", metavar="FOLDER", help="write the pages into files below FOLDER")
    output.add_argument("-o", "--output", metavar="FILE", help="write the lines to FILE (default: standard output)")
    output.add_argument("--headers", action="store_true", help="write each answer's headers, too")
    output.add_argument("--ordered", action="store_true", help="write the lines in the order of the URLs")
    add_progress_arguments(output, desc="what the run is called there", total="how many URLs the list has, for it")
    output.add_argument("-q", "--quiet", action="store_true", help="no progress and no summary, errors only")


def options_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Give the parsed arguments as keywords for the verb; what was left out is left to it. Raises UsageError."""
    options = {name: getattr(arguments, name) for name in PASSED}
    options = {name: value for name, value in options.items() if value is not None}
    if arguments.header:
        options["headers"] = dict(_split_header(each) for each in arguments.header)
    return {**options, "ordered": arguments.ordered, "errors": "collect"}


def _split_header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise UsageError(f"--header {text!r}: write 'NAME: VALUE'")
    return name.strip(), value.strip()


# --- Running it --------------------------------------------------------------------------------------------------


class Tally:
    """What came of the pages so far."""

    def __init__(self) -> None:
        self.pages = self.failed = self.bytes = self.earlier = 0

    def count(self, page: Page) -> None:
        """Count a page."""
        self.pages += 1
        self.failed += not page.ok
        self.earlier += page.from_journal
        self.bytes += page.bytes if page.ok else 0

    def words(self) -> str:
        """Say it."""
        earlier = f" ({self.earlier:,} of them from the journal)" if self.earlier else ""
        failed = f", {self.failed:,} failed" if self.failed else ""
        return f"{counted(self.pages, 'page')}{earlier}, {size(self.bytes)}{failed}"


def run(arguments: argparse.Namespace) -> int:
    """Do it: options and URLs are checked first, and the output is touched last."""
    options = options_of(arguments)
    urls = make_urls(arguments.urls, arguments.input)
    if urls.total is not None:
        options.setdefault("total", urls.total)
    fetching = FetchRun(urls, FetchOptions.from_keywords("fetch", {**options, "progress": make_progress(arguments)}))
    tally = Tally()
    with Output(arguments.output, apart_from=urls.path) as output:
        code = _write_all(fetching, urls, output, tally, arguments)
    if code in {exits.DONE, exits.FAILED} and fetching.error is None and not arguments.quiet:
        tell(f"poolwise: {tally.words()} in {duration(fetching.report().wall_s)}")
    return code


def _write_all(run: FetchRun, urls: Urls, output: Output, tally: Tally, arguments: argparse.Namespace) -> int:
    """Run, and write each batch as it comes; whatever happens, the run is closed and its connections are ended."""
    try:
        with contextlib.closing(run.batches()) as batches:
            for batch in batches:
                output.write("".join(lines(run.wanted(batch), tally, headers=arguments.headers)))
                arguments.stops.check()
        arguments.stops.check()
    except Stopped as stop:
        of = "" if urls.total is None else f" of {urls.total:,}"
        on = f"; {run.advice}" if run.advice is not None else ""
        tell(f"poolwise: {stop.word} after {counted(tally.pages, 'page')}{of}{on}")
        return stop.code
    if urls.error is not None:
        raise urls.error
    if isinstance(run.error, StorageError):
        raise run.error
    if run.error is not None:
        return explain_end(run.error, advice="what is done stands in the output")
    return exits.FAILED if tally.failed else exits.DONE


def lines(pages: Iterable[Page], tally: Tally, *, headers: bool) -> Iterator[str]:
    """Write a line for each page, and count it."""
    for page in pages:
        tally.count(page)
        yield _encode(page.to_dict(headers=headers)) + "\n"


# ``json.dumps`` would make an encoder for each line.
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
