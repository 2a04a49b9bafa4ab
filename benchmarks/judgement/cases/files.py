"""Files and a database: read warm and cold, written, queried."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.judgement.case import Case, folder

BLOCK = 65_536


def files(size: int, count: int) -> Callable[[Path], None]:
    """Give what makes so many files of so many bytes, where they are not there yet."""

    def prepare(place: Path) -> None:
        for number in range(count):
            path = place / f"{number}.bin"
            if not path.exists():
                path.write_bytes(hashlib.sha256(str(number).encode()).digest() * (size // 32))

    return prepare


def cold(prepare: Callable[[Path], None]) -> Callable[[Path], None]:
    """Have the kernel forget what it keeps of the files."""

    def prepare_cold(place: Path) -> None:
        prepare(place)
        for path in place.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    return prepare_cold


def count_lines(number: int) -> int:
    """Read a file and count a byte in it."""
    return (folder() / f"{number}.bin").read_bytes().count(b"\n")


def hash_file(number: int) -> str:
    """Read a file block by block and hash it."""
    found = hashlib.sha256()
    with (folder() / f"{number}.bin").open("rb") as file:
        while block := file.read(BLOCK):
            found.update(block)
    return found.hexdigest()


def write_file(number: int) -> int:
    """Write a small file into the current folder, another one in each run."""
    return Path(f"out-{number}.txt").write_text(f"{number}\n" * 200)


def write_and_sync(number: int) -> int:
    """Write a small file, and wait until the disk has it."""
    with Path(f"out-{number}.txt").open("wb") as file:
        written = file.write(b"x" * 4096)
        file.flush()
        os.fsync(file.fileno())
    return written


def all_written(results: list[int]) -> str:
    """Look whether each file is there."""
    there = sum(path.stat().st_size > 0 for path in Path.cwd().glob("out-*.txt"))
    return "" if there == len(results) else f"{there} files of {len(results)}"


def database(place: Path) -> None:
    """Make a table of 20,000 rows, without an index on what is asked for."""
    path = place / "data.sqlite"
    if path.exists():
        return
    with sqlite3.connect(path) as connection:
        connection.execute("create table people (id integer primary key, town integer, age integer)")
        rows = ((number % 97, number * 7919 % 90) for number in range(20_000))
        connection.executemany("insert into people (town, age) values (?, ?)", rows)
    connection.close()


def query(town: int) -> float:
    """Ask a question that reads the whole table, on a connection of its own."""
    connection = sqlite3.connect(folder() / "data.sqlite")
    try:
        return float(connection.execute("select avg(age) from people where town = ?", (town % 97,)).fetchone()[0])
    finally:
        connection.close()


def archives(place: Path) -> None:
    """Make zip files of ten members each."""
    for number in range(60):
        path = place / f"{number}.zip"
        if not path.exists():
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                for member in range(10):
                    archive.writestr(f"{member}.txt", f"{number} {member} some text\n" * 3_000)


def unpack(number: int) -> int:
    """Read all members of a zip file."""
    with zipfile.ZipFile(folder() / f"{number}.zip") as archive:
        return sum(len(archive.read(name)) for name in archive.namelist())


CASES = (
    Case(name="read warm files", function=count_lines, prepare=files(65_536, 500), count=500),
    Case(name="read cold files", function=count_lines, prepare=cold(files(262_144, 250)), count=250),
    Case(name="hash files", function=hash_file, prepare=files(1_048_576, 100), count=100),
    Case(name="write small files", function=write_file, count=1_000, check=all_written),
    Case(name="write and sync files", function=write_and_sync, count=60, check=all_written),
    Case(name="sqlite queries", function=query, prepare=database, count=200),
    Case(name="unpack zip files", function=unpack, prepare=archives, count=60),
)
