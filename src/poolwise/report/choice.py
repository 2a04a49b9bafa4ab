"""The words for a pool's choice."""

from __future__ import annotations

from poolwise.model.choice import Choice
from poolwise.model.prose import say
from poolwise.report.figures import duration
from poolwise.report.reasons import reason_text


@say.register
def explain_choice(choice: Choice) -> str:
    """Say in one line which workers a function's tasks go to, and why."""
    told = [reason_text(reason) for reason in choice.reasons]
    if choice.processes_s is not None:
        threads, processes = duration(choice.threads_s), duration(choice.processes_s)
        told.append(f"many tasks should take {threads} each in threads and {processes} in processes")
    return (
        f"{choice.function}: {choice.backend}, since a task took {duration(choice.profile.wall_s)}; {'; '.join(told)}"
    )
