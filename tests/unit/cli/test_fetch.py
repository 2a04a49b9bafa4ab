"""``poolwise fetch``: what it takes, and what it writes of whatever run it is given."""

from __future__ import annotations

import json

import pytest

from poolwise.cli import exits
from poolwise.cli.arguments import Parser
from poolwise.cli.exits import UsageError
from poolwise.cli.fetch import add_arguments, fetch_pages, options_of
from poolwise.cli.stops import Stops
from poolwise.errors import FunctionError, StorageError
from poolwise.model.classes import frozen
from poolwise.model.events import Batch
from poolwise.model.failure import Failure


def parse(*argv):
    """Parse a command line as the program does."""
    parser = Parser(prog="poolwise fetch")
    add_arguments(parser)
    arguments = parser.parse_intermixed_args(argv)
    arguments.stops = Stops()
    return arguments


@frozen
class Page:
    url: str
    bytes: int = 5
    ok: bool = True

    def to_dict(self):
        return {"url": self.url, "bytes": self.bytes, "headers": [["Server", "x"]]}


class PageError(FunctionError):
    def __init__(self, page):
        super().__init__("failed")
        self.page = page


@frozen
class Report:
    wall_s: float = 1.5


class Run:
    """Gives one batch: for each target what a function makes of it."""

    def __init__(self, function, targets, options):
        self.function, self.targets, self.options = function, targets, options
        self.error = None
        self.closed = False

    def batches(self):
        try:
            values, failures = [], {}
            for offset, target in enumerate(self.targets):
                try:
                    values.append(self.function(target))
                except StorageError as error:
                    self.error = error
                    return
                except Exception as error:
                    values.append(None)
                    failures[offset] = Failure(offset, target, error)
            yield Batch(0, values, failures)
        finally:
            self.closed = True

    def report(self):
        return Report()


def fetch(capsys, function, *argv):
    """Run the command over a function of a target; give its code, its lines and its words for people."""
    runs = []

    def make_run(targets, options):
        runs.append(Run(function, targets, options))
        return runs[0]

    code = fetch_pages(parse(*argv), make_run)
    out, err = capsys.readouterr()
    assert runs[0].closed
    return code, [json.loads(line) for line in out.splitlines()], err


def test_each_page_has_a_line(capsys) -> None:
    """Its headers only where they are asked for; a summary for people."""
    code, lines, err = fetch(capsys, lambda target: Page(target.url), "http://a.example", "http://b.example")
    assert code == exits.DONE
    assert lines == [{"url": "http://a.example/", "bytes": 5}, {"url": "http://b.example/", "bytes": 5}]
    assert err == "poolwise: 2 pages, 10 bytes in 1.50 s\n"
    _, lines, err = fetch(capsys, lambda target: Page(target.url), "http://a.example", "--headers", "-q")
    assert lines == [{"url": "http://a.example/", "bytes": 5, "headers": [["Server", "x"]]}]
    assert err == ""


def test_a_page_that_failed_has_a_line_too(capsys) -> None:
    """That of its record, where it has one; the exit code says that something failed."""

    def fail(target):
        if target.number == 1:
            raise PageError(Page(target.url, 0, ok=False))
        if target.number == 2:
            raise ValueError("no record")
        return Page(target.url)

    code, lines, err = fetch(capsys, fail, *(f"http://{letter}.example" for letter in "abc"))
    assert code == exits.FAILED
    assert lines == [
        {"url": "http://a.example/", "bytes": 0},
        {"url": "http://b.example", "number": 2, "error": {"type": "ValueError", "message": "no record"}},
        {"url": "http://c.example/", "bytes": 5},
    ]
    assert err == "poolwise: 3 pages, 5 bytes, 2 failed in 1.50 s\n"


def test_a_disk_that_takes_nothing_more_ends_the_run(capsys) -> None:
    """It comes out as it is, for the program to tell; its exit code is that of an output that cannot be written."""

    def fail(_target):
        raise StorageError("cannot write pages: No space left on device; free some space")

    with pytest.raises(StorageError) as raised:
        fetch(capsys, fail, "http://a.example")
    assert exits.code_of(raised.value) == exits.OUTPUT


def test_the_options_of_the_verb() -> None:
    """What was not said is left to the verb; names are those of its keywords."""
    assert options_of(parse("http://a.example")) == {
        "robots": True,
        "refresh": False,
        "ordered": True,
        "errors": "collect",
    }
    argv = [
        "x",
        "-d",
        "pages",
        "--rate",
        "10/s",
        "--rate",
        "100/m",
        "--limit",
        "2",
        "--retries",
        "3",
        "--timeout",
        "1.5",
    ]
    argv += ["--max-bytes", "1000", "--max-workers", "9", "--user-agent", "me/1", "--contact", "me@example.org"]
    argv += ["--no-robots", "--journal", "run.db", "--refresh", "--max-failures", "7", "--desc", "d", "--total", "4"]
    argv += ["--header", "Accept: text/html", "--header", "X:y:z", "--unordered"]
    assert options_of(parse(*argv)) == {
        "directory": "pages",
        "rate": ["10/s", "100/m"],
        "limit": 2,
        "retries": 3,
        "timeout": 1.5,
        "max_bytes": 1000,
        "max_workers": 9,
        "user_agent": "me/1",
        "contact": "me@example.org",
        "robots": False,
        "journal": "run.db",
        "refresh": True,
        "max_failures": 7,
        "desc": "d",
        "total": 4,
        "headers": {"Accept": "text/html", "X": "y:z"},
        "ordered": False,
        "errors": "collect",
    }


@pytest.mark.parametrize("header", ["Accept", ": x", ""])
def test_a_header_has_a_name_and_a_value(header) -> None:
    """Anything else is a slip."""
    with pytest.raises(UsageError, match="write 'NAME: VALUE'"):
        options_of(parse("x", "--header", header))
