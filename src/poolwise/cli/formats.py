"""Lines → items: txt (a line each), jsonl (a JSON value a line), csv (a dict a row). All lazy; each error has its line.

Text is UTF-8, with or without a byte order mark. Empty lines hold no item.
"""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, TypeAlias, get_args

from poolwise.errors import InputError

Format: TypeAlias = Literal["txt", "jsonl", "csv"]
FORMATS: tuple[Format, ...] = get_args(Format)

# A csv field longer than this is an unclosed quote that has swallowed what follows, not data; the module's own limit
# of 128 KiB is less than a long article.
LONGEST_FIELD = 2**24
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_items(lines: Iterable[bytes], name: str, form: Format, convert: Callable[[str], Any]) -> Iterator[Any]:
    """Give the items of a file's lines; ``convert`` makes them of the lines of a txt. Raises InputError."""
    text = decode(lines, name)
    if form == "csv":
        return read_csv(text, name)
    if form == "jsonl":
        return read_lines(text, name, read_json)
    return read_lines(text, name, convert)


def decode(lines: Iterable[bytes], name: str) -> Iterator[str]:
    """Give each line as text, its line end included: a line that is no text costs none before it."""
    for number, line in enumerate(lines, 1):
        start = len(codecs.BOM_UTF8) if number == 1 and line.startswith(codecs.BOM_UTF8) else 0
        try:
            text = line[start:].decode()
        except UnicodeDecodeError as error:
            raise InputError(_not_utf8(name, number, line, error)) from None
        if "\0" in text:
            raise InputError(f"{name}, line {number}: a NUL character; is this a text file, one item per line?")
        yield text


def read_lines(lines: Iterable[str], name: str, convert: Callable[[str], Any]) -> Iterator[Any]:
    """Give an item for each line that is not empty."""
    for number, line in enumerate(lines, 1):
        text = line.removesuffix("\n").removesuffix("\r")
        if not text or (convert is not str and text.isspace()):
            continue
        try:
            yield convert(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{name}, line {number}: {explain(text, error, convert)}") from None


def read_csv(lines: Iterable[str], name: str) -> Iterator[dict[str, str]]:
    """Give a dict for each row, by the header in the first."""
    csv.field_size_limit(LONGEST_FIELD)
    reader = csv.reader(lines, strict=True)
    rows = _rows(reader, name)
    header = next(rows, None)
    if header is None:
        raise InputError(f"{name} is empty; a csv needs a header line with the names of its columns")
    _check_header(header, name, reader.line_num)
    for row in rows:
        if len(row) != len(header):
            raise InputError(
                f"{name}, line {reader.line_num}: {_count(len(row), 'field')}, but the header has {len(header)}; "
                "quote a field that holds a comma or a quote"
            )
        yield dict(zip(header, row, strict=True))


def _rows(reader: Any, name: str) -> Iterator[list[str]]:  # noqa: ANN401 - the csv module does not name its reader's type
    try:
        for row in reader:
            if row:
                yield row
    except csv.Error as error:
        raise InputError(
            f"{name}, line {reader.line_num}: not valid csv ({error}); is a quote not closed, or not doubled?"
        ) from None


def _check_header(header: list[str], name: str, line: int) -> None:
    twice = sorted({each for each in header if header.count(each) > 1})
    if twice:
        raise InputError(
            f"{name}, line {line}: the header names {', '.join(map(repr, twice))} more than once; "
            "each column needs a name of its own, since rows become dicts"
        )


def _not_utf8(name: str, number: int, line: bytes, error: UnicodeDecodeError) -> str:
    if number == 1 and line.startswith(UTF16_MARKS):
        return f"{name} is UTF-16; make it UTF-8 first: iconv -f utf-16 -t utf-8 {name}"
    return (
        f"{name}, line {number}: byte {error.start + 1} (0x{error.object[error.start]:02x}) is no UTF-8 text; "
        "is it a binary file, or text in another encoding? (iconv makes it UTF-8)"
    )


# --- One text → one value --------------------------------------------------------------------------------------


def read_json(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """Read one JSON value; NaN and Infinity, which Python would accept, are no JSON."""
    return json.loads(text, parse_constant=_refuse_constant)


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON; write null")


CONVERTERS: dict[str, Callable[[str], Any]] = {"str": str, "int": int, "float": float, "json": read_json}
TYPES = tuple(CONVERTERS)
WANTED: dict[Callable[[str], Any], str] = {int: "a whole number", float: "a number", read_json: "a JSON value"}

# Enough of a line to find it by.
LONGEST_SHOWN = 60
# What int() and float() say repeats the text and nothing else.
SAYS_NOTHING = ("invalid literal", "could not convert")


def explain(text: str, error: Exception, convert: Callable[[str], Any]) -> str:
    """Say in a line why ``convert`` could make nothing of a text."""
    shown = text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"
    reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    because = "" if reason.startswith(SAYS_NOTHING) else f" ({reason})"
    return f"{shown!r} is not {WANTED.get(convert, 'such a value')}{because}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
