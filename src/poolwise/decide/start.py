"""How worker processes are started: fork where it is safe, else forkserver, else spawn."""

from __future__ import annotations

from poolwise.model.machine import Machine
from poolwise.model.options import Options, StartMethod
from poolwise.model.plan import StartsBy


def choose_start_method(machine: Machine, options: Options) -> StartsBy:
    """Choose by evidence.

    A forked child has only the thread that forked. A lock that another thread held at that moment stays locked in the
    child for ever, so that fork is safe only while there is no second thread; a thread that Python does not know of
    counts too.
    """
    method: StartMethod
    if options.start_method is not None:
        method, forced = options.start_method, True
    else:
        method, forced = _safest(machine), False
    available = method in machine.start_methods
    return StartsBy(method, machine.python_threads, machine.native_threads, forced, available)


def _safest(machine: Machine) -> StartMethod:
    alone = machine.python_threads <= 1 and machine.native_threads == 0
    if alone and "fork" in machine.start_methods:
        return "fork"
    return "forkserver" if "forkserver" in machine.start_methods else "spawn"
