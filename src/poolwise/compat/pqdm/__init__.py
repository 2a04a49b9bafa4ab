"""``pqdm``, over ``poolwise.map``: ``processes`` and ``threads`` have it under its name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from multiprocessing.context import BaseContext
from typing import Any, Literal

from poolwise.api.map import map as map_items
from poolwise.api.map import starmap
from poolwise.compat.bars import count, showing
from poolwise.compat.contexts import start_method_of
from poolwise.compat.refusing import refuse
from poolwise.errors import OptionError
from poolwise.model.results import Results

BEHAVIOURS = ("ignore", "immediate", "deferred")


def run(
    backend: Literal["processes", "threads"],
    array: Iterable[Any],
    function: Callable[..., Any],
    n_jobs: int,
    argument_type: Literal["args", "kwargs"] | None = None,
    bounded: bool = False,  # noqa: ARG001, FBT001, FBT002 - as pqdm has it; no more is read ahead than is needed, ever
    exception_behaviour: Literal["ignore", "immediate", "deferred"] = "ignore",
    tqdm_class: Any = None,
    *,
    mp_context: BaseContext | None = None,
    initializer: Callable[..., object] | None = None,
    initargs: Iterable[Any] = (),
    max_tasks_per_child: int | None = None,
    thread_name_prefix: str | None = None,
    **looks: Any,
) -> list[Any]:
    """Give ``function(item)`` of all items, in order, with a bar.

    ``argument_type``: items are ``"args"`` or ``"kwargs"`` of the function. ``exception_behaviour``: an error stands
    in the place of its result (``"ignore"``), the first ends the run (``"immediate"``), or all are raised in the end,
    as the arguments of an ``Exception`` (``"deferred"``). With ``n_jobs=1`` all is done here, in a loop, and the first
    error is raised.
    """
    refuse(max_tasks_per_child=max_tasks_per_child, thread_name_prefix=thread_name_prefix)
    if exception_behaviour not in BEHAVIOURS:
        raise OptionError(f"exception_behaviour={exception_behaviour!r} is none of {', '.join(BEHAVIOURS)}")
    alone = n_jobs == 1
    call, verb = _as_told(function, argument_type)
    with showing(tqdm_class, looks.pop("total", None) or count([array]), looks) as shown:
        results: Results[Any] = verb(
            call,
            array,
            backend="loop" if alone else backend,
            max_workers=n_jobs,
            errors="raise" if alone or exception_behaviour == "immediate" else "collect",
            initializer=initializer,
            initargs=tuple(initargs) if initializer else (),
            start_method=start_method_of(mp_context),
            **shown,
        )
    if results.failures and exception_behaviour == "deferred":
        raise Exception(*(each.error for each in results.failures))  # noqa: TRY002 - this is what pqdm raises
    for each in results.failures:
        results[each.index] = each.error
    return results


def _as_told(
    function: Callable[..., Any], argument_type: str | None
) -> tuple[Callable[..., Any], Callable[..., Results[Any]]]:
    if argument_type == "args":
        return function, starmap
    if argument_type == "kwargs":
        return partial(_call_by_name, function), map_items
    return function, map_items


def _call_by_name(function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    return function(**arguments)
