"""What the caller asks for, and how the workers are staffed for it."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable
from typing import TYPE_CHECKING, Any

from poolwise.backends.company import FIRST
from poolwise.backends.protocol import CAPABILITIES
from poolwise.decide.cost import CHUNK_S
from poolwise.measure.probe import PROBE_CHUNK_S
from poolwise.model.classes import frozen, replace
from poolwise.model.options import MOST_WORKERS, Options
from poolwise.model.plan import Plan
from poolwise.model.quota import as_limits, most_at_once, quotas_of
from poolwise.model.retry import as_retry
from poolwise.run.adapt import Sizing
from poolwise.run.terms import Crew, Wishes
from poolwise.work.crowding import crowding

if TYPE_CHECKING:
    from poolwise.model.units import Seconds
    from poolwise.work.eventloop import Home
    from poolwise.work.items import Items

# Streams are watched by their consumer and get chunks no longer than this.
STREAM_CHUNK_S: Seconds = 0.005
# What ends sooner than this in the loop is not worth a pool, whatever pool: two forked workers take 5 ms to start and
# save half at most.
NOT_WORTH_A_POOL_S: Seconds = 0.01


@frozen
class Ask:
    """What the caller asks for."""

    verb: str
    function: Callable[..., Any]
    iterables: tuple[Iterable[Any] | AsyncIterable[Any], ...]
    options: Options
    star: bool = False
    stream: bool = False
    event_loop: Home | None = None
    items: Items | None = None
    """What reads the iterables, where that is not for whoever leads the run."""
    bound: bool = False
    """Coroutine functions run in the ``event_loop`` or nowhere."""


def wishes_of(ask: Ask) -> Wishes:
    """Say what the caller wants of the whole run."""
    options = ask.options
    return Wishes(
        ordered=options.ordered,
        errors=options.errors,
        retry=as_retry(options.retries),
        max_failures=options.max_failures,
        keeps=options.journal is not None,
        crash_retries=options.crash_retries,
        stream=ask.stream,
        # Who names a backend has asked for company.
        crowding=crowding if options.backend == "auto" else None,
        refusal=_is_refusal if any(each.adaptive for each in as_limits(options.limit)) else None,
    )


def options_at_gate(options: Options) -> Options:
    """Say what a rate or a limit means for the decision: items go one by one, and no more at a time than may."""
    if not quotas_of(options.rate, options.limit):
        return options
    most = most_at_once(options.limit)
    if options.backend != "auto" or most is None:
        return replace(options, chunksize=1)
    return replace(options, chunksize=1, max_workers=min(most, options.max_workers or most, MOST_WORKERS))


def _is_refusal(error: BaseException) -> bool:
    return crowding(error) == "refused"


def first_crew(ask: Ask, plan: Plan, *, coroutine: bool) -> Crew:
    """Staff the first items: one worker, which the probe watches."""
    options = ask.options
    finish_s = 0.0 if ask.stream else NOT_WORTH_A_POOL_S
    alone = 1 if _gives_up_workers(plan, options, coroutine=coroutine) else None
    sizing = Sizing(chunksize=alone, target_s=PROBE_CHUNK_S, finish_s=finish_s)
    here = FIRST if plan.backend == "loop" else None
    return Crew(workers=1, sizing=sizing, at_once=options.initializer is None, here=here)


def crew_for(plan: Plan, options: Options, *, stream: bool, coroutine: bool, inherited: bool) -> Crew:
    """Staff a backend for a plan."""
    killing = _gives_up_workers(plan, options, coroutine=coroutine)
    target_s = CHUNK_S[plan.backend]
    # A caller who says how large a chunk is gets such chunks. Coroutines of a chunk are all begun at once.
    gives_back = CAPABILITIES[plan.backend].gives_back and plan.chunksize is None and not killing and not coroutine
    return Crew(
        workers=plan.workers + plan.here,
        here=FIRST if plan.here else None,
        depth=CAPABILITIES[plan.backend].depth,
        isolates=CAPABILITIES[plan.backend].survives_death or options.backend != "auto",
        sizing=Sizing(
            # An item that is late takes its worker with it: alone in its chunk, it takes no finished neighbour along.
            chunksize=1 if killing else plan.chunksize,
            target_s=min(target_s, STREAM_CHUNK_S) if stream else target_s,
            item_s=plan.item_s / plan.tasks_per_worker if plan.item_s is not None else None,
            least=plan.tasks_per_worker,
            by_share=gives_back and inherited and not stream,
        ),
        # Where nothing is to be run again, the first death must name its item.
        marked=killing or (CAPABILITIES[plan.backend].survives_death and options.crash_retries == 0),
        gives_back=gives_back,
        ends_idle=plan.backend == "threads",
        # A copy of this process, which has the items, is ready in a millisecond if nothing of the caller's runs first;
        # from one that never is, they are taken back.
        at_once=gives_back and inherited and plan.start_method == "fork" and options.initializer is None,
    )


def _gives_up_workers(plan: Plan, options: Options, *, coroutine: bool) -> bool:
    """Tell whether a late item costs its worker; where many coroutines run in one, an item is cancelled alone."""
    return options.timeout is not None and not (coroutine and CAPABILITIES[plan.backend].coroutines == "many")
