"""Where the URLs of ``poolwise fetch`` come from."""

from __future__ import annotations

import io

import pytest

from poolwise.cli.exits import UsageError
from poolwise.cli.urls import MOST_TOLD, make_urls
from poolwise.errors import InputError
from poolwise.web.targets import BadTarget, Target


def test_urls_on_the_command_line(tmp_path, monkeypatch) -> None:
    """Each is a target, all are counted."""
    monkeypatch.chdir(tmp_path)
    urls = make_urls(["http://a.example", "http://b.example/x"], None)
    assert [target.url for target in urls] == ["http://a.example/", "http://b.example/x"]
    assert (urls.total, urls.path) == (2, None)


@pytest.mark.parametrize("way", ["argument", "option"])
def test_a_file_is_a_list(tmp_path, way) -> None:
    """As the only argument, or by --input; it is read on the way, so nobody knows how many there are."""
    path = tmp_path / "urls.txt"
    path.write_bytes(b"\xef\xbb\xbf# mine\r\nhttp://a.example\r\n\r\nhttp://b.example\r\n")
    urls = make_urls([str(path)], None) if way == "argument" else make_urls([], str(path))
    assert list(urls) == [
        Target("http://a.example/", "http://a.example:80", 2, "http://a.example"),
        Target("http://b.example/", "http://b.example:80", 4, "http://b.example"),
    ]
    assert (urls.total, urls.path) == (None, str(path))


def test_bad_lines_are_told_with_their_file_and_number(tmp_path, capsys) -> None:
    """They go on as items, which become records of their own; of very many the first are told."""
    path = tmp_path / "urls.txt"
    path.write_text("http://a.example\n" + "nonsense\n" * (MOST_TOLD + 5))
    urls = make_urls([str(path)], None)
    targets = list(urls)
    told = capsys.readouterr().err.splitlines()
    assert sum(isinstance(target, BadTarget) for target in targets) == MOST_TOLD + 5
    assert told[0] == f"poolwise: {path}, line 2: nonsense: it has no scheme: write https://nonsense"
    assert told[-1] == "poolwise: what else is no URL stands in the output"
    assert len(told) == MOST_TOLD + 1


@pytest.mark.parametrize(
    ("arguments", "path", "words"),
    [
        ([], None, "no URLs"),
        (["http://a.example"], "urls.txt", "give one of them"),
        (["urls.txt", "http://a.example"], None, "'urls.txt' is a file, and URLs stand beside it"),
        (["http://a.example", "-"], None, "'-' is a file"),
    ],
)
def test_they_come_from_one_place(tmp_path, monkeypatch, arguments, path, words) -> None:
    """A mixture is a slip."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "urls.txt").touch()
    with pytest.raises(UsageError, match=words):
        make_urls(arguments, path)


def test_a_file_that_is_not_there_is_told() -> None:
    """By --input, and as the only argument, where nobody knows whether a file or a URL was meant."""
    with pytest.raises(InputError, match="there is no file"):
        make_urls([], "missing.txt")
    with pytest.raises(InputError, match=r"missing\.txt: there is no such file, and for a URL it lacks"):
        make_urls(["missing.txt"], None)


def test_reading_that_fails_in_the_middle_is_kept(monkeypatch) -> None:
    """The run ends with the line after which it failed."""

    class Failing(io.BytesIO):
        def readline(self, size=-1):
            line = super().readline(size)
            if not line:
                raise OSError(5, "Input/output error")
            return line

    monkeypatch.setattr("poolwise.cli.urls.open_input", lambda _: (Failing(b"http://a.example\n"), "urls.txt"))
    urls = make_urls([], "urls.txt")
    with pytest.raises(InputError, match=r"urls\.txt: reading failed after line 1: Input/output error") as raised:
        list(urls)
    assert urls.error is raised.value
