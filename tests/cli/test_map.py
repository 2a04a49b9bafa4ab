"""``poolwise map`` as a user types it."""

import json

import pytest

from tests.cli.programs import poolwise


def results(ended):
    """Give the results by index."""
    return {line["index"]: line["result"] for line in ended.lines}


def test_items_on_the_command_line(folder):
    """A line for each item, in order; a line for people on standard error; exit code 0."""
    ended = poolwise("map", "work:double", "a", "b", cwd=folder)
    assert ended.lines == [
        {"index": 0, "item": "a", "result": "aa"},
        {"index": 1, "item": "b", "result": "bb"},
    ]
    assert ended.code == 0
    assert ended.err.startswith("poolwise: 2 items in ")
    assert ended.err.count("\n") == 1


def test_quiet_says_nothing_but_errors(folder):
    """``-q`` suits a cron job."""
    assert poolwise("map", "-q", "work:double", "a", cwd=folder).err == ""


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_a_file_elsewhere_runs_in_processes_of_every_start_method(folder, method):
    """The folder of a file, spaces and all, is where workers find it, wherever the command is run."""
    ended = poolwise(
        *("map", f"{folder}/work.py:double", "--type", "int", "1", "2", "3"),
        *("--backend", "processes", "--start-method", method),
        cwd=folder.parent,
    )
    assert results(ended) == {0: 2, 1: 4, 2: 6}


@pytest.mark.parametrize("backend", ["auto", "loop", "threads", "processes"])
def test_every_backend_gives_the_same_lines(folder, backend):
    """How it is run changes nothing in the output."""
    ended = poolwise("map", "work:double", *"abcdefgh", "--backend", backend, cwd=folder)
    assert results(ended) == {index: letter * 2 for index, letter in enumerate("abcdefgh")}
    assert [line["index"] for line in ended.lines] == list(range(8))


def test_a_coroutine_function_is_awaited(folder):
    """``async def`` needs nothing special."""
    assert results(poolwise("map", "work:wait", "a", "b", cwd=folder)) == {0: "a", 1: "b"}


@pytest.mark.parametrize(
    ("name", "text", "items"),
    [
        ("items.txt", "a\n\nb\r\n", ["a", "b"]),
        ("items.jsonl", '[1]\n\n"x"\n', [[1], "x"]),
        ("items.csv", "\ufeffid,name\n1,ü\n", [{"id": "1", "name": "ü"}]),
    ],
)
@pytest.mark.parametrize("by", ["file", "stdin"])
def test_items_from_files_and_from_standard_input(folder, name, text, items, by):
    """Each format reads the same from a file and from a pipe."""
    if by == "file":
        (folder / name).write_bytes(text.encode())
        ended = poolwise("map", "work:picky", "--input", name, cwd=folder)
    else:
        ended = poolwise("map", "work:picky", "--input", "-", "--format", name.split(".")[1], cwd=folder, text=text)
    assert [line["item"] for line in ended.lines] == items
    assert [line["result"] for line in ended.lines] == items
    assert ended.code == 0


def test_many_items_from_a_pipe(folder):
    """A long input streams through worker processes, and each item finds its line."""
    text = "".join(f"{number}\n" for number in range(20_000))
    ended = poolwise(
        "map", "work:double", "--input", "-", "--type", "int", "--backend", "processes", cwd=folder, text=text
    )
    assert [(line["item"], line["result"]) for line in ended.lines] == [(n, 2 * n) for n in range(20_000)]


def test_unordered_lines_carry_their_index(folder):
    """The slow first item does not hold the second one back."""
    ended = poolwise("map", "work:later", "1", "0", "--unordered", "--backend", "threads", cwd=folder)
    assert [line["index"] for line in ended.lines] == [1, 0]
    assert results(ended) == {0: "1", 1: "0"}


def test_a_failure_is_a_line_and_exit_code_1(folder):
    """The others go on; type, message and traceback are told."""
    ended = poolwise("map", "work:picky", "a", "bad", "c", cwd=folder)
    assert [sorted(set(line) - {"index", "item"}) for line in ended.lines] == [["result"], ["error"], ["result"]]
    error = ended.lines[1]["error"]
    assert (error["type"], error["message"]) == ("ValueError", "no bad")
    assert 'work.py", line' in error["traceback"]
    assert ended.code == 1
    assert "1 failed" in ended.err


def test_failures_can_be_skipped(folder):
    """The exit code still tells of them."""
    ended = poolwise("map", "work:picky", "a", "bad", "c", "--errors", "skip", cwd=folder)
    assert ([line["index"] for line in ended.lines], ended.code) == ([0, 2], 1)


@pytest.mark.parametrize("backend", ["auto", "processes"])
def test_the_first_failure_can_end_the_run(folder, backend):
    """Lines before it are written; the error comes with the user's own traceback and the item."""
    ended = poolwise("map", "work:picky", "a", "bad", "c", "--errors", "raise", "--backend", backend, cwd=folder)
    assert ([line["index"] for line in ended.lines], ended.code) == ([0], 1)
    assert "ValueError: no bad\npoolwise: on item 1: 'bad'\n" in ended.err
    assert "/poolwise/" not in ended.err


def test_too_many_failures_end_the_run_and_what_is_done_stays(folder):
    """The reason is told with examples, exit code 1, and each line that is there is complete."""
    ended = poolwise("map", "work:picky", "a", "b", *(["bad"] * 4), "c", "--max-failures", "2", cwd=folder)
    assert ended.code == 1
    assert "error: 3 items failed, more than max_failures=2" in ended.err
    assert "ValueError" in ended.err
    assert {line["index"] for line in ended.lines} >= {0, 1, 2}
    assert [line["index"] for line in ended.lines if "error" in line] == [2, 3, 4]


def test_output_into_a_file(folder):
    """``-o`` writes the lines, and standard output stays empty for what the function prints."""
    ended = poolwise("map", "work:chatty", "a", "b", "-o", "out.jsonl", cwd=folder)
    assert ended.out == "hello a\nhello b\n"
    assert [json.loads(line)["result"] for line in (folder / "out.jsonl").read_text().splitlines()] == ["a", "b"]


def test_a_malformed_line_costs_nothing_before_it(folder):
    """What stands before is done and written; then the error is told, with its line; exit code 3."""
    lines = [str(number) for number in range(4999)] + ["oops", "1"]
    (folder / "items.jsonl").write_text("\n".join(lines))
    for errors in ("collect", "skip", "raise"):
        ended = poolwise("map", "work:double", "--input", "items.jsonl", "--errors", errors, cwd=folder)
        assert len(ended.lines) == 4999
        assert ended.err.startswith("poolwise: error: items.jsonl, line 5000: 'oops' is not a JSON value")
        assert ended.err.count("\n") == 1
        assert ended.code == 3


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("work:double",), 2, "no items: write them after the target"),
        (("work:double", "a", "--max-workers", "0"), 2, "max_workers=0: write a whole number"),
        (("work:double", "a", "--backend", "loop", "--timeout", "1", "--nope"), 2, "unrecognized arguments"),
        (("work:double", "--input", "missing.txt"), 3, "there is no file 'missing.txt'"),
        (("work:double", "--input", "."), 3, "add --format"),
        (("work:double", "--input", ".", "--format", "txt"), 3, "Is a directory"),
        (("work:double", "--input", "binary.txt"), 3, "line 1: byte 1 (0x80) is no UTF-8 text"),
        (("work:double", "x", "--type", "int"), 3, "item 1 of the arguments: 'x' is not a whole number"),
        (("work:dubble", "a"), 4, "did you mean 'double'?"),
        (("wrok:double", "a"), 4, "did you mean 'work'?"),
        (("work:double", "a", "-o", "no/out.jsonl"), 5, "there is no folder 'no'"),
    ],
)
def test_a_mistake_is_one_line_and_its_exit_code(folder, args, code, words):
    """Nothing has run, nothing is written, and the text says what to do."""
    (folder / "binary.txt").write_bytes(b"\x80\x81\n")
    ended = poolwise("map", *args, cwd=folder)
    assert (ended.code, ended.out) == (code, "")
    assert ended.err.startswith("poolwise: error: ")
    assert words in ended.err
    assert ended.err.count("\n") == 1


def test_a_wrong_target_leaves_an_old_output_alone(folder):
    """The output is touched last."""
    (folder / "out.jsonl").write_text("precious\n")
    assert poolwise("map", "work:nope", "a", "-o", "out.jsonl", cwd=folder).code == 4
    assert (folder / "out.jsonl").read_text() == "precious\n"


def test_a_timeline_is_written_beside_the_output(folder):
    """``--timeline`` writes a trace; the lines are what they are without it."""
    ended = poolwise("map", "work:double", "a", "b", "--timeline", "run.json", cwd=folder)
    assert results(ended) == {0: "aa", 1: "bb"}
    events = json.loads((folder / "run.json").read_text(encoding="utf-8"))["traceEvents"]
    assert {event["name"] for event in events if event.get("cat") == "work"} <= {"item 0", "item 1", "items 0–1"}


def test_a_timeline_that_cannot_be_written_is_refused_at_once(folder):
    """A folder that is not there is named, before any item is run."""
    ended = poolwise("map", "work:double", "a", "--timeline", "no/such/run.json", cwd=folder)
    assert ended.code == 2
    assert "there is no folder 'no/such'; make it first" in ended.err
