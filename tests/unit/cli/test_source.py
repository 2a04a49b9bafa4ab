"""Where the items come from."""

import argparse
import io
import itertools

import pytest

from poolwise.cli.exits import UsageError
from poolwise.cli.source import Streamed, make_source
from poolwise.errors import InputError


def ask(*items, path=None, form=None, kind="str"):
    """Make a source of what the command line says."""
    return make_source(argparse.Namespace(items=list(items), input=path, format=form, type=kind))


def refusal(error, *items, **options):
    """Give the words in which a command line is refused."""
    with pytest.raises(error) as caught:
        ask(*items, **options)
    return str(caught.value)


def test_arguments_are_items():
    """Arguments are strings, all there from the start."""
    source = ask("a", "b")
    assert (source.items, source.total, source.take(1)) == (["a", "b"], 2, '"b"')


def test_arguments_are_converted():
    """``--type`` holds for arguments; the wrong one is named by its place."""
    assert ask("1", "2", kind="int").items == [1, 2]
    assert refusal(InputError, "1", "x", kind="float") == "item 2 of the arguments: 'x' is not a number"


def test_an_argument_is_written_down_before_a_function_can_change_it():
    """The output tells the item as it was given."""
    source = ask('{"a": 1}', kind="json")
    source.items[0]["a"] = 2
    assert source.take(0) == '{"a": 1}'


def test_no_items_are_no_guess():
    """Without items and without --input nothing is read from anywhere."""
    assert "--input - to read standard input" in refusal(UsageError)


def test_items_come_from_one_place():
    """Arguments and a file together are a slip."""
    assert "give one of them" in refusal(UsageError, "a", path="b.txt")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"form": "csv"}, "--format is for --input"),
        ({"path": "x.csv", "kind": "int"}, "the items of a csv have the types that are written there"),
    ],
)
def test_options_that_would_do_nothing_are_refused(options, words):
    """An option that is ignored would be taken for one that works."""
    items = () if "path" in options else ("a",)
    assert words in refusal(UsageError, *items, **options)


@pytest.mark.parametrize(("name", "text"), [("a.txt", "1\n2"), ("a.JSONL", '"1"\n"2"'), ("a b.csv", "x\n1\n2")])
def test_a_file_is_read_by_its_suffix(tmp_path, name, text):
    """The suffix says the format, in either case of letters."""
    (tmp_path / name).write_text(text)
    items = list(ask(path=str(tmp_path / name)).items)
    assert items == ([{"x": "1"}, {"x": "2"}] if name.endswith("csv") else ["1", "2"])


def test_a_given_format_is_stronger_than_the_suffix(tmp_path):
    """``--format`` reads a file whatever its name."""
    (tmp_path / "a.txt").write_text("[1]\n")
    assert list(ask(path=str(tmp_path / "a.txt"), form="jsonl").items) == [[1]]


def test_files_that_cannot_be_read_are_refused_at_once(tmp_path):
    """A missing file, a folder, an unknown suffix and a packed file are told before anything runs."""
    (tmp_path / "items.txt").write_text("a")
    assert "did you mean" in refusal(InputError, path=str(tmp_path / "itms.txt"))
    assert "no folder" in refusal(InputError, path=str(tmp_path / "no" / "items.txt"))
    assert "Is a directory" in refusal(InputError, path=str(tmp_path), form="txt")
    assert "add --format txt or jsonl or csv" in refusal(InputError, path="items.dat")
    assert "zcat items.csv.gz |" in refusal(InputError, path="items.csv.gz")


def test_an_input_that_is_wrong_from_its_first_line_is_refused_at_once(tmp_path):
    """What can be known before anything runs is told before anything runs."""
    (tmp_path / "a.jsonl").write_text("oops\n")
    assert "line 1" in refusal(InputError, path=str(tmp_path / "a.jsonl"))


def test_an_empty_file_has_no_items(tmp_path):
    """Nothing to do is no error."""
    (tmp_path / "a.txt").write_text("\n")
    assert list(ask(path=str(tmp_path / "a.txt")).items) == []


def test_a_stream_remembers_an_item_until_it_is_written():
    """An endless input takes no more memory than what is under way."""
    source = Streamed(itertools.count(), io.BytesIO())
    items = iter(source.items)
    taken = []
    for index in range(10_000):
        next(items)
        taken.append(source.take(index))
    assert taken[-1] == "9999"
    assert len(source._texts) == 0


def test_a_stream_keeps_the_error_that_ended_it():
    """The command tells an error of the input from an error of the function by it."""

    def reader():
        yield 1
        raise InputError("line 2")

    source = Streamed(reader(), io.BytesIO())
    with pytest.raises(InputError) as caught:
        list(source.items)
    assert source.error is caught.value
