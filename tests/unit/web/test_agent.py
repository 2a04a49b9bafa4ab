"""We say who we are, and how to reach who asks."""

from __future__ import annotations

import pytest

import poolwise
from poolwise.errors import OptionError
from poolwise.web.agent import product_token, user_agent


def test_the_user_agent_is_honest() -> None:
    """Program and version, and the contact where there is one."""
    assert user_agent() == f"poolwise/{poolwise.__version__} (a Python library; no contact given)"
    assert user_agent("me@example.org") == f"poolwise/{poolwise.__version__} (+me@example.org)"


@pytest.mark.parametrize("contact", ["", "  ", "a\r\nX: y", "ö@example.org"])
def test_a_contact_is_one_line_of_ascii(contact: str) -> None:
    """It goes into a header."""
    with pytest.raises(OptionError, match="a contact is"):
        user_agent(contact)


@pytest.mark.parametrize(
    ("agent", "token"),
    [(user_agent(), "poolwise"), ("MyBot/1.0 (+x)", "mybot"), ("2x", "poolwise"), ("Mozilla/5.0", "mozilla")],
)
def test_robots_txt_calls_us_by_what_the_user_agent_begins_with(agent: str, token: str) -> None:
    """Who goes by another name obeys the rules for that name."""
    assert product_token(agent) == token
