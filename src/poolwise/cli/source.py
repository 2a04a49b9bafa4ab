"""Where the items come from: the arguments, a file, or standard input; and what each is called in the output."""

from __future__ import annotations

import argparse
import difflib
import io
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from poolwise.cli.exits import UsageError
from poolwise.cli.formats import CONVERTERS, FORMATS, Format, explain, read_items
from poolwise.cli.output import encode_item
from poolwise.errors import InputError

STANDARD_INPUT = "-"
COMPRESSED = {".gz": "zcat", ".bz2": "bzcat", ".xz": "xzcat", ".zst": "zstdcat"}


class Source(Protocol):
    """The items of a run."""

    items: Iterable[Any]
    """What the api is given."""
    total: int | None
    """How many there are; None where they are read as they are needed."""
    error: InputError | None
    """What ended the reading early."""

    def take(self, index: int) -> str:
        """Give an item as JSON, once."""
        ...


def make_source(arguments: argparse.Namespace) -> Source:
    """Choose by the arguments; what can be checked now is. Raises UsageError, InputError."""
    path: str | None = arguments.input
    if path is not None and arguments.items:
        raise UsageError(
            f"items stand on the command line ({arguments.items[0]!r} …) and in --input {path}: give one of them"
        )
    if path is None:
        return _from_arguments(arguments)
    form = _choose_format(path, arguments.format)
    if form != "txt" and arguments.type != "str":
        raise UsageError(
            f"--type is for items that are text; the items of a {form} have the types that are written there"
        )
    stream, name = open_input(path)
    return Streamed(read_items(lines_of(stream, name), name, form, CONVERTERS[arguments.type]), stream)


def _from_arguments(arguments: argparse.Namespace) -> Source:
    if not arguments.items:
        raise UsageError("no items: write them after the target, or --input FILE, or --input - to read standard input")
    if arguments.format is not None:
        raise UsageError("--format is for --input; items on the command line are text (see --type)")
    return Given(convert_arguments(arguments.items, CONVERTERS[arguments.type]))


def convert_arguments(texts: list[str], convert: Callable[[str], Any]) -> list[Any]:
    """Make items of the arguments; the first that is wrong is named by its place."""
    items = []
    for place, text in enumerate(texts, 1):
        try:
            items.append(convert(text))
        except (ValueError, RecursionError) as error:
            raise InputError(f"item {place} of the arguments: {explain(text, error, convert)}") from None
    return items


class Given:
    """Items that are all there."""

    def __init__(self, items: list[Any]) -> None:
        """Write each down now: a function may change its item."""
        self.items: Iterable[Any] = items
        self.total: int | None = len(items)
        self.error: InputError | None = None
        self._texts = [encode_item(item) for item in items]

    def take(self, index: int) -> str:
        """Give an item as JSON."""
        return self._texts[index]


class Streamed:
    """Items that are read as they are needed; those handed out are remembered until their results are written.

    How many these can be is bounded by the run, which reads only a little ahead of what it has handed over.
    """

    def __init__(self, reader: Iterator[Any], stream: BinaryIO) -> None:
        """Read the first item, so that an input that is wrong from its beginning is refused at once."""
        self.total: int | None = None
        self.error: InputError | None = None
        self._texts: dict[int, str] = {}
        self._stream = stream
        try:
            first = list(itertools.islice(reader, 1))
        except BaseException:
            stream.close()
            raise
        self.items: Iterable[Any] = self._remember(itertools.chain(first, reader))

    def take(self, index: int) -> str:
        """Give an item as JSON and forget it."""
        return self._texts.pop(index)

    def _remember(self, reader: Iterator[Any]) -> Iterator[Any]:
        with self._stream:
            try:
                for index, item in enumerate(reader):
                    self._texts[index] = encode_item(item)
                    yield item
            except InputError as error:
                self.error = error
                raise


# --- Files -------------------------------------------------------------------------------------------------------


def _choose_format(path: str, asked: Format | None) -> Format:
    if asked is not None:
        return asked
    if path == STANDARD_INPUT:
        return "txt"
    suffix = Path(path).suffix.lower()
    for form in FORMATS:
        if suffix == f".{form}":
            return form
    if suffix in COMPRESSED:
        hint = f"{COMPRESSED[suffix]} {path} | poolwise … --input - --format {' or '.join(FORMATS)}"
        raise InputError(f"{path} is compressed; unpack it on the way: {hint}")
    raise InputError(f"{path}: its name does not say how it is written; add --format {' or '.join(FORMATS)}")


def open_input(path: str) -> tuple[BinaryIO, str]:
    """Open a file, or standard input, and give it with the name that errors call it by."""
    if path == STANDARD_INPUT:
        if sys.stdin is None:
            raise InputError("standard input is closed; give items as arguments, or --input FILE")
        # A second file object on the same descriptor, which may be closed without harm to the function's own use of it.
        return open(sys.stdin.fileno(), "rb", closefd=False), "standard input"
    try:
        return Path(path).open("rb"), path
    except FileNotFoundError:
        raise InputError(f"there is no file {path!r}{_near_file(Path(path))}") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}; name a file of items") from None


def _near_file(path: Path) -> str:
    if not path.parent.is_dir():
        return f", and no folder {str(path.parent)!r}"
    near = difflib.get_close_matches(path.name, [each.name for each in path.parent.iterdir()], n=1)
    return f"; did you mean {str(path.parent / near[0])!r}?" if near else ""


def lines_of(stream: BinaryIO, name: str) -> Iterator[bytes]:
    """Give the lines of a file as they are; reading that fails in the middle says so."""
    number = 0
    try:
        for line in stream:
            yield line
            number += 1
    except (OSError, io.UnsupportedOperation) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{name}: reading failed after line {number}: {reason}") from None
