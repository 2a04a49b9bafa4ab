"""``poolwise machine``: what this process may use of the computer."""

from __future__ import annotations

import argparse
import io
import json

from poolwise.api.why import machine
from poolwise.cli.output import say
from poolwise.model.machine import Machine
from poolwise.model.units import Bytes
from poolwise.report.reasons import gil_text

EPILOG = """\
example:
  poolwise machine --json
"""
GIB = 2**30
SOURCES = {
    "os": "all that there are",
    "affinity": "by this process's affinity",
    "cgroup": "by the cgroup's quota",
    "POOLWISE_MAX_CORES": "by POOLWISE_MAX_CORES",
    "worker": "inside a worker",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say which arguments ``machine`` takes."""
    parser.description, parser.epilog = "Shows what this process may use of the computer.", EPILOG
    parser.add_argument("--json", action="store_true", help="write it as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Look, and print what was found."""
    found = machine()
    say(json.dumps(found.to_dict(), indent=2) if arguments.json else draw(found))
    return 0


def rows(found: Machine) -> list[tuple[str, str]]:
    """Say each figure in a word or two."""
    return [
        ("cores", f"{found.cores} of {found.cores_installed} ({SOURCES.get(found.cores_from, found.cores_from)})"),
        ("memory", f"{_gib(found.memory_free_bytes)} free of {_gib(found.memory_bytes)}"),
        ("python", f"{found.python}, GIL {'on' if found.gil else 'off'}{_turned_on(found)}"),
        ("platform", found.platform),
        ("start methods", ", ".join(found.start_methods)),
        ("threads", f"{found.python_threads} of Python, {found.native_threads} of native libraries{_owners(found)}"),
    ]


def draw(found: Machine) -> str:
    """Draw an aligned table."""
    from rich.console import Console  # noqa: PLC0415 - 60 ms, and only a table needs it
    from rich.table import Table  # noqa: PLC0415

    table = Table.grid(padding=(0, 2))
    for name, text in rows(found):
        table.add_row(name, text)
    page = io.StringIO()
    Console(file=page, width=100).print(table)
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines())


def _turned_on(found: Machine) -> str:
    return f" ({gil_text(found.gil_by)})" if found.gil_by is not None else ""


def _owners(found: Machine) -> str:
    told = ", ".join(f"{pool.threads} of {pool.name}" for pool in found.native_pools)
    return f" ({told})" if told else ""


def _gib(amount: Bytes) -> str:
    return f"{amount / GIB:.1f} GiB"
