"""``poolwise fetch``: what it takes, and what it writes of whatever run it is given."""

from __future__ import annotations

import json

import pytest

from poolwise.cli import exits
from poolwise.cli.arguments import Parser
from poolwise.cli.exits import UsageError
from poolwise.cli.fetch import add_arguments, options_of, run
from poolwise.cli.stops import Stops
from poolwise.errors import StorageError
from poolwise.model.classes import frozen
from poolwise.model.events import Batch
from poolwise.web.record import Page, PageError


def parse(*argv):
    """Parse a command line as the program does."""
    parser = Parser(prog="poolwise fetch")
    add_arguments(parser)
    arguments = parser.parse_intermixed_args(argv)
    arguments.stops = Stops()
    return arguments


@frozen
class Report:
    wall_s: float = 1.5


class Run:
    """Stands in for a run of the verb: gives one batch, for each target what a function makes of it."""

    advice = "go on with --journal"

    def __init__(self, function, targets):
        self.function, self.targets = function, targets
        self.error = None
        self.closed = False

    def batches(self):
        try:
            pages = [self.function(target) for target in self.targets]
        except StorageError as error:
            self.error = error
        else:
            yield Batch(0, pages)
        finally:
            self.closed = True

    def wanted(self, batch):
        return batch.values

    def report(self):
        return Report()


@pytest.fixture
def fetch(capsys, monkeypatch):
    """Run the command over a function of a target; give its code, its lines and its words for people."""

    def run_over(function, *argv):
        runs = []

        def make(targets, options):
            assert options.errors == "collect"
            runs.append(Run(function, targets))
            return runs[0]

        monkeypatch.setattr("poolwise.cli.fetch.FetchRun", make)
        try:
            code = run(parse(*argv))
        finally:
            assert runs[0].closed
        out, err = capsys.readouterr()
        return code, [json.loads(line) for line in out.splitlines()], err

    return run_over


def page_of(target, **fields):
    """Make the record of a page of five bytes, with a header."""
    return Page(**{"url": target.url, "number": target.number, "headers": (("Server", "x"),), "bytes": 5, **fields})


def test_each_page_has_a_line(fetch) -> None:
    """It is the page's own record, its headers only where they are asked for; a summary for people."""
    code, lines, err = fetch(page_of, "http://a.example", "http://b.example")
    assert code == exits.DONE
    pages = [Page(url=f"http://{letter}.example/", number=number, bytes=5) for number, letter in enumerate("ab", 1)]
    without = [{name: value for name, value in page.to_dict().items() if name != "headers"} for page in pages]
    assert lines == without
    assert err == "poolwise: 2 pages, 10 bytes in 1.50 s\n"
    _, (line,), err = fetch(page_of, "http://a.example", "--headers", "-q")
    assert line == {**without[0], "headers": [["Server", "x"]]}
    assert err == ""


def test_a_page_that_failed_has_a_line_too(fetch) -> None:
    """The exit code says that something failed, and the summary how much; its bytes do not count."""

    def fail_second(target):
        return page_of(target, error=PageError("status", "HTTP 404") if target.number == 2 else None)

    code, lines, err = fetch(fail_second, *(f"http://{letter}.example" for letter in "abc"))
    assert code == exits.FAILED
    assert [line["error"] for line in lines] == [None, {"type": "status", "message": "HTTP 404"}, None]
    assert err == "poolwise: 3 pages, 10 bytes, 1 failed in 1.50 s\n"


def test_what_came_of_a_journal_is_told(fetch) -> None:
    """Else a run that has fetched nothing looks as one that has fetched all."""
    _, _, err = fetch(
        lambda target: page_of(target, from_journal=target.number == 2), "http://a.example", "http://b.example"
    )
    assert err == "poolwise: 2 pages (1 of them from the journal), 10 bytes in 1.50 s\n"


def test_a_disk_that_takes_nothing_more_ends_the_run(fetch) -> None:
    """It comes out as it is, for the program to tell; its exit code is that of an output that cannot be written."""

    def fail(_target):
        raise StorageError("cannot write pages: No space left on device; free some space")

    with pytest.raises(StorageError) as raised:
        fetch(fail, "http://a.example")
    assert exits.code_of(raised.value) == exits.OUTPUT


def test_the_options_of_the_verb() -> None:
    """What was not said is left to the verb; names are those of its keywords."""
    assert options_of(parse("http://a.example")) == {
        "robots": True,
        "refresh": False,
        "ordered": False,
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
    argv += ["--header", "Accept: text/html", "--header", "X:y:z", "--ordered"]
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
        "ordered": True,
        "errors": "collect",
    }


@pytest.mark.parametrize("header", ["Accept", ": x", ""])
def test_a_header_has_a_name_and_a_value(header) -> None:
    """Anything else is a slip."""
    with pytest.raises(UsageError, match="write 'NAME: VALUE'"):
        options_of(parse("x", "--header", header))
