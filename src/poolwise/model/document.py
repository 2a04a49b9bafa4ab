"""What a person keeps and passes on: it says itself in words, is written as JSON and read again, and is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from poolwise.model.pictures import Picture
from poolwise.model.plain import as_dict, from_json, from_plain, to_json
from poolwise.model.prose import say


class Document(Picture):
    """A measurement with its words, its figures and its pictures."""

    __slots__ = ()

    def __str__(self) -> str:
        """Say it in plain words."""
        return say(self)

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data that JSON can carry; see ``model.plain``."""
        return as_dict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what ``to_dict`` wrote; raises InputError where it is of another form or version."""
        return from_plain(cls, data)

    def to_json(self) -> str:
        """Give it as JSON."""
        return to_json(self)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what ``to_json`` wrote; raises InputError where it is of another form or version."""
        return from_json(cls, text)
