"""The key of an item: what it is found by when a run is taken up again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any, Final

from poolwise.errors import JournalKeyError
from poolwise.journal.encoding import ATOMS, NotEncodableError, encode
from poolwise.work.call import short_repr, show_error

KEY_BYTES: Final = 16
# Of these a function cannot change what the key was made of, so that it can be made again when they are done.
UNCHANGING: Final = frozenset({int, str, float, bool, type(None), bytes, complex})


def key_of(encoded: bytes) -> bytes:
    """Give the key of a value's bytes: these themselves where they are shorter than the hash that stands for others."""
    return encoded if len(encoded) < KEY_BYTES else blake2b(encoded, digest_size=KEY_BYTES).digest()


def atom_keys(items: Sequence[Any]) -> list[bytes]:
    """Give the keys of items whose types are all among ``UNCHANGING``."""
    encoded = [ATOMS[type(item)](item) for item in items]
    return [each if len(each) < KEY_BYTES else blake2b(each, digest_size=KEY_BYTES).digest() for each in encoded]


def keys_of(items: Sequence[Any], key: Callable[[Any], object] | None, start: int) -> list[bytes]:
    """Give the keys of items, which have the numbers from ``start`` on. Raises JournalKeyError, which names one."""
    if key is None and UNCHANGING.issuperset(map(type, items)):
        return atom_keys(items)
    return [_key(item, key, start + place) for place, item in enumerate(items)]


def _key(item: object, key: Callable[[Any], object] | None, index: int) -> bytes:
    try:
        return key_of(encode(item if key is None else _named(item, key, index)))
    except NotEncodableError as error:
        what = "the item" if key is None else "what its key= gives"
        raise JournalKeyError(
            f"item {index}, {short_repr(item)}, cannot be recognised in a journal: {what} cannot be told from others "
            f"by its content ({error}). Give a function of the item that names it, such as its id: "
            "journal=Journal(path, key=…)"
        ) from error


def _named(item: object, key: Callable[[Any], object], index: int) -> object:
    try:
        return key(item)
    except Exception as error:
        raise JournalKeyError(
            f"the journal's key= raised {show_error(error)} on item {index}, {short_repr(item)}; it must name each item"
        ) from error
