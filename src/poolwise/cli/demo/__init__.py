"""``poolwise demo``: when threads, when processes? Two chapters, measured on this machine in a minute."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``poolwise demo`` to ``parser``."""
    parser.add_argument("--quick", action="store_true", help="fewer pages and smaller numbers: a few seconds in all")
    parser.add_argument("--chapter", choices=("waiting", "computing"), help="tell this chapter only")
    parser.add_argument(
        "--report",
        metavar="FILE",
        help="measure more rounds, and the computing with more and more processes; write it all to FILE, a page (HTML)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the demo; return 0, or 1 where a result was wrong or could not be had, which is then said."""
    # Every command loads this file for its options; urllib and rich (100 ms) only the demo itself.
    from poolwise.cli.demo.story import tell  # noqa: PLC0415

    return tell(arguments.chapter, quick=arguments.quick, report=arguments.report)
