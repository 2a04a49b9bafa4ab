"""``poolwise race``: the table on standard output, the figures as JSON, and what ends it early."""

import contextlib
import json
import os
import signal

import psutil

from poolwise.model.race import Race
from tests.cli.programs import PATIENCE_S, descendants, poolwise, started, until

WAYS = ("--backend", "loop", "--backend", "threads:2", "--repeats", "1")


def test_a_race_shows_its_table(folder):
    """A row for each way and one for the choice, what it says, and the same results."""
    ended = poolwise("race", "work:later", *["0.01"] * 8, *WAYS, cwd=folder)
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0].startswith("race of later over 8 items")
    assert [line.split()[0] for line in lines[4:7]] == ["loop", "threads:2", "auto:"]
    assert "results      the same in every way" in lines


def test_a_race_as_json_is_read_again(folder):
    """To standard output instead of the table, or to a file beside it."""
    ended = poolwise("race", "work:double", "a", "b", *WAYS, "--json", "-", cwd=folder)
    assert [each.name for each in Race.from_json(ended.out).entrants] == ["loop", "threads:2", "auto"]
    ended = poolwise("race", "work:double", "a", "b", *WAYS, "--json", "race.json", cwd=folder)
    assert "race of double over 2 items" in ended.out
    assert json.loads((folder / "race.json").read_text())["items"] == 2


def test_failing_items_are_told_and_exit_code_1(folder):
    """They are compared like results."""
    ended = poolwise("race", "work:picky", "good", "bad", *WAYS, cwd=folder)
    assert ended.code == 1
    assert "1 item of 2 failed" in ended.out


def test_a_way_that_nobody_knows_is_wrong_usage(folder):
    """Before anything runs, with what was meant."""
    ended = poolwise("race", "work:double", "a", "--backend", "thread:2", cwd=folder)
    assert (ended.code, ended.out) == (2, "")
    assert "did you mean 'threads'?" in ended.err


def test_a_file_that_cannot_be_written_is_told(folder):
    """Exit code 5, as for every output."""
    ended = poolwise("race", "work:double", "a", *WAYS, "--json", "nowhere/race.json", cwd=folder)
    assert ended.code == 5
    assert "cannot write nowhere/race.json" in ended.err


def test_help_says_that_side_effects_are_repeated(folder):
    """Whoever reads the help knows it before the second order is sent."""
    ended = poolwise("race", "--help", cwd=folder)
    assert "again and again" in " ".join(ended.out.split())


def test_ctrl_c_ends_a_race_and_all_that_it_started(folder):
    """In the middle of a lap in processes: one line, exit code 130, and nobody left, not who watches either."""
    args = ("race", "work:later", *["0.2"] * 200, "--backend", "processes:2", "--repeats", "1", "--budget", "100")
    with started(*args, cwd=folder) as child:
        until(lambda: len(descendants(child.pid)) >= 2, "two workers are there")
        os.kill(child.pid, signal.SIGINT)
        out, err = child.communicate(timeout=PATIENCE_S)
        assert (child.returncode, out.decode(), err.decode()) == (130, "", "poolwise: interrupted\n"), err.decode()
        until(lambda: not session(child.pid), "all of them have ended")


def session(leader):
    """Find who is left of a session."""
    found = []
    for pid in psutil.pids():
        with contextlib.suppress(ProcessLookupError):
            found += [pid] if os.getsid(pid) == leader else []
    return found


def test_a_function_that_interrupts_itself_shows_no_frames_of_ours(folder):
    """It is told as its own doing."""
    ended = poolwise("race", "work:interrupt", "1", "--repeats", "1", cwd=folder)
    assert (ended.code, ended.out) == (130, "")
    assert "in interrupt" in ended.err
    assert "/poolwise/" not in ended.err


def test_what_the_function_prints_does_not_get_between_json(folder):
    """It comes out of standard error there."""
    ended = poolwise("race", "work:chatty", "1", "2", "--repeats", "1", "--json", "-", cwd=folder)
    assert ended.code == 0
    assert Race.from_json(ended.out).items == 2
    assert "hello 1" in ended.err


def test_ctrl_c_that_the_function_swallows_ends_the_race_after_that_lap(folder):
    """Nobody has to press it for each lap."""
    with started("race", "work:deaf", "1", "--backend", "loop", cwd=folder) as process:
        until((folder / "begun-1").exists, "it has begun")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out.decode(), err.decode()) == (130, "", "poolwise: interrupted\n")
