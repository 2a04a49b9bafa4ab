"""Lines → items, and each complaint with its line."""

import pytest

from poolwise.cli.formats import read_items, read_json
from poolwise.errors import InputError


def items(text, form, convert=str):
    """Read all items of a file."""
    return list(read_items(text.splitlines(keepends=True), "file", form, convert))


def complaint(text, form, convert=str):
    """Read, and give the words of the InputError."""
    with pytest.raises(InputError) as caught:
        items(text, form, convert)
    return str(caught.value)


def test_txt_gives_a_line_each():
    """Line ends of either kind are no part of an item, empty lines hold none, and inner blanks stay."""
    assert items(b"a b\r\n\n  c\t\nd", "txt") == ["a b", "  c\t", "d"]


def test_a_byte_order_mark_is_no_part_of_the_first_item():
    """Files as Windows programs write them read as any other."""
    assert items(b"\xef\xbb\xbfa\nb\n", "txt") == ["a", "b"]
    assert items(b"\xef\xbb\xbfid\n1\n", "csv") == [{"id": "1"}]


@pytest.mark.parametrize(
    ("convert", "text", "expected"),
    [(int, b"1\n 2 \n", [1, 2]), (float, b"1e3\n", [1000.0]), (read_json, b'{"a": [1]}\n', [{"a": [1]}])],
)
def test_lines_of_a_txt_can_be_converted(convert, text, expected):
    """``--type`` makes numbers or JSON values of the lines."""
    assert items(text, "txt", convert) == expected


def test_a_line_that_cannot_be_converted_is_named_by_its_number():
    """Empty lines count, so that an editor finds the line."""
    assert complaint(b"1\n\nx\n", "txt", int) == "file, line 3: 'x' is not a whole number"


def test_jsonl_gives_a_value_a_line():
    """Any JSON value is an item, null too."""
    assert items(b'{"a": 1}\n\n[1, 2]\nnull\n"x"', "jsonl") == [{"a": 1}, [1, 2], None, "x"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"{oops}", "line 2: '{oops}' is not a JSON value (Expecting property name"),
        (b"NaN", "line 2: 'NaN' is not a JSON value (NaN is no JSON; write null)"),
        (b"[" * 100_000, "nested too deeply"),
        (b"x" * 1000, "x…' is not a JSON value"),
    ],
)
def test_a_malformed_line_of_jsonl_is_named_with_its_reason(line, words):
    """The complaint is one line, however long the malformed one is."""
    told = complaint(b"1\n" + line + b"\n", "jsonl")
    assert words in told
    assert len(told) < 200


def test_csv_gives_a_dict_a_row_by_its_header():
    """Quoted commas, quotes and line ends are data; empty rows are none."""
    text = b'id,name\r\n1,"a, ""b"""\r\n\r\n2,"c\nd"\r\n'
    assert items(text, "csv") == [{"id": "1", "name": 'a, "b"'}, {"id": "2", "name": "c\nd"}]


def test_one_column_of_a_csv_may_be_nameless():
    """What pandas writes for its index is read."""
    assert items(b",a\n0,x\n", "csv") == [{"": "0", "a": "x"}]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "file is empty; a csv needs a header"),
        (b"a,b,a\n1,2,3\n", "line 1: the header names 'a' more than once"),
        (b"a,b\n1,2\n3\n", "line 3: 1 field, but the header has 2"),
        (b"a,b\n1,2,3\n", "line 2: 3 fields, but the header has 2"),
        (b'a,b\n1,"x\n2,3\n', "line 3: not valid csv (unexpected end of data); is a quote not closed"),
        (b'a,b\n1,"x"y\n', "line 2: not valid csv"),
    ],
)
def test_a_malformed_csv_is_refused_with_its_line(text, words):
    """Nothing is guessed: a row that does not fit its header would put values under wrong names."""
    assert words in complaint(text, "csv")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"a\n\xff\xfe\x00", "line 2: byte 1 (0xff) is no UTF-8 text"),
        (b"\xff\xfea\x00\n\x00", "file is UTF-16; make it UTF-8 first: iconv"),
        (b"a\0b", "line 1: a NUL character"),
    ],
)
@pytest.mark.parametrize("form", ["txt", "jsonl", "csv"])
def test_what_is_no_text_is_refused(text, words, form):
    """A binary file, a zero byte and another encoding are told from text, in every format."""
    if form == "jsonl":
        text = text.replace(b"a\n", b"1\n")
    assert words in complaint(text, form)


def test_items_before_a_malformed_line_are_given():
    """Reading is lazy: an error costs nothing that stands before it."""
    reader = read_items(iter([b"1\n", b"2\n", b"oops\n"]), "file", "jsonl", str)
    assert [next(reader), next(reader)] == [1, 2]
    with pytest.raises(InputError, match="line 3"):
        next(reader)
