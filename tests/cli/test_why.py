"""``poolwise why``, ``machine`` and the top of the command."""

import json

import pytest

import poolwise as library
from tests.cli.programs import poolwise


def test_why_says_it_in_words(folder):
    """Advice on standard output, for people."""
    ended = poolwise("why", "work:later", *["0.01"] * 50, cwd=folder)
    assert ended.code == 0
    assert "threads" in ended.out.splitlines()[0]
    assert ended.err == ""


def test_why_as_json_names_its_reasons(folder):
    """For programs, each reason with its class and its figures."""
    told = json.loads(poolwise("why", "work:later", *["0.01"] * 50, "--json", cwd=folder).out)
    assert told["plan"]["backend"] == "threads"
    assert "Waits" in [each["reason"] for each in told["plan"]["reasons"]]
    assert told["total"] == 50


def test_why_reads_the_input_only_so_far(folder):
    """A malformed line far behind the sample is nobody's business yet; one within is told."""
    (folder / "good.jsonl").write_text("0.01\n" * 5000 + "oops\n")
    assert poolwise("why", "work:later", "--input", "good.jsonl", cwd=folder).code == 0
    (folder / "bad.jsonl").write_text("0.01\n0.01\noops\n")
    ended = poolwise("why", "work:later", "--input", "bad.jsonl", cwd=folder)
    assert (ended.code, ended.out) == (3, "")
    assert "bad.jsonl, line 3" in ended.err


def test_why_of_a_function_that_fails(folder):
    """The user's own traceback, and exit code 1."""
    ended = poolwise("why", "work:picky", "bad", cwd=folder)
    assert (ended.code, ended.out) == (1, "")
    assert "ValueError: no bad\npoolwise: on item 0: 'bad'\n" in ended.err
    assert "/poolwise/" not in ended.err


def test_a_saved_decision_is_replayed_without_the_function(folder):
    """What --save and --json wrote is decided again, elsewhere, and is the same."""
    ended = poolwise("why", "work:later", *["0.01"] * 50, "--save", "why.json", cwd=folder)
    (folder / "work.py").unlink()
    again = poolwise("why", "--replay", "why.json", cwd=folder)
    assert (again.code, again.err) == (0, "")
    assert again.out == f"{ended.out}  replayed  the same decision as was saved, figure for figure\n"
    told = json.loads(poolwise("why", "--replay", "why.json", "--json", cwd=folder).out)
    assert (told["same"], told["diagnosis"]) == (True, json.loads((folder / "why.json").read_text()))


def test_a_replay_that_decides_otherwise_says_so(folder):
    """A plan that does not follow from its facts is no silent success."""
    poolwise("why", "work:later", *["0.01"] * 50, "--save", "why.json", cwd=folder)
    saved = json.loads((folder / "why.json").read_text())
    saved["plan"]["workers"] = 3
    (folder / "why.json").write_text(json.dumps(saved))
    ended = poolwise("why", "--replay", "why.json", cwd=folder)
    assert ended.code == 1
    assert ended.out.endswith("  replayed  not what was saved, in workers\n")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("{", "why.json cannot be replayed: it is no JSON"),
        ("[]", "this should be a Diagnosis or Report as to_dict() writes it, and is none"),
        ('{"value": "Diagnosis", "version": 2}', "it was written by a newer Poolwise: update this one"),
        ('{"value": "Diagnosis", "version": 1, "facts": null}', "holds no decision"),
        (None, "why.json cannot be replayed: No such file or directory"),
    ],
)
def test_old_and_foreign_files_are_refused(folder, text, word):
    """One line on what is wrong with the file; exit code 3."""
    if text is not None:
        (folder / "why.json").write_text(text)
    ended = poolwise("why", "--replay", "why.json", cwd=folder)
    assert (ended.code, ended.out, ended.err.count("\n")) == (3, "", 1)
    assert word in ended.err


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        (["--replay", "why.json", "work:later"], "leave the target and the items out"),
        (["--replay", "why.json", "--max-workers", "3"], "leave --max-workers out"),
        (["--replay", "why.json", "--save", "other.json"], "exclude each other"),
        ([], "required: TARGET (or --replay FILE)"),
    ],
)
def test_what_does_not_go_with_a_replay(folder, asked, word):
    """What would not count is refused; exit code 2."""
    ended = poolwise("why", *asked, cwd=folder)
    assert (ended.code, ended.out) == (2, "")
    assert word in ended.err


def test_why_that_cannot_save_says_so(folder):
    """The file and the reason; exit code 5."""
    ended = poolwise("why", "work:later", "0.01", "--save", "no/such/why.json", cwd=folder)
    assert (ended.code, ended.out) == (5, "")
    assert "cannot write no/such/why.json: No such file or directory" in ended.err


def test_machine_as_table_and_as_json(folder):
    """The same figures, for people and for programs."""
    told = json.loads(poolwise("machine", "--json", cwd=folder).out)
    table = poolwise("machine", cwd=folder).out
    assert table.startswith(f"cores          {told['cores']} of {told['cores_installed']} (")
    assert len(table.splitlines()) == 6


def test_version_and_help(folder):
    """The first things that anybody types."""
    assert poolwise("--version", cwd=folder).out == f"poolwise {library.__version__}\n"
    told = poolwise("--help", cwd=folder)
    assert told.code == 0
    assert "  130  interrupted by Ctrl-C" in told.out
    assert max(map(len, told.out.splitlines())) <= 110
    for name in ("map", "why", "machine", "demo"):
        assert f"  {name}" in told.out
        assert poolwise(name, "--help", cwd=folder).code == 0


def test_nothing_but_the_command_says_what_there_is(folder):
    """One line that leads on; exit code 2."""
    ended = poolwise(cwd=folder)
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "poolwise --help" in ended.err
