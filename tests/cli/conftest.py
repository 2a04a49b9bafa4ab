"""A user's folder."""

import pytest

from tests.cli.programs import WORK


@pytest.fixture
def folder(tmp_path):
    """Give a folder with a space in its name and a module ``work`` in it."""
    inner = tmp_path / "my work"
    inner.mkdir()
    (inner / "work.py").write_text(WORK)
    return inner
