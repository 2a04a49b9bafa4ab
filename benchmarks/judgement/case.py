"""What a kind of work is: the function, the items, and how the results are checked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER_VARIABLE, URL_VARIABLE = "JUDGEMENT_FOLDER", "JUDGEMENT_URL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The far side of a case: ``server.py`` serves it."""

    latency_s: float
    beyond: str = "fine"
    """What happens beyond ``limit`` requests at once: "fine", "queues", "slows", "503", "429"."""
    limit: int = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One kind of work. ``items(count)`` is called anew in each measured process, before the clock."""

    name: str
    function: Callable[[Any], Any]
    items: Callable[[int], Iterable[Any]] = range
    count: int
    coroutine: bool = False
    server: Server | None = None
    prepare: Callable[[Path], None] | None = None
    """Called in each measured process before the clock, with a folder that is kept between them."""
    plain: Callable[[Any], Any] | None = None
    """Makes of a result what can be compared between processes; None: the result itself."""
    check: Callable[[list[Any]], str] | None = None
    """Looks at the results, or at what the function has left behind, and says what is wrong; "" if nothing is."""


def folder() -> Path:
    """Give the folder that ``prepare`` got."""
    return Path(os.environ[FOLDER_VARIABLE])


def url() -> str:
    """Give the address of the case's server, without a slash at the end."""
    return os.environ[URL_VARIABLE]
