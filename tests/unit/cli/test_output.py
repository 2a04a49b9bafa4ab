"""Results → JSON lines."""

import datetime as dt
import json
import math

import pytest

from poolwise.cli.exits import OutputError, UsageError
from poolwise.cli.output import Output, encode_item, failure_line, result_line, to_bytes
from poolwise.model.failure import Failure


class Rude:
    def __repr__(self):
        raise RuntimeError("no")

    __str__ = __repr__


class RudeError(Exception):
    __str__ = Rude.__repr__


@pytest.mark.parametrize("value", [None, True, 1, 2.5, "é\n", [1, "a"], {"a": {"b": []}}, 2**70])
def test_what_json_can_carry_comes_as_itself(value):
    """A line of a result is one JSON object on one line."""
    line = result_line(3, '"x"', value)
    assert json.loads(line) == {"index": 3, "item": "x", "result": value}
    assert line.count("\n") == 1


circle: list[object] = []
circle.append(circle)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (math.nan, "nan"),
        ([math.inf], "[inf]"),
        (b"a\0", "b'a\\x00'"),
        ({1, 2}, "{1, 2}"),
        ({(1, 2): 3}, "{(1, 2): 3}"),
        (dt.date(2020, 1, 2), "datetime.date(2020, 1, 2)"),
        (circle, "[[...]]"),
    ],
)
def test_what_json_cannot_carry_comes_as_its_repr(value, shown):
    """The key says which of the two it is, so that a reader is never fooled."""
    assert json.loads(result_line(0, "1", value)) == {"index": 0, "item": 1, "repr": shown}


def test_a_repr_that_raises_costs_nothing():
    """Somebody else's __repr__ cannot end the run."""
    assert "Rude" in json.loads(result_line(0, "1", Rude()))["repr"]


def test_numpy_values_come_as_plain_numbers():
    """The commonest results that json does not know are read as what they are."""
    numpy = pytest.importorskip("numpy")
    assert json.loads(result_line(0, "1", numpy.int64(3)))["result"] == 3
    assert json.loads(result_line(0, "1", {"a": numpy.arange(3)}))["result"] == {"a": [0, 1, 2]}
    assert json.loads(result_line(0, "1", numpy.array([math.nan])))["repr"] == "array([nan])"


def test_a_failure_tells_type_message_and_traceback():
    """The type is named as a traceback names it."""
    failure = Failure(2, "x", json.JSONDecodeError("bad", "doc", 0), traceback="Traceback …")
    told = json.loads(failure_line('"x"', failure))
    assert told == {
        "index": 2,
        "item": "x",
        "error": {
            "type": "json.decoder.JSONDecodeError",
            "message": "bad: line 1 column 1 (char 0)",
            "traceback": "Traceback …",
        },
    }


def test_an_error_whose_words_raise_is_told_nevertheless():
    """Somebody else's __str__ cannot end the run."""
    told = json.loads(failure_line("1", Failure(0, 1, RudeError())))
    assert "RudeError" in told["error"]["message"]


def test_an_item_that_json_lacks_is_written_as_text():
    """``--type float`` accepts nan, which JSON does not have."""
    assert (encode_item(math.nan), encode_item({"a": 1})) == ('"nan"', '{"a": 1}')


def test_half_a_surrogate_pair_is_escaped():
    """Arguments that are no text come as such halves; the line is valid UTF-8 and valid JSON."""
    data = to_bytes(result_line(0, encode_item("é\udcff"), "é\udcff"))
    assert "é\\udcff" in data.decode()
    assert json.loads(data)["result"] == "é\udcff"


def test_a_file_has_each_line_when_write_returns(tmp_path):
    """What is done is there to be read, whatever happens next."""
    with Output(str(tmp_path / "out.jsonl")) as output:
        output.write("1\n")
        assert (tmp_path / "out.jsonl").read_text() == "1\n"


def test_an_output_that_cannot_be_opened_is_refused(tmp_path):
    """The text says what is missing."""
    with pytest.raises(OutputError, match="there is no folder"):
        Output(str(tmp_path / "no" / "out.jsonl"))
    with pytest.raises(OutputError, match="Is a directory"):
        Output(str(tmp_path))


def test_the_input_is_not_written_over(tmp_path):
    """A slip with -o would destroy the items before they are read."""
    path = tmp_path / "a.jsonl"
    path.write_text("1\n")
    with pytest.raises(UsageError, match="is the input"):
        Output(str(tmp_path / "." / "a.jsonl"), apart_from=str(path))
    assert path.read_text() == "1\n"
