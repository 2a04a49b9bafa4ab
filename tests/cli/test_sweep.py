"""``poolwise sweep``."""

from poolwise.model.sweep import Sweep
from tests.cli.programs import poolwise

ITEMS = ["0.002"] * 16


def test_a_sweep_shows_its_table_and_writes_its_figures(folder):
    """The table on standard output; the same sweep in the file, which can be read again."""
    told = ("--backend", "threads", "--workers", "1,2,4,8", "--repeats", "2", "--json", "sweep.json")
    ended = poolwise("sweep", "work:later", *ITEMS, *told, cwd=folder)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("sweep of later over 16 items with threads on ")
    found = Sweep.from_json((folder / "sweep.json").read_text())
    assert [point.workers for point in found.points] == [1, 2, 4, 8]
    assert [len(point.laps) for point in found.points] == [2, 2, 2, 2]
    assert ended.out == f"{found}\n"


def test_json_on_standard_output_is_all_there_is(folder):
    """For programs: nothing else stands around it."""
    told = ("--workers", "1,2", "--repeats", "1", "--json", "-")
    ended = poolwise("sweep", "work:double", "1", "2", "3", "--type", "int", *told, cwd=folder)
    assert (ended.code, ended.err) == (0, "")
    assert Sweep.from_json(ended.out).items == 3


def test_a_function_that_fails_ends_the_sweep(folder):
    """The user's own traceback, and exit code 1."""
    ended = poolwise("sweep", "work:picky", "good", "bad", "--backend", "threads", cwd=folder)
    assert (ended.code, ended.out) == (1, "")
    assert "ValueError: no bad" in ended.err
    assert "/poolwise/" not in ended.err


def test_workers_that_are_no_numbers_are_refused(folder):
    """Exit code 2, and what to write."""
    ended = poolwise("sweep", "work:double", "1", "2", "--workers", "1,many", cwd=folder)
    assert (ended.code, ended.out) == (2, "")
    assert "'many' is no number of workers" in ended.err


def test_the_help_says_that_side_effects_are_repeated(folder):
    """Who sends orders should know before."""
    assert "is done as often" in poolwise("sweep", "--help", cwd=folder).out


def test_a_file_that_cannot_be_written_does_not_cost_the_table(folder):
    """Exit code 5, and what was measured is told all the same."""
    told = ("--workers", "1", "--repeats", "1", "--json", "/dev/full")
    ended = poolwise("sweep", "work:double", "1", "2", *told, cwd=folder)
    assert ended.code == 5
    assert "cannot write /dev/full" in ended.err
    assert ended.out.startswith("sweep of double over 2 items")


def test_a_file_without_a_folder_is_refused_before_anything_runs(folder):
    """Not after minutes of measuring."""
    ended = poolwise("sweep", "work:double", "1", "2", "--report", "missing/sweep.html", cwd=folder)
    assert (ended.code, ended.out) == (5, "")
    assert "cannot write missing/sweep.html" in ended.err


def test_an_error_of_ours_on_an_item_is_the_items_and_no_bug(folder):
    """A function that ends its worker, that exits, or that cannot be awaited: exit code 1, and why."""
    ended = poolwise("sweep", "work:leave", "1", "2", "--workers", "1,2", cwd=folder)
    assert (ended.code, ended.out) == (1, "")
    assert "SystemExit" in ended.err
    assert "a bug in Poolwise" not in ended.err
    ended = poolwise("sweep", "work:double", "1", "2", "--backend", "asyncio", "--workers", "1", cwd=folder)
    assert (ended.code, ended.out) == (1, "")
    assert "cannot await" in ended.err
    assert "a bug in Poolwise" not in ended.err


def test_what_the_function_prints_does_not_get_between_json(folder):
    """It comes out of standard error there."""
    told = ("--workers", "1", "--repeats", "1", "--json", "-")
    ended = poolwise("sweep", "work:chatty", "1", *told, cwd=folder)
    assert ended.code == 0
    assert Sweep.from_json(ended.out).items == 1
    assert "hello 1" in ended.err
