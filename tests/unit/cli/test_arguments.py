"""The arguments, and how they become options."""

import pytest

from poolwise.cli import map as command
from poolwise.cli.arguments import Parser, number, options_of
from poolwise.cli.program import run
from poolwise.model.options import Options


def parse(*argv):
    """Parse the arguments of ``map``."""
    parser = Parser(prog="poolwise map")
    command.add_arguments(parser)
    return parser.parse_intermixed_args(argv)


def test_the_defaults_are_those_of_the_api_but_for_errors():
    """A command writes each failure as a line, where a program wants an exception."""
    assert Options(**options_of(parse("m:f"))) == Options(errors="collect")


def test_every_option_reaches_the_api():
    """Each option has the name of its keyword."""
    given = parse(
        *("m:f", "--backend", "processes", "--max-workers", "2", "--chunksize", "3", "--errors", "skip"),
        *("--retries", "1", "--timeout", "2.5", "--start-method", "spawn"),
        *("--crash-retries", "2", "--memory-limit", "1000000000"),
        *("--seed", "4", "--inner-max-num-threads", "5"),
    )
    assert options_of(given) == {
        "backend": "processes",
        "max_workers": 2,
        "chunksize": 3,
        "errors": "skip",
        "retries": 1,
        "timeout": 2.5,
        "start_method": "spawn",
        "crash_retries": 2,
        "memory_limit": 1_000_000_000,
        "seed": 4,
        "inner_max_num_threads": 5,
        "cluster": None,
    }


def test_a_cluster_is_named_by_its_address():
    """Only with a backend that has one."""
    given = parse("m:f", "--backend", "dask", "--cluster", "tcp://127.0.0.1:8786")
    assert Options(**options_of(given)).cluster == "tcp://127.0.0.1:8786"


@pytest.mark.parametrize(
    "argv",
    [
        ("m:f", "a", "b", "--type", "int"),
        ("m:f", "--type", "int", "a", "b"),
        ("--type", "int", "m:f", "a", "b"),
        ("m:f", "a", "--type", "int", "b"),
    ],
)
def test_items_and_options_may_stand_in_any_order(argv):
    """Nobody remembers an order."""
    given = parse(*argv)
    assert (given.target, given.items, given.type) == ("m:f", ["a", "b"], "int")


def test_items_may_look_like_options_after_two_dashes():
    """As everywhere else; negative numbers need no dashes."""
    assert parse("m:f", "--", "-x", "--type").items == ["-x", "--type"]
    assert parse("m:f", "-1", "-2.5").items == ["-1", "-2.5"]


@pytest.mark.parametrize(("text", "expected"), [("3", 3), ("2.5", 2.5), ("x", "x"), ("", "")])
def test_a_number_that_is_none_is_left_to_options(text, expected):
    """Only ``Options`` says what a value must be."""
    assert number(text) == expected


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], "poolwise: error: the following arguments are required: command (see `poolwise --help`)"),
        (["mpa"], "there is no command 'mpa'; did you mean 'map'? (see `poolwise --help`)"),
        (["map"], "the following arguments are required: TARGET"),
        (["map", "m:f", "a", "--bakend", "x"], "unrecognized arguments: --bakend"),
        (["map", "m:f", "a", "--type", "x"], "argument --type: invalid choice: 'x'"),
    ],
)
def test_a_slip_is_told_in_one_line(capsys, argv, words):
    """What is wrong, and where the help is; exit code 2."""
    with pytest.raises(SystemExit) as caught:
        run(argv)
    told = capsys.readouterr().err
    assert caught.value.code == 2
    assert words in told
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--max-workers", "0"], "max_workers=0: write a whole number, 1 to 10000"),
        (["--max-workers", "x"], "max_workers='x': write a whole number"),
        (["--backend", "proceses"], "backend='proceses' is not known; did you mean 'processes'?"),
        (["--timeout", "-1"], "timeout=-1: write a number of seconds above 0"),
        (["--errors", "ignore"], "errors='ignore' is not known"),
    ],
)
@pytest.mark.parametrize("verb", ["map", "why"])
def test_a_wrong_value_is_told_in_the_words_of_options(capsys, verb, options, words):
    """It is refused before the target is loaded."""
    assert run([verb, "no_such_module:f", "a", *options]) == 2
    assert words in capsys.readouterr().err
