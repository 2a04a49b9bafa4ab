"""Pages become whole files below their directory, or none."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from poolwise.errors import StorageError
from poolwise.web import files, places
from poolwise.web.files import FileError, FileSink, Folder
from poolwise.web.places import ByDescriptor, ByPath

URL = "https://example.org/docs/page.html"
NAME = Path("example.org", "docs", "page.html")
WATCHDOG_S = 50
needs_links = pytest.mark.skipif(os.name != "posix", reason="making links takes a privilege on Windows")


HEADERS = {"Content-Type": "text/html"}


@pytest.fixture(params=[ByDescriptor, ByPath], autouse=True)
def way(request, monkeypatch) -> type:
    """Each system's way; the one for Windows works on the others, too."""
    if request.param is ByDescriptor and os.name != "posix":
        pytest.skip("POSIX only")
    monkeypatch.setattr(
        files, "open_places", lambda path: (path.mkdir(parents=True, exist_ok=True), request.param(path))[1]
    )
    return request.param


def begin(folder: Folder, url: str = URL) -> FileSink:
    """Begin the file of a page."""
    sink = folder.sink_for(url)(200, HEADERS, url)
    assert isinstance(sink, FileSink)
    return sink


def tree(directory: Path) -> list[str]:
    """Name all that is no folder."""
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if not path.is_dir())


def test_a_whole_body_becomes_a_file_under_its_name(tmp_path: Path) -> None:
    """The directory and its folders are made; what was written is there; nothing else is left."""
    directory = tmp_path / "new" / "pages"
    with Folder(directory) as folder:
        sink = begin(folder)
        sink.write(b"hello ")
        sink.write(b"world")
        assert not (directory / NAME).exists()
        assert sink.finish() == str(directory / NAME)
    assert (directory / NAME).read_bytes() == b"hello world"
    assert tree(directory) == [NAME.as_posix()]
    assert list(directory.iterdir()) == [directory / "example.org"]


def test_the_type_of_the_answer_gives_the_extension(tmp_path: Path) -> None:
    """A URL without one has that of its Content-Type."""
    with Folder(tmp_path) as folder:
        sink = begin(folder, "https://example.org/about")
        assert sink.finish() == str(tmp_path / "example.org" / "about~.html")


def test_a_body_that_is_abandoned_leaves_nothing(tmp_path: Path) -> None:
    """Neither under its name nor elsewhere, and what was there before stays."""
    with Folder(tmp_path) as folder:
        old = begin(folder)
        old.write(b"old")
        old.finish()
        new = begin(folder)
        new.write(b"half")
        new.abandon()
        new.abandon()
        assert tree(tmp_path) == [NAME.as_posix()]
    assert (tmp_path / NAME).read_bytes() == b"old"


def test_a_file_is_replaced_at_once(tmp_path: Path) -> None:
    """Until the new body is whole, the old one is there."""
    with Folder(tmp_path) as folder:
        for text in (b"old", b"new"):
            sink = begin(folder)
            sink.write(text)
            sink.finish()
    assert (tmp_path / NAME).read_bytes() == b"new"


def test_two_requests_for_one_page_do_not_mix(tmp_path: Path) -> None:
    """The last one that becomes whole has the name."""
    with Folder(tmp_path) as folder:
        first, second = begin(folder), begin(folder)
        for _ in range(3):
            first.write(b"1")
            second.write(b"2")
        second.finish()
        first.finish()
    assert (tmp_path / NAME).read_bytes() == b"111"


@needs_links
@pytest.mark.parametrize("planted", ["example.org", "example.org/docs"])
def test_links_that_somebody_planted_are_not_followed(tmp_path: Path, planted: str) -> None:
    """Where a link stands for a folder, the page fails with words, and outside nothing is written."""
    outside, directory = tmp_path / "outside", tmp_path / "pages"
    outside.mkdir()
    (directory / planted).parent.mkdir(parents=True)
    (directory / planted).symlink_to(outside, target_is_directory=True)
    with Folder(directory) as folder:
        sink = begin(folder)
        sink.write(b"secret")
        with pytest.raises(FileError, match="a link or a file stands where a folder has to be"):
            sink.finish()
    assert tree(outside) == []
    assert [path.name for path in directory.rglob("*") if path.is_file() and not path.is_symlink()] == []


@needs_links
def test_a_link_that_is_planted_meanwhile_is_not_followed(tmp_path: Path) -> None:
    """Between two pages of a folder somebody moves it away and puts a link there: outside nothing is written."""
    outside, directory = tmp_path / "outside", tmp_path / "pages"
    outside.mkdir()
    with Folder(directory) as folder:
        begin(folder).finish()
        (directory / NAME).parent.rename(tmp_path / "moved")
        (directory / NAME).parent.symlink_to(outside, target_is_directory=True)
        sink = begin(folder)
        with contextlib.suppress(FileError):
            sink.finish()
    assert tree(outside) == []


def test_a_folder_that_is_removed_meanwhile_is_made_again(tmp_path: Path) -> None:
    """The page after that has its file."""
    with Folder(tmp_path) as folder:
        begin(folder).finish()
        shutil.rmtree((tmp_path / NAME).parent)
        begin(folder).finish()
    assert (tmp_path / NAME).is_file()


@needs_links
def test_a_link_in_the_place_of_the_file_is_replaced_and_not_followed(tmp_path: Path) -> None:
    """What it pointed to stays as it is."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    target = tmp_path / "pages" / NAME
    target.parent.mkdir(parents=True)
    target.symlink_to(victim)
    with Folder(tmp_path / "pages") as folder:
        sink = begin(folder)
        sink.write(b"page")
        sink.finish()
    assert victim.read_bytes() == b"precious"
    assert not target.is_symlink()
    assert target.read_bytes() == b"page"


@needs_links
def test_the_directory_itself_may_be_a_link(tmp_path: Path) -> None:
    """The caller has named it."""
    (tmp_path / "real").mkdir()
    (tmp_path / "pages").symlink_to(tmp_path / "real", target_is_directory=True)
    with Folder(tmp_path / "pages") as folder:
        begin(folder).finish()
    assert tree(tmp_path / "real") == [NAME.as_posix()]


def test_a_folder_in_the_place_of_the_file_is_told(tmp_path: Path) -> None:
    """The page fails, and nothing is left of it."""
    (tmp_path / NAME).mkdir(parents=True)
    with Folder(tmp_path) as folder:
        sink = begin(folder)
        with pytest.raises(FileError, match=r"cannot write .*page\.html"):
            sink.finish()
    assert tree(tmp_path) == []


def test_a_directory_that_cannot_be_made_ends_the_run(tmp_path: Path) -> None:
    """A file stands in its place."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match=r"cannot write into .*file"):
        Folder(tmp_path / "file")


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, StorageError),
        (errno.EROFS, StorageError),
        (errno.EIO, StorageError),
        (errno.ENAMETOOLONG, FileError),
        (errno.EMFILE, OSError),
    ],
)
def test_what_ends_the_run_is_what_the_next_page_would_meet_too(tmp_path: Path, monkeypatch, number, kind) -> None:
    """A full disk is not this page's matter; its name is; too many open files are the engine's."""

    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    with Folder(tmp_path) as folder:
        sink = begin(folder)
        monkeypatch.setattr(os, "write", refuse)
        with pytest.raises(kind, match=os.strerror(number)) as raised:
            sink.write(b"x")
        assert type(raised.value) is kind
        assert tree(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="a small tmpfs")
def test_a_full_disk_ends_the_run_with_words_and_no_half_file(tmp_path: Path) -> None:
    """A real one, of 256 KiB: what was whole stays, what was not is gone, and there is room again."""
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", tmp_path], check=False).returncode:
        pytest.skip("mounting takes a privilege")
    try:
        with Folder(tmp_path) as folder:
            whole, half = begin(folder, "https://example.org/whole.bin"), begin(folder)
            whole.write(bytes(100_000))
            whole.finish()
            with pytest.raises(StorageError, match="No space left on device; free some space"):
                half.write(bytes(1_000_000))
        assert tree(tmp_path) == ["example.org/whole.bin"]
        assert (tmp_path / "example.org" / "whole.bin").stat().st_size == 100_000
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_a_file_is_known_again_by_its_size(tmp_path: Path) -> None:
    """One that lost its end, is gone, stands outside, or is reached by a link is not what a record tells of."""
    with Folder(tmp_path / "pages") as folder:
        sink = begin(folder)
        sink.write(b"12345")
        path = sink.finish()
        assert folder.holds(path, 5)
        assert not folder.holds(path, 6)
        assert not folder.holds(str(tmp_path / "pages" / "example.org" / "other.html"), 0)
        assert not folder.holds(str(tmp_path / "pages" / "example.org"), 0)
        (tmp_path / "outside").write_bytes(b"12345")
        assert not folder.holds(str(tmp_path / "outside"), 5)
        assert not folder.holds(str(tmp_path / "pages" / ".." / "outside"), 5)
        if os.name == "posix":
            (tmp_path / "pages" / "link").symlink_to(path)
            assert not folder.holds(str(tmp_path / "pages" / "link"), 5)


KILLED = """\
import os, signal, sys
from poolwise.web.files import Folder
sink = Folder(sys.argv[1]).sink_for("https://example.org/a.txt")(200, {}, "")
sink.write(b"half")
print("written", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(os.name != "posix", reason="locks of folders")
@pytest.mark.timeout(WATCHDOG_S)
def test_what_a_killed_run_has_left_is_removed_by_the_next_and_what_a_living_one_writes_is_not(tmp_path, way) -> None:
    """The lock of its folder tells whether a run lives."""
    if way is not ByDescriptor:
        pytest.skip("on Windows, open files are locks")
    program = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with program:
        assert program.stdout.readline() == b"written\n"
        with Folder(tmp_path):
            pass
        assert len(tree(tmp_path)) == 1
        program.send_signal(signal.SIGKILL)
        program.wait()
    assert len(tree(tmp_path)) == 1
    with Folder(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_the_way_is_the_systems(tmp_path: Path) -> None:
    """Where steps can be taken from open folders, they are."""
    opened = places.open_places(tmp_path)
    opened.close()
    assert type(opened) is (ByDescriptor if os.name == "posix" else ByPath)
