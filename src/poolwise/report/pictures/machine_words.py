"""A report and a machine as names with what belongs to them, for pages."""

from __future__ import annotations

from collections.abc import Iterator

from poolwise.model.machine import Machine
from poolwise.model.report import Report
from poolwise.report.explain import HEADING, explain_report
from poolwise.report.figures import number, size
from poolwise.report.pictures.section import Pairs, Section
from poolwise.report.reasons import CORES_FROM, gil_text


def report_pairs(report: Report) -> tuple[tuple[str, str], ...]:
    """Give what ``str(report)`` says, its headings apart from its sentences."""
    done, *lines = explain_report(report).splitlines()
    return (("done", done), *((line[: HEADING + 2].strip(), line[HEADING + 2 :].strip()) for line in lines))


def machine_section(machine: Machine, version: str, begun: str) -> Section:
    """Say what the figures were measured on, and when."""
    facts = tuple((name, text) for name, text in _facts(machine, version, begun) if text)
    return Section("Machine and versions", (Pairs(facts),))


def _facts(machine: Machine, version: str, begun: str) -> Iterator[tuple[str, str]]:
    yield "cores", _cores(machine)
    yield "memory", size(machine.memory_bytes) if machine.memory_bytes else ""
    turned_on = f", its GIL {gil_text(machine.gil_by)}" if machine.gil_by is not None else ""
    yield "Python", f"{machine.python}{turned_on if machine.gil else ', without the GIL'}"
    yield "system", machine.platform
    yield "Poolwise", version
    yield "measured", begun


def _cores(machine: Machine) -> str:
    if machine.cores >= machine.cores_installed:
        return f"{number(machine.cores)} usable"
    why = CORES_FROM.get(machine.cores_from, machine.cores_from)
    return f"{number(machine.cores)} usable of {number(machine.cores_installed)} ({why})"
