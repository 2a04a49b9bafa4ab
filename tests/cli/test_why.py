"""``poolwise why``, ``machine`` and the top of the command."""

import json

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
