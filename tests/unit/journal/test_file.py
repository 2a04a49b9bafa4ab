"""The file: whose it is, who uses it, what is wrong with it, and older versions of it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from poolwise.errors import (
    JournalBusyError,
    JournalDamagedError,
    JournalUnsafeError,
    JournalWriteError,
)
from poolwise.journal import store
from poolwise.journal.lock import holder_of
from poolwise.journal.reading import forget_failures, reading
from poolwise.journal.schema import VERSION
from poolwise.model.events import Batch
from poolwise.model.journal import Journal
from tests.unit.journal.books import opened, run

needs_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
needs_posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX")
SOMEBODY = 65534


@pytest.fixture
def path(tmp_path):
    """Name a journal that is not there yet."""
    return tmp_path / "run.db"


@pytest.fixture
def journal(path):
    """Give a journal with three results."""
    book = opened(path)
    run(book, [1, 2, 3])
    book.close("done")
    return path


# --- Safety ------------------------------------------------------------------------------------------------------


@needs_posix
def test_a_new_journal_is_closed_to_others(path):
    """Also its log, and whatever the umask."""
    before = os.umask(0)
    try:
        book = opened(path)
        run(book, [1])
        modes = {each.name: each.stat().st_mode & 0o777 for each in path.parent.iterdir()}
        book.close("done")
    finally:
        os.umask(before)
    assert set(modes) == {"run.db", "run.db-wal", "run.db-shm", "run.db.lock"}
    assert set(modes.values()) == {0o600}


@needs_posix
@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal"])
def test_a_file_that_others_may_write_is_refused(journal, suffix):
    """What others have written could be any program."""
    file = Path(f"{journal}{suffix}")
    file.touch()
    file.chmod(0o620)
    with pytest.raises(JournalUnsafeError, match=r"others may write it \(mode 620\).*make a copy of your own"):
        opened(journal)
    with pytest.raises(JournalUnsafeError), reading(str(journal)):
        pass
    with pytest.raises(JournalUnsafeError):
        forget_failures(str(journal))


@needs_posix
def test_a_folder_that_others_may_write_is_refused_unless_sticky(journal):
    """In /tmp others cannot replace our files; elsewhere they could."""
    journal.parent.chmod(0o777)
    with pytest.raises(JournalUnsafeError, match=r"others may replace files in its folder .* \(mode 777\)"):
        opened(journal)
    journal.parent.chmod(0o1777)
    opened(journal).close("done")


@needs_root
def test_a_file_of_somebody_else_is_refused(journal):
    """Root is no exception: it has the most to lose."""
    os.chown(journal, SOMEBODY, -1)
    with pytest.raises(JournalUnsafeError, match="it belongs to the user"):
        opened(journal)


@needs_root
def test_a_link_of_somebody_else_is_refused(journal, tmp_path):
    """It may point to another place tomorrow; one's own link is followed."""
    link = tmp_path / "link.db"
    link.symlink_to(journal)
    book = opened(link)
    assert run(book, [1, 2]) == ([2, 4], [])
    book.close("done")
    os.chown(link, SOMEBODY, -1, follow_symlinks=False)
    with pytest.raises(JournalUnsafeError, match="it is a link that the user"):
        opened(link)


# --- One run at a time ---------------------------------------------------------------------------------------------


def test_a_second_run_in_the_same_process_is_refused(journal):
    """And the first is not harmed by it."""
    book = opened(journal)
    with pytest.raises(JournalBusyError, match="is being used by this process, in another run"):
        opened(journal)
    with pytest.raises(JournalBusyError):
        forget_failures(str(journal))
    assert run(book, [1, 4]) == ([2, 8], [4])
    with reading(str(journal)) as reader:
        assert [(each.done, each.state) for each in reader.progress()] == [(4, "running")]
    book.close("done")
    opened(journal).close("done")


HOLD = """
import sys, os, time
from tests.unit.journal.books import opened, run
book = opened(sys.argv[1], total=10)
run(book, [5, 6])
print(os.getpid(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(journal):
    """Give another process that is in the middle of a run."""
    program = [sys.executable, "-c", HOLD, str(journal)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert int(process.stdout.readline()) == process.pid
        yield process
        process.kill()


def test_a_second_run_in_another_process_is_refused_and_told_who_it_is(journal, holder):
    """By its number and its beginning; looking is allowed meanwhile."""
    with pytest.raises(JournalBusyError, match=rf"is being used by process {holder.pid} since \d{{4}}-"):
        opened(journal)
    with pytest.raises(JournalBusyError):
        forget_failures(str(journal))
    with reading(str(journal)) as reader:
        (each,) = reader.progress()
    assert (each.done, each.left, each.exact, each.state) == (5, 8, False, "running")


def test_the_lock_dies_with_its_process(journal, holder):
    """After SIGKILL everything that was kept is there, and the run is told as killed."""
    holder.kill()
    holder.wait()
    assert holder_of(str(journal)) is None
    with reading(str(journal)) as reader:
        assert [(each.done, each.state) for each in reader.progress()] == [(5, "killed")]
    book = opened(journal)
    assert run(book, [5, 6, 7]) == ([10, 12, 14], [7])
    book.close("done")
    with sqlite3.connect(journal) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT state FROM runs").fetchall() == [("done",), ("killed",), ("done",)]
    connection.close()


@needs_posix
def test_a_forked_child_neither_holds_nor_releases_the_lock(journal):
    """It may close what it inherits, and may outlive the run; both change nothing."""
    book = opened(journal)
    reads, writes = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(writes)
            book.close("failed")
            os.read(reads, 1)  # until the parent has done
        finally:
            os._exit(0)
    os.close(reads)
    program = f"from tests.unit.journal.books import opened; opened({str(journal)!r})"
    refused = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "JournalBusyError" in refused.stderr
    run(book, [9])
    book.close("done")
    again = opened(journal)
    assert run(again, [9])[1] == []
    again.close("done")
    os.close(writes)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# --- What is wrong with it -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not a database, but some words that are long enough for its head" * 100, "file is not a database"),
        (b"SQLite format 3\0" + b"\xff" * 4080, "cannot be opened"),
    ],
)
def test_what_is_no_database_is_refused_and_left_alone(path, content, words):
    """It may be something that somebody needs."""
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(JournalDamagedError, match=words):
        opened(path)
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_refused(path):
    """Its tables are not ours to write to."""
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (a)")
    connection.close()
    path.chmod(0o600)
    with pytest.raises(JournalDamagedError, match="is a database of another program"):
        opened(path)


def test_a_newer_version_is_refused(journal):
    """With a word on what can read it."""
    with sqlite3.connect(journal) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    with pytest.raises(JournalDamagedError, match=f"is a journal of version {VERSION + 1}.*newer Poolwise"):
        opened(journal)
    with pytest.raises(JournalDamagedError, match="newer Poolwise"), reading(str(journal)):
        pass


def test_a_truncated_journal_is_told(path):
    """Half of it is gone: SQLite notices, and we say what may save the rest."""
    book = opened(path)
    run(book, [f"{number:0200}" for number in range(200)])
    book.close("done")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 8192 * 4096])
    with pytest.raises(JournalDamagedError, match=r"damaged: `sqlite3 .* \.recover`"):
        opened(path)


def test_an_empty_file_becomes_a_journal(path):
    """``mktemp`` makes such, and so does a death at the very beginning."""
    path.touch(0o600)
    book = opened(path)
    run(book, [1])
    book.close("done")
    assert path.stat().st_size > 0


@pytest.mark.parametrize(
    ("name", "words"),
    [("", "is a folder"), ("no/run.db", "there is no folder"), ("x" * 300, "cannot be opened: File name too long")],
)
def test_a_name_that_is_no_place_for_a_file_is_told(tmp_path, name, words):
    """Before anything has run."""
    with pytest.raises(JournalWriteError, match=words):
        opened(tmp_path / name)


def test_a_session_of_somebody_elses_is_told(journal, monkeypatch):
    """Somebody has typed BEGIN IMMEDIATE in another window."""
    monkeypatch.setattr(store, "PATIENCE_S", 0.01)
    book = opened(journal)
    other = sqlite3.connect(journal, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalBusyError, match=r"another program \(an sqlite3 session\?\)") as caught:
        book.keep(Batch(0, [8]), [4])
    assert caught.value.unsaved == {0: 8}
    other.execute("ROLLBACK")
    other.close()
    book.keep(Batch(0, [8]), [4])
    book.close("done")
    book = opened(journal)
    assert run(book, [1, 4])[1] == []
    book.close("done")


def test_a_full_disk_costs_only_what_comes_next(journal):
    """The error holds what could not be written; what was written is whole."""
    book = opened(journal)
    pages = book._connection.execute("PRAGMA page_count").fetchone()[0]
    book._connection.execute(f"PRAGMA max_page_count = {pages + 1}")
    with pytest.raises(JournalWriteError, match="the disk is full") as caught:
        book.keep(Batch(0, ["x" * 9000, "y"]), [7, 8])
    assert caught.value.unsaved == {0: "x" * 9000, 1: "y"}
    book.close("failed")
    book = opened(journal)
    assert run(book, [1, 2, 3, 7, 8])[1] == [7, 8]
    book.close("done")


@pytest.fixture
def small_disk(tmp_path):
    """Give a disk of 256 KiB, where this process may make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError as error:
        pytest.skip(f"no mount: {error}")
    if done.returncode:
        pytest.skip(f"no tmpfs: {done.stderr.decode()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_is_really_full(small_disk):
    """A real ENOSPC: clear words, an intact journal, and the run goes on where it stopped once there is room."""
    path = small_disk / "run.db"
    items = [f"{number:0500}" for number in range(1000)]
    book = opened(path)
    with pytest.raises(JournalWriteError, match="disk") as caught:
        run(book, items)
    done = book.counts.kept
    assert caught.value.unsaved == {done: items[done] * 2}
    with pytest.raises(JournalWriteError, match="disk"):
        book.close("failed")
    subprocess.run(["mount", "-o", "remount,size=16m", str(small_disk)], check=True)
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    book = opened(path)
    results, ran = run(book, items)
    assert (results == [item + item for item in items], ran) == (True, items[done:])
    book.close("done")


READ_ONLY = """
import os, sys, urllib.parse  # loaded before the standard library may be out of reach
from tests.unit.journal.books import opened
from poolwise.journal.reading import reading
if os.geteuid() == 0:
    os.setegid(65534); os.seteuid(65534)
try:
    opened(sys.argv[1])
except Exception as error:
    print(type(error).__name__, error)
with reading(sys.argv[1]) as journal:
    print([each.done for each in journal.progress()])
"""


@needs_root
@pytest.mark.parametrize("folder_mode", [0o500, 0o700])
def test_a_read_only_file_can_be_read_and_not_written(folder_mode, tmp_path):
    """Also where its folder has no place for what SQLite keeps beside it."""
    import tempfile  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.db"
        book = opened(path)
        run(book, [1])
        book.close("done")
        path.chmod(0o400)
        os.chown(path, SOMEBODY, -1)
        os.chown(folder, SOMEBODY, -1)
        Path(folder).chmod(folder_mode)
        told = subprocess.run([sys.executable, "-c", READ_ONLY, str(path)], capture_output=True, text=True, check=False)
        Path(folder).chmod(0o700)
    lines = told.stdout.splitlines()
    assert (lines[0].split()[0], lines[-1], told.stderr) == ("JournalWriteError", "[1]", "")


# --- Older versions --------------------------------------------------------------------------------------------------


@pytest.fixture
def old(path):
    """Give a journal that the first version has written."""
    connection = sqlite3.connect(path)
    connection.executescript((Path(__file__).parent / "version_1.sql").read_text(encoding="utf-8"))
    connection.close()
    path.chmod(0o600)
    return path


def test_an_older_version_is_read_and_left_as_it_is(old):
    """An older Poolwise may still be writing it."""
    before = old.read_bytes()
    with reading(str(old)) as journal:
        (each,) = journal.progress()
        entries = list(journal.entries())
    assert (each.function, each.done, each.failed, each.left, each.state) == ("orders:double", 4, 1, 1, "stopped")
    assert [(entry.item, entry.failed or entry.value()) for entry in entries] == [
        ("1", 2),
        ('"a"', "aa"),
        ("3", True),
        ("[1]", {1}),
        ("2.5", 5.0),
    ]
    assert old.read_bytes() == before


def test_a_run_brings_an_older_version_up_to_date(old):
    """Its results are used, and its failures are taken as they are."""

    def function(x):
        return x + x

    function.__module__, function.__qualname__ = "orders", "double"
    book = opened(Journal(old, changed="keep"), function, take_failures=True)
    results, ran = run(book, [1, "a", 3, (1,), 2.5, 6])
    book.close("done")
    assert (results[:2], repr(results[2]), results[3:], ran) == ([2, "aa"], "ValueError('no 3')", [{1}, 5.0, 12], [6])
    with sqlite3.connect(old) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
    connection.close()
    with reading(str(old)) as journal:
        assert [(each.done, each.left) for each in journal.progress()] == [(5, None)]


# --- Durability ------------------------------------------------------------------------------------------------------


FLUSHES = """
import os, sys
from poolwise.model.events import Batch
from tests.unit.journal.books import opened
book = opened(sys.argv[1])
for index in range(100):
    book.keep(Batch(index, [index]), [index])
    os.write(1, b"kept\\n")
for index in range(3):
    book.keep(Batch(100 + index, [index]), [100 + index])
    book.sync()
    book.sync()
    os.write(1, b"synced\\n")
"""


def test_keeping_flushes_nothing_and_flushing_is_one_flush(path):
    """As the system saw it: no fsync between two results, one for each sync that has something to flush."""
    program = ["strace", "-f", "-e", "trace=fsync,fdatasync,write", "-o", f"{path}.trace"]
    try:
        told = subprocess.run([*program, sys.executable, "-c", FLUSHES, str(path)], capture_output=True, check=False)
    except OSError:
        pytest.skip("strace is not there")
    if told.returncode:
        pytest.skip(f"strace does not work here: {told.stderr.decode()}")
    trace = Path(f"{path}.trace").read_text(encoding="utf-8")
    _, *kept = trace.split('write(1, "kept\\n"')
    assert len(kept) == 100
    assert [part for part in kept[:-1] if "sync(" in part] == []
    synced = kept[-1].split('write(1, "synced\\n"')[:3]
    assert [part.count("sync(") for part in synced[1:]] == [1, 1]
    assert "sync(" in synced[0]


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_a_file_that_goes_away_meanwhile_is_told_once(path, caplog, how):
    """Results are handed over nevertheless; nobody is to think that they are kept."""
    book = opened(path)
    run(book, [1, 2])
    book.sync()
    assert not book.gone
    path.unlink()
    if how == "replaced":
        path.touch(0o600)
    run(book, [3])
    book.sync()
    run(book, [4])
    book.close("done")
    assert book.gone
    assert [record.getMessage().partition(" while ")[0] for record in caplog.records] == [
        f"the journal {path} has been removed or replaced"
    ]
