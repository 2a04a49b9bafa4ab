"""Folders that stay open for a moment."""

from __future__ import annotations

import os

import pytest

from poolwise.web.opened import KEPT_S, MOST, OpenFolders

pytestmark = pytest.mark.skipif(not hasattr(os, "O_DIRECTORY"), reason="folders are opened on POSIX")


class Opening:
    """Opens folders below one, and remembers which."""

    def __init__(self, directory):
        self.directory, self.names, self.now = directory, [], 0.0
        self.folders = OpenFolders(self.enter, lambda: self.now)

    def enter(self, name):
        self.names.append(name)
        return os.open(self.directory / name, os.O_RDONLY | os.O_DIRECTORY)

    def leads_to(self, name):
        """Tell whether what is given for a name is that folder."""
        return os.path.samestat(os.fstat(self.folders.get(name)), (self.directory / name).stat())


@pytest.fixture
def opening(tmp_path):
    """Folders a to z."""
    for letter in "abcdefghijklmnopqrstuvwxyz":
        (tmp_path / letter).mkdir()
    made = Opening(tmp_path)
    yield made
    made.folders.close()


def test_a_folder_is_opened_once_in_a_while(opening) -> None:
    """Within a second the one that is open is given; after that it is looked at anew."""
    first = opening.folders.get("a")
    opening.now = KEPT_S * 0.9
    assert opening.folders.get("a") == first
    opening.now = KEPT_S
    assert opening.leads_to("a")
    assert opening.names == ["a", "a"]


def test_few_are_open_at_a_time(opening) -> None:
    """The oldest are closed."""
    assert all(opening.leads_to(letter) for letter in "abcdefghijklmnopqrstuvwxyz")
    assert len(opening.folders._known) == MOST
    opening.folders.get("z")
    opening.folders.get("a")
    assert "".join(opening.names) == "abcdefghijklmnopqrstuvwxyza"


def test_what_cannot_be_opened_is_not_remembered(opening) -> None:
    """It is tried again the next time."""
    with pytest.raises(FileNotFoundError):
        opening.folders.get("new")
    (opening.directory / "new").mkdir()
    assert opening.leads_to("new")
