"""Lists of URLs are read line by line, and bad lines cost nothing else."""

from __future__ import annotations

import io
import itertools
import tracemalloc

import pytest

from poolwise.web.targets import LONGEST_LINE, BadTarget, Target, lines_of, read_target, read_targets


def test_each_line_has_its_target_and_bad_ones_their_number() -> None:
    """Empty lines and comments are skipped, and counted; a bad line stands between good ones."""
    lines = ["\ufeffhttp://a.example/x \r\n", "\n", "# http://b.example\n", "nonsense\n", "http://c.example:8080"]
    assert list(read_targets(lines)) == [
        Target("http://a.example/x", "http://a.example:80", 1, "http://a.example/x"),
        BadTarget(4, "nonsense", "it has no scheme: write https://nonsense"),
        Target("http://c.example:8080/", "http://c.example:8080", 5, "http://c.example:8080"),
    ]


def test_lines_of_bytes_are_utf8() -> None:
    """A byte order mark goes; what is no UTF-8 is told; a file in UTF-16 is told as such."""
    good, bad = read_targets([b"\xef\xbb\xbfhttp://a.example/\xc3\xb6\n", b"http://a.example/\xff\n"])
    assert isinstance(good, Target)
    assert good.url == "http://a.example/%C3%B6"
    assert isinstance(bad, BadTarget)
    assert "no UTF-8 at byte 18" in bad.reason
    told = list(read_targets(lines_of(io.BytesIO("http://a.example/\n".encode("utf-16")))))
    assert [type(each) for each in told] == [BadTarget, BadTarget]
    assert "the file is UTF-16" in str(told[0])


@pytest.mark.parametrize(
    "line",
    ["http://me:secret@a.example/", "me:secret@a.example", "http:/me:secret@a.example", "http:me:secret@a.example"],
)
def test_passwords_are_not_told(line: str) -> None:
    """A bad line goes to screens and logs: what stands before the host does not."""
    told = read_target(line)
    assert isinstance(told, BadTarget)
    assert "secret" not in str(told)


def test_a_bad_line_does_nothing_to_a_terminal() -> None:
    """Control and bidi characters are escaped, and a long line is shortened."""
    told = read_target("http://a.example/\x1b[2J\u202e" + "x" * 1000)
    assert isinstance(told, BadTarget)
    assert str(told).isprintable()
    assert len(str(told)) < 250


def test_what_is_no_text_is_told_as_such() -> None:
    """An item of another type is a bad target like any other."""
    told = read_target(5)  # type: ignore[arg-type]
    assert told == BadTarget(1, "5", "a URL is text, and this is of type int")


def test_lines_are_read_one_by_one() -> None:
    """A list without end gives its first targets."""
    endless = (f"http://a.example/{number}" for number in itertools.count())
    assert [target.number for target in itertools.islice(read_targets(endless), 3)] == [1, 2, 3]


def test_a_line_without_end_costs_no_memory() -> None:
    """Of 16 MB without a line end, a beginning is kept, and what follows is read as usual."""
    stream = io.BytesIO(b"x" * 16_000_000 + b"\nhttp://a.example/\n")
    tracemalloc.start()
    try:
        bad, good = read_targets(lines_of(stream))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(bad, BadTarget)
    assert "line ends" in bad.reason
    assert good == Target("http://a.example/", "http://a.example:80", 2, "http://a.example/")
    assert most < 10 * LONGEST_LINE
