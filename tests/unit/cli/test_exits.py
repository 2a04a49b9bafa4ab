"""Exit codes, signals, and how an end is told."""

import os
import signal

import pytest

from poolwise import errors
from poolwise.cli import exits
from poolwise.cli.ending import format_end
from poolwise.cli.stops import Stopped, Stops


def test_every_code_has_its_meaning_and_its_number():
    """The numbers are a promise to scripts."""
    codes = {name: value for name, value in vars(exits).items() if name.isupper() and isinstance(value, int)}
    assert codes == {
        "DONE": 0,
        "FAILED": 1,
        "USAGE": 2,
        "INPUT": 3,
        "TARGET": 4,
        "OUTPUT": 5,
        "JOURNAL": 6,
        "INTERNAL": 70,
        "INTERRUPTED": 130,
        "CLOSED": 141,
        "TERMINATED": 143,
    }
    assert set(exits.MEANINGS) == set(codes.values())
    assert all(f"{code:>3}  {meaning}" in exits.table() for code, meaning in exits.MEANINGS.items())


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.InputError, 3),
        (errors.TargetError, 4),
        (errors.OptionError, 2),
        (errors.NotCallableError, 2),
        (exits.UsageError, 2),
        (exits.OutputError, 5),
        (errors.JournalBusyError, 6),
        (errors.JournalWriteError, 6),
        (exits.OutputClosedError, 141),
        (errors.InternalError, None),
        (errors.WorkerDiedError, None),
    ],
)
def test_an_errors_type_gives_the_code(kind, code):
    """The type says who is at fault, and the code says it to scripts."""
    assert exits.code_of(kind("words")) == code


@pytest.mark.parametrize(("number", "code", "word"), [(2, 130, "interrupted"), (15, 143, "terminated")])
def test_the_first_signal_is_raised_and_its_echo_is_not(number, code, word):
    """Wrappers send a signal twice; the second must not tear the cleaning up."""
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    try:
        with Stops() as stops:
            stops.check()
            with pytest.raises(Stopped) as caught:
                signal.raise_signal(number)
            assert (caught.value.code, caught.value.word) == (code, word)
            signal.raise_signal(signal.SIGTERM)
            with pytest.raises(Stopped):
                stops.check()
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])


def _draw(stops, drawn):
    with stops.held():
        signal.raise_signal(signal.SIGINT)
        drawn.append("all of it")


def test_a_signal_waits_until_a_line_is_drawn():
    """Raised in the middle, it would leave half a line and a hidden cursor."""
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    drawn = []
    try:
        with Stops() as stops:
            with pytest.raises(Stopped):
                _draw(stops, drawn)
            with stops.held():
                drawn.append("the end too")
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])
    assert drawn == ["all of it", "the end too"]


def test_handlers_are_given_back():
    """A command that ended by itself leaves the process as it was."""
    before = signal.getsignal(signal.SIGINT)
    with Stops():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_an_ignored_signal_stays_ignored():
    """``nohup`` and background jobs ask for it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Stops():
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_end_is_told_with_the_workers_traceback_and_the_item():
    """A worker's traceback stands for our own, which says nothing to the user."""
    error = ValueError("bad")
    error.add_note("poolwise: on item 3: 'x'")
    error.__cause__ = errors.RemoteTraceback("Traceback …\nValueError: bad\n")
    assert format_end(error) == "Traceback …\nValueError: bad\npoolwise: on item 3: 'x'"


def test_the_end_is_told_without_our_frames():
    """A traceback that passed through Poolwise shows the user's part of it."""
    try:
        exec(compile("def inner():\n    raise ValueError('bad')\ninner()", "theirs.py", "exec"), {"__name__": "theirs"})  # noqa: S102 - frames with a name of their own
    except ValueError as error:
        told = format_end(error)
    assert told.splitlines()[-1] == "ValueError: bad"
    assert "theirs.py" in told
