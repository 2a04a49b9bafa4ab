"""``%poolwise`` and ``%%poolwise`` in IPython and Jupyter, after ``%load_ext poolwise``.

They do what ``%time`` does, with the clocks of ``poolwise.timer``: child processes count, and one line says what kind
of work it was. Only this file imports IPython.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from poolwise.api.timer import timer
from poolwise.errors import OptionError
from poolwise.model.timing import Timing

try:
    from IPython.core.error import UsageError
    from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
    from IPython.display import display
except ImportError as error:
    raise ImportError("the magics need IPython: pip install 'poolwise[notebook]'") from error

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

# The variable that holds the last Timing.
VARIABLE = "_poolwise"
# A longer expression does not name a line well.
LONGEST_LABEL = 40


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the magics; IPython calls this on ``%load_ext poolwise``."""
    shell.register_magics(PoolwiseMagics)


@magics_class
class PoolwiseMagics(Magics):
    """The magics."""

    @no_var_expand
    @line_cell_magic
    def poolwise(self, line: str, cell: str | None = None) -> object:
        """Run a statement or a cell and say what it cost, its child processes included, and what kind of work it was.

        ``%poolwise statement`` gives the value of an expression, as ``%time`` does. ``%%poolwise label`` runs the cell,
        and the label may be left out. The ``Timing`` is shown and kept as ``_poolwise``.
        """
        __tracebackhide__ = True
        source = line if cell is None else cell
        if not source.strip():
            raise UsageError("write %poolwise STATEMENT, or %%poolwise LABEL above the lines of a cell")
        label = (line.strip() or "cell") if cell is not None else _short(line.strip())
        statements, last = self._compile(source)
        space = self._shell.user_ns
        with timer(label, show=self._show):
            exec(statements, space)  # noqa: S102 - the user's own cell
            return None if last is None else eval(last, space)  # noqa: S307 - likewise

    @property
    def _shell(self) -> Any:  # noqa: ANN401 - its annotations allow for there being none, and for text only to compile
        return self.shell

    def _show(self, timing: Timing) -> None:
        self._shell.user_ns[VARIABLE] = timing
        display(timing)  # type: ignore[no-untyped-call]

    def _compile(self, source: str) -> tuple[Any, Any]:
        """Compile as the shell does, other magics included; an expression at the end stands apart."""
        shell = self._shell
        code = shell.transform_cell(source)
        tree = shell.transform_ast(shell.compile.ast_parse(code))
        name = shell.compile.cache(code, shell.execution_count)
        last = None
        # With a semicolon the value is not wanted.
        if tree.body and isinstance(tree.body[-1], ast.Expr) and not source.rstrip().endswith(";"):
            last = ast.Expression(tree.body.pop().value)
        try:
            return shell.compile(tree, name, "exec"), None if last is None else shell.compile(last, name, "eval")
        except SyntaxError as error:
            if "await" in str(error.msg) or "async" in str(error.msg):
                raise OptionError(
                    "a cell with await cannot be run by a magic; write `with poolwise.timer():` in it"
                ) from error
            raise


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 2]} …"
