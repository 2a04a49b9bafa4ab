"""What surrounds the caller, for workers that are no copies of it: context variables, warning filters, log levels.

A forked worker has all this already. For a fresh interpreter it is taken when the pool is made, each part pickled by
itself, so that what cannot travel is left out and costs nothing else.
"""

from __future__ import annotations

import logging
import pickle
import warnings
from collections.abc import Iterable, Iterator

from poolwise.model.classes import frozen
from poolwise.work.packing import dumps
from poolwise.work.variables import Variable, leaving_out, take_variables


@frozen
class Surroundings:
    """What a worker takes over before it runs anything; nothing of it where it was forked from the caller."""

    variables: tuple[Variable, ...] = ()
    filters: tuple[bytes, ...] | None = None
    """``warnings.filters``, each pickled."""
    levels: tuple[tuple[str, int], ...] = ()
    """Loggers that have a level of their own; the root's name is empty."""
    disabled: int = 0
    """What ``logging.disable`` has set."""

    @classmethod
    def take(cls) -> Surroundings:
        """Look at the caller's surroundings, in its thread."""
        return cls(
            tuple(take_variables()),
            tuple(_take_filters()),
            tuple(_take_levels()),
            logging.root.manager.disable,
        )

    def enter(self) -> None:
        """Take them over, in a worker that has loaded the function, with all that this imports."""
        for variable in self.variables:
            variable.set()
        if self.filters is not None:
            _set_filters(self.filters)
        for name, level in self.levels:
            logging.getLogger(name).setLevel(level)
        logging.disable(self.disabled)


# --- Warning filters -----------------------------------------------------------------------------------------------


def _take_filters() -> Iterator[bytes]:
    for each in warnings.filters:
        with leaving_out("a warning filter"):
            yield dumps(each, by_value=True)


def _set_filters(packed: Iterable[bytes]) -> None:
    filters = []
    for each in packed:
        with leaving_out("a warning filter"):
            filters.append(pickle.loads(each))
    warnings.filters[:] = filters  # type: ignore[index]  # typeshed calls it a sequence; the module itself inserts
    # Entering and leaving tells the module's C code that its filters have changed.
    with warnings.catch_warnings():
        pass


# --- Log levels ----------------------------------------------------------------------------------------------------


def _take_levels() -> Iterator[tuple[str, int]]:
    yield "", logging.root.level
    for name, each in [*logging.root.manager.loggerDict.items()]:
        if isinstance(each, logging.Logger) and each.level != logging.NOTSET:
            yield name, each.level
