"""The option ``journal`` as a value."""

import re
from pathlib import Path

import pytest

from poolwise.errors import OptionError
from poolwise.model.journal import Journal


def test_a_journal_by_its_name():
    """A text or a path; the rest has defaults."""
    assert Journal("run.db") == Journal("run.db", key=None, changed="raise")
    assert Journal(Path("run.db")).path == Path("run.db")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"path": 7}, "Journal(7): write the name of a file"),
        ({"path": ""}, "Journal(''): this names no file"),
        ({"path": "a\0b"}, "this names no file"),
        ({"path": "run.db", "key": "id"}, "Journal(key='id'): write a function of the item"),
        ({"path": "run.db", "changed": "ignore"}, "Journal(changed='ignore') is not known (one of raise, rerun, keep)"),
    ],
)
def test_what_a_journal_cannot_be(wrong, words):
    """Each wrong value is told with what to write instead."""
    with pytest.raises(OptionError, match=re.escape(words)):
        Journal(**wrong)
