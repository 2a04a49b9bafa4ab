"""The policy: its checks, and which errors it takes."""

from __future__ import annotations

import pytest

from poolwise.errors import ErrorShippingError, OptionError
from poolwise.model.options import Options
from poolwise.model.retry import Retry, as_retry


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"retries": -1}, "a whole number, 0 or more"),
        ({"on": "OSError"}, "an exception type"),
        ({"on": ()}, "an exception type"),
        ({"on": int}, "an exception type"),
        ({"wait": -1}, "seconds above 0"),
        ({"wait": False}, "seconds above 0"),
        ({"factor": 0.5}, "1 or more"),
        ({"wait_max": 0}, "seconds above 0"),
        ({"jitter": 2}, "from 0 to 1"),
        ({"retry_after": 3}, "True or False"),
        ({"retry_after_max": None}, "seconds above 0"),
        ({"rest_after": 0}, "1 or more"),
        ({"rest": 0}, "seconds above 0"),
    ],
)
def test_a_wrong_value_is_refused_with_what_to_write(fields: dict[str, object], words: str) -> None:
    """Each field is checked when the policy is made, and the error names the field."""
    (name,) = fields
    with pytest.raises(OptionError, match=rf"^Retry\.{name}=.*{words}"):
        Retry(**fields)


def test_a_number_stands_for_a_policy() -> None:
    """``retries=2`` is the policy with so many tries, and defaults."""
    assert (as_retry(2), as_retry(Retry(2))) == (Retry(2), Retry(2))


def test_a_type_fits_what_stands_for_an_error_that_could_not_travel() -> None:
    """By the qualified names of the original's types, those that it is derived from too."""
    stand_in = ErrorShippingError("it raised something")
    stand_in.kinds = ("urllib.error.HTTPError", "builtins.OSError", "builtins.Exception")
    assert Retry(on=OSError).takes(stand_in)
    assert Retry(on=(KeyError, OSError)).takes(stand_in)
    assert Retry(on=ErrorShippingError).takes(stand_in)
    assert not Retry(on=KeyError).takes(stand_in)


def test_a_wait_that_would_overflow_is_the_longest() -> None:
    """However many tries there are, a wait is a number."""
    assert Retry(10_000, wait=1.0, factor=1e10, jitter=0.0).wait_s(9_000, 0.5, helps=True) == 30.0


def test_max_failures_needs_a_run_that_goes_on_after_one() -> None:
    """Where the first failure ends the run, a number of them means nothing, and is refused with what to write."""
    with pytest.raises(OptionError, match=r"max_failures=3 with errors='raise'.*errors='collect'"):
        Options(max_failures=3)
    assert Options(max_failures=3, errors="skip").max_failures == 3
