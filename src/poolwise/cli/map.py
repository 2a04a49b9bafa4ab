"""``poolwise map``: call a function on each item, and write what comes of it as JSON lines."""

from __future__ import annotations

import argparse
import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, Literal

from poolwise.api.execution import Execution
from poolwise.api.hopeless import NEXT_STEP
from poolwise.api.map import make_execution
from poolwise.cli import exits
from poolwise.cli.arguments import add_option_arguments, add_progress_arguments, add_work_arguments, number, options_of
from poolwise.cli.ending import explain_end
from poolwise.cli.exits import UsageError
from poolwise.cli.output import Output, failure_line, result_line
from poolwise.cli.source import Source, make_source
from poolwise.cli.stops import Stopped, Stops
from poolwise.cli.target import load_target
from poolwise.cli.terminal import tell, tell_error
from poolwise.errors import TooManyFailuresError
from poolwise.model.events import Batch
from poolwise.model.failure import Failure
from poolwise.model.journal import CHANGED, Journal
from poolwise.model.options import Options
from poolwise.model.progress import Progress
from poolwise.report.progress.watch import make_watch

DESCRIPTION = """\
Calls a function on each item, as fast as this machine allows, and writes a JSON line for each:
  {"index": 0, "item": "a.jpg", "result": 12}
  {"index": 1, "item": "b.jpg", "error": {"type": "OSError", "message": "…", "traceback": "…"}}
A result that JSON cannot carry is written as "repr" instead of "result"."""
EPILOG = """\
input files: txt holds an item in each line, jsonl a JSON value; csv needs a header, and each row becomes a dict.
Empty lines are skipped. Files are read as they are needed, so that they may be of any length.

example:
  poolwise map work.py:resize --input photos.txt -o sizes.jsonl --max-workers 4
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say which arguments ``map`` takes."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    add_work_arguments(parser)
    output = parser.add_argument_group("output")
    output.add_argument("-o", "--output", metavar="FILE", help="write the lines to FILE (default: standard output)")
    output.add_argument("--unordered", action="store_true", help="write each line as soon as it is ready, in any order")
    add_progress_arguments(
        output,
        desc="what the run is called there (default: the function's name)",
        total="how many items an input that is read on the way will give, for it",
    )
    output.add_argument(
        "--timeline", metavar="FILE", help="write who worked on what and when, for https://ui.perfetto.dev, to FILE"
    )
    output.add_argument(
        "--journal",
        metavar="FILE",
        help="keep every result in FILE, so that the same command, run again, goes on from there",
    )
    output.add_argument(
        "--changed",
        choices=CHANGED,
        default="raise",
        help="what becomes of the journal's results where the function is another by now: tell it and stop (raise), "
        "leave them alone and run all again (rerun), use them (keep)",
    )
    output.add_argument(
        "--max-failures", metavar="N", type=number, help="give up when more than N items have failed (default: never)"
    )
    output.add_argument("-q", "--quiet", action="store_true", help="no progress and no summary, errors only")
    add_option_arguments(parser, errors="collect")
    bounds = parser.add_argument_group("how often and how many at a time")
    bounds.add_argument("--rate", metavar="RATE", help="begin so many items in a time, such as 10/s, 600/min or 100/h")
    bounds.add_argument("--limit", metavar="N", type=number, help="run at most N items at a time, over all workers")


def run(arguments: argparse.Namespace) -> int:
    """Do it: options, function, items, output are checked in this order, and the output is touched last."""
    shown = {"ordered": not arguments.unordered, "desc": arguments.desc, "total": arguments.total}
    options: dict[str, Any] = {**options_of(arguments), **shown, "journal": _journal_of(arguments)}
    options |= {"rate": arguments.rate, "limit": arguments.limit}
    options["max_failures"] = arguments.max_failures
    if arguments.timeline is not None:
        options["timeline"] = arguments.timeline
    Options.from_keywords("map", options)
    function = load_target(arguments.target)
    source = make_source(arguments)
    options["progress"] = make_progress(arguments)
    execution = make_execution("map", function, (source.items,), options, stream=True)
    with Output(arguments.output, apart_from=arguments.input) as output:
        code = _write_all(execution, source, output, arguments)
    if code in {exits.DONE, exits.FAILED} and execution.error is None and not arguments.quiet:
        tell(_summarize(execution))
    return code


def _journal_of(arguments: argparse.Namespace) -> Journal | None:
    """Give the journal, if there is one; ``--changed`` alone is a slip."""
    if arguments.journal is not None:
        return Journal(arguments.journal, changed=arguments.changed)
    if arguments.changed != "raise":
        raise UsageError("--changed says what becomes of a journal's results: name it too (--journal FILE)")
    return None


def make_progress(arguments: argparse.Namespace) -> Callable[[Progress], object] | bool:
    """Give the option ``progress`` that ``--progress`` and ``--quiet`` ask for."""
    watch = make_watch(_choose_progress(arguments))
    return False if watch is None else Drawing(watch, arguments.stops)


class Drawing:
    """Watches as the api would, but for signals, which wait until a line is drawn: half of one would stay there."""

    minds_no_thread = True

    def __init__(self, watch: Callable[[Progress], object], stops: Stops) -> None:
        """Draw by ``watch``."""
        self._watch = watch
        self._stops = stops

    def __call__(self, progress: Progress) -> None:
        """Draw; only the main thread hears signals."""
        held = threading.current_thread() is threading.main_thread()
        with self._stops.held() if held else contextlib.nullcontext():
            self._watch(progress)


def _choose_progress(arguments: argparse.Namespace) -> Literal["auto"] | bool:
    """Leave the choice to the api, except where the lines appear on the same terminal: they show how far it is."""
    if arguments.quiet:
        return False
    if arguments.progress is not None:
        return bool(arguments.progress)
    on_terminal = arguments.output is None and sys.stdout is not None and sys.stdout.isatty()
    return False if on_terminal else "auto"


def _write_all(execution: Execution, source: Source, output: Output, arguments: argparse.Namespace) -> int:
    """Run, and write each batch as it comes; whatever happens, the run is closed and its workers are ended."""
    written = 0
    try:
        with contextlib.closing(execution.batches()) as batches:
            for batch in batches:
                output.write("".join(lines(batch, source, skip=arguments.errors == "skip")))
                written += len(batch.values)
                arguments.stops.check()
        if isinstance(execution.error, TooManyFailuresError):
            # What is done and has not had its turn is as good as what has.
            for index, value in sorted(execution.error.done.items()):
                output.write(result_line(index, source.take(index), value))
        arguments.stops.check()
    except Stopped as stop:
        of = "" if source.total is None else f" of {source.total}"
        kept = f"; {execution.advice}" if execution.advice is not None else ""
        tell(f"poolwise: {stop.word} after {written}{of} items{kept}")
        return stop.code
    return _judge(execution, source)


def lines(batch: Batch, source: Source, *, skip: bool) -> Iterator[str]:
    """Write a line for each item of a batch; an input that ended in an error has no item there."""
    for offset, value in enumerate(batch.values):
        failure: Failure | None = batch.failures.get(offset)
        if failure is not None and failure.error is source.error:
            continue
        item = source.take(batch.start + offset)
        if failure is None:
            yield result_line(batch.start + offset, item, value)
        elif not skip:
            yield failure_line(item, failure)


def _judge(execution: Execution, source: Source) -> int:
    """Give the exit code, and say what ended the run early."""
    if source.error is not None:
        raise source.error
    if isinstance(execution.error, TooManyFailuresError):
        tell_error(f"{str(execution.error).removesuffix(NEXT_STEP)}what was done is in the output")
        return exits.FAILED
    if execution.error is not None:
        return explain_end(execution.error, advice="with --errors collect a failure is a line of the output")
    return exits.FAILED if execution.report().failed else exits.DONE


def _summarize(execution: Execution) -> str:
    from poolwise.report.explain import summary_line  # noqa: PLC0415 - the words are needed once, at the end

    return f"poolwise: {summary_line(execution.report())}"
