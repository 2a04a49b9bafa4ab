"""Where the URLs come from: the arguments, a file with one in each line, or standard input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from poolwise.cli.exits import UsageError
from poolwise.cli.source import STANDARD_INPUT, open_input
from poolwise.cli.terminal import tell
from poolwise.errors import InputError
from poolwise.web.targets import BadTarget, Target, lines_of, read_targets

# So many bad lines are told one by one; a file that is no list of URLs has as many as lines.
MOST_TOLD = 20


class Urls:
    """The targets of a run, read as they are needed; what is wrong with some of them is told on the way."""

    def __init__(
        self, targets: Iterable[Target | BadTarget], name: str, *, path: str | None = None, total: int | None = None
    ) -> None:
        self.path = path
        self.total = total
        self.bad = 0
        self.error: InputError | None = None
        self._targets, self._name = targets, name

    def __iter__(self) -> Iterator[Target | BadTarget]:
        """Read on. Raises InputError where the input cannot be read to its end, and keeps it."""
        try:
            for target in self._targets:
                if isinstance(target, BadTarget):
                    self._tell(target)
                yield target
        except InputError as error:
            self.error = error
            raise

    def _tell(self, target: BadTarget) -> None:
        self.bad += 1
        if self.bad <= MOST_TOLD:
            tell(f"poolwise: {self._name}{target}")
        if self.bad == MOST_TOLD:
            tell("poolwise: what else is no URL stands in the output")


def make_urls(arguments: list[str], path: str | None) -> Urls:
    """Choose where they come from; one argument that names a file is a list. Raises UsageError, InputError."""
    if path is not None and arguments:
        raise UsageError(f"URLs stand on the command line ({arguments[0]!r} …) and in --input {path}: give one of them")
    if path is None and len(arguments) == 1 and _is_file(arguments[0]):
        path = arguments[0]
    if path is not None:
        stream, name = open_input(path)
        return Urls(read_targets(_lines(stream, name)), f"{name}, ", path=path)
    if not arguments:
        raise UsageError("no URLs: write them, or a file with one in each line, or --input - to read standard input")
    if len(arguments) == 1 and "://" not in arguments[0]:
        raise InputError(f"{arguments[0]}: there is no such file, and for a URL it lacks the beginning https://")
    files = [each for each in arguments if _is_file(each)]
    if files:
        raise UsageError(f"{files[0]!r} is a file, and URLs stand beside it: give one list, or URLs")
    return Urls(read_targets(arguments), "arguments, ", total=len(arguments))


def _is_file(text: str) -> bool:
    return "://" not in text and (text == STANDARD_INPUT or Path(text).is_file())


def _lines(stream: BinaryIO, name: str) -> Iterator[bytes]:
    number = 0
    with stream:
        try:
            for number, line in enumerate(lines_of(stream), 1):  # noqa: B007 - told below
                yield line
        except OSError as error:
            raise InputError(f"{name}: reading failed after line {number}: {error.strerror or error}") from None
