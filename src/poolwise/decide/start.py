"""How worker processes are started: fork where it is safe, else forkserver, else spawn."""

from __future__ import annotations

from poolwise.model.machine import Machine, survives_fork
from poolwise.model.options import Options, StartMethod
from poolwise.model.plan import StartsBy


def choose_start_method(machine: Machine, options: Options) -> StartsBy:
    """Choose by evidence.

    A forked child has only the thread that forked. A lock that another thread held at that moment stays locked in the
    child for ever, and a library that counts on its threads waits for them in vain. So fork is safe only beside
    threads of libraries that are known to survive it; ``work.threads`` says which these are.
    """
    forced = options.start_method is not None
    method = options.start_method or _safest(machine)
    available = method in machine.start_methods
    return StartsBy(
        method, machine.python_threads, machine.native_threads, forced, available, native_pools=machine.native_pools
    )


def _safest(machine: Machine) -> StartMethod:
    safe = survives_fork(machine.python_threads, machine.native_threads, machine.native_pools)
    if safe and "fork" in machine.start_methods:
        return "fork"
    return "forkserver" if "forkserver" in machine.start_methods else "spawn"
