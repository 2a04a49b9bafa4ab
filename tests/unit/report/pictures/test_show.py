"""Values at a terminal: words and picture, as wide as it is, in what it can write."""

from __future__ import annotations

import io
import sys

import pytest

from tests.unit.report.made_up import make_race, make_report, make_sweep, make_timeline


def shown(value, monkeypatch, encoding: str = "utf-8", columns: int = 80) -> str:
    """Give what ``show`` prints to an output of this encoding."""
    raw = io.BytesIO()
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    value.show()
    sys.stdout.flush()
    return raw.getvalue().decode(encoding)


def test_show_prints_words_and_picture(monkeypatch) -> None:
    """What ``print`` says comes first, and the picture below it, without colours where nobody watches."""
    text = shown(make_race(), monkeypatch)
    assert text.startswith(str(make_race()))
    assert "processes        ███░" in text
    assert "\x1b" not in text


def test_words_break_between_words(monkeypatch) -> None:
    """What is longer than the terminal goes on below its beginning."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    lines = shown(make_report(), monkeypatch, columns=60).splitlines()
    assert lines[1:3] == [
        "  because   198 more items should take about 700 ms, and one",
        "            after another 2.40 s",
    ]


@pytest.mark.parametrize(
    "value", [make_race(), make_sweep(), make_report(make_timeline())], ids=lambda v: type(v).__name__
)
def test_an_ascii_terminal_gets_ascii(value, monkeypatch) -> None:
    """An output that cannot write blocks gets other letters, and no error."""
    text = shown(value, monkeypatch, encoding="ascii")
    assert "#" in text or "o measured" in text
    assert text.isascii()


def test_no_console_no_output(monkeypatch) -> None:
    """A program without standard output shows nothing."""
    monkeypatch.setattr(sys, "stdout", None)
    assert make_race().show() is None


def test_colours_are_for_terminals(monkeypatch) -> None:
    """Where a terminal has colours the fastest is bold and green; the words are the same."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[1;32mprocesses" in shown(make_race(), monkeypatch)
