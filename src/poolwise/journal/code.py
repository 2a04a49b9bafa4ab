"""What a function does, taken apart into plain values: what runs counts, and not how it is laid out or explained."""

from __future__ import annotations

import dis
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any, Final, TypeAlias

Parts: TypeAlias = "tuple[object, ...]"

# inspect has no name for it yet: since 3.14 the flag says that the first constant is a docstring.
HAS_DOCSTRING: Final = 0x4000000


def function_parts(function: FunctionType) -> Parts:
    """Take a function apart: its name, its code, and the values that it carries with it."""
    cells = function.__closure__ or ()
    return (
        function.__module__,
        function.__qualname__,
        code_parts(function.__code__),
        function.__defaults__,
        function.__kwdefaults__,
        *(_content(cell) for cell in cells),
    )


def _content(cell: Any) -> object:  # noqa: ANN401 - a cell of a closure
    try:
        return cell.cell_contents
    except ValueError:
        return ()  # not filled yet


def class_parts(kind: type) -> Parts:
    """Take a class apart: its name and the code of its methods."""
    methods = {name: getattr(value, "__func__", value) for name, value in vars(kind).items()}
    return (
        kind.__module__,
        kind.__qualname__,
        *(each for name, each in sorted(methods.items()) if isinstance(each, FunctionType)),
    )


def code_parts(code: CodeType) -> Parts:
    """Take code apart; neither lines nor docstrings count."""
    return (
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_flags & ~HAS_DOCSTRING,
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        code.co_exceptiontable,
        *_instructions(code),
    )


def _instructions(code: CodeType) -> Iterator[object]:
    """Give each instruction with what it loads: a docstring shifts the numbers of the other constants."""
    for each in dis.get_instructions(code):
        yield each.opname
        loads = each.opcode in dis.hasconst
        constant = code_parts(each.argval) if isinstance(each.argval, CodeType) else each.argval
        yield constant if loads else each.arg
