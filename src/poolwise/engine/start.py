"""Starting a worker process, three ways, each with one face: a ``Process`` that can be watched and ended.

* **fork** (``start_fork.py``): a copy of this process. Nothing is pickled; only safe where no other thread would be
  missed in the copy (``work.threads`` knows which would).
* **spawn** (``start_spawn.py``): a fresh interpreter, which the job is sent to. Always safe, and takes a tenth of a
  second.
* **forkserver** (``start_nursery.py``): a fresh interpreter, once (the *nursery*), which loads the job and forks
  workers from itself.

Neither of the latter imports ``__main__`` again: what is defined there travels by value (cloudpickle), so that a script
needs no ``if __name__ == "__main__"`` for our workers' sake.
"""

from __future__ import annotations

from poolwise.engine.channel import Message
from poolwise.engine.lifeline import Lifeline
from poolwise.engine.process import Starter
from poolwise.engine.start_fork import ForkStarter
from poolwise.engine.worker import WorkerJob, pack_job
from poolwise.model.options import StartMethod
from poolwise.work.shipping import unshippable


def make_starter(method: StartMethod, job: WorkerJob, life: Lifeline) -> Starter:
    """Make the starter for a start method."""
    if method == "fork":
        return ForkStarter(job, life)
    packed = _pack_or_explain(job)
    if method == "spawn":
        from poolwise.engine.start_spawn import SpawnStarter  # noqa: PLC0415 - it needs subprocess, 5 ms

        return SpawnStarter(packed, life)
    from poolwise.engine.start_nursery import NurseryStarter  # noqa: PLC0415 - it needs subprocess, 5 ms

    return NurseryStarter(packed, life)


def _pack_or_explain(job: WorkerJob) -> Message:
    try:
        return pack_job(job)
    except Exception as error:
        raise unshippable(job.job.call.name, error) from error
