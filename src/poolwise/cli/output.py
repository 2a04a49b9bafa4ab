"""Results → JSON lines, on standard output or in a file, written as they come."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from poolwise.cli.exits import OutputClosedError, OutputError, UsageError
from poolwise.model.failure import Failure
from poolwise.work.call import short_repr, type_name, words_of

# --- Lines -------------------------------------------------------------------------------------------------------


def result_line(index: int, item: str, value: object) -> str:
    """Write the line of an item that came to a result; ``item`` is JSON already."""
    try:
        told = f'"result": {encode_value(value)}'
    except (TypeError, ValueError, RecursionError):
        told = f'"repr": {encode_value(safe_repr(value))}'
    return f'{{"index": {index}, "item": {item}, {told}}}\n'


def failure_line(item: str, failure: Failure) -> str:
    """Write the line of an item that failed."""
    error = {
        "type": type_name(type(failure.error)),
        "message": words_of(failure.error),
        "traceback": failure.traceback,
    }
    return f'{{"index": {failure.index}, "item": {item}, "error": {encode_value(error)}}}\n'


def encode_item(item: object) -> str:
    """Write an item as JSON; the few numbers that JSON lacks (nan, inf) as the text that they came from."""
    try:
        return encode_value(item)
    except (TypeError, ValueError, RecursionError):
        return encode_value(safe_repr(item))


def safe_repr(value: object) -> str:
    """Give the repr; a short word where it raises."""
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - a user's __repr__ may raise anything
        return short_repr(value)


def encode_value(value: object) -> str:
    """Write a value as JSON, NumPy's numbers and arrays included; raises TypeError, ValueError, RecursionError."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain)


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever json does not know
    """NumPy's numbers and arrays, the commonest results that are no JSON, know what they are in plain Python."""
    if type(value).__module__.partition(".")[0] != "numpy":
        raise TypeError
    return value.tolist()


# --- Where they go -------------------------------------------------------------------------------------------------


class Output:
    """Where lines are written; each ``write`` is visible to the reader when it returns."""

    def __init__(self, path: str | None = None, *, apart_from: str | None = None) -> None:
        """Open ``path``, or take standard output; never the file ``apart_from``, which is being read."""
        self._path = path
        _refuse_same(path, apart_from)
        self.name = path or "standard output"
        with self._explained():
            self._stream = _standard_output() if path is None else _create(path)

    def write(self, text: str) -> None:
        """Write and flush. Raises OutputError, OutputClosedError."""
        data = to_bytes(text)
        with self._explained():
            if self._path is None:
                # What the function has printed before comes before.
                sys.stdout.flush()
            if self.on_terminal:
                # By way of whatever stands for standard output: a progress line makes room for what is written there.
                sys.stdout.write(data.decode())
                sys.stdout.flush()
            else:
                self._stream.write(data)
                self._stream.flush()

    @property
    def on_terminal(self) -> bool:
        """Tell whether a person reads the lines as they come."""
        return self._path is None and sys.stdout.isatty()

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the file; an error of closing matters only where there was none before."""
        if self._path is None:
            return
        if error is not None:
            with contextlib.suppress(OSError):
                self._stream.close()
            return
        with self._explained():
            self._stream.close()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise OutputClosedError(f"{self.name} was closed by its reader") from None
        except FileNotFoundError:
            raise OutputError(f"{self.name} cannot be written: there is no folder {_parent(self.name)!r}") from None
        except OSError as error:
            raise OutputError(f"{self.name} cannot be written: {error.strerror or error}") from None


def to_bytes(text: str) -> bytes:
    """Encode lines as UTF-8; half a surrogate pair, which UTF-8 cannot carry, is escaped, as JSON does it too."""
    return text.encode(errors="backslashreplace")


def say(text: str) -> None:
    """Write a command's answer to standard output."""
    with Output() as output:
        output.write(f"{text}\n")


def silence() -> None:
    """Let nothing more come out of standard output: what is left in its buffer cannot be written at the end either."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _standard_output() -> BinaryIO:
    if sys.stdout is None:
        raise OutputError("standard output is closed; write to a file with -o FILE")
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal may know fewer letters than we write.
        sys.stdout.reconfigure(errors="backslashreplace")
    return sys.stdout.buffer


def _create(path: str) -> BinaryIO:
    return Path(path).open("wb")


def _parent(path: str) -> str:
    return str(Path(path).parent)


def _refuse_same(path: str | None, source: str | None) -> None:
    """Refuse to write over what is being read; a terminal or a pipe may well be both."""
    if source is None or source == "-" or not Path(source).is_file():
        return
    with contextlib.suppress(OSError, ValueError, AttributeError):
        target = Path(path).stat() if path is not None else os.fstat(sys.stdout.fileno())
        if os.path.samestat(target, Path(source).stat()):
            raise UsageError(
                f"the output {path or 'goes to standard output, which'} is the input {source}: writing would destroy it"
            )


def write_file(path: str, text: str) -> None:
    """Write a whole file, or say why that cannot be done."""
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from None
