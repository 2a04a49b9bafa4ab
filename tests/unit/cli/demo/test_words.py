import dataclasses

import pytest

from poolwise.cli.demo.measure import Row
from poolwise.cli.demo.show import cells, list_item
from poolwise.cli.demo.words import Told, findings, in_short, named, times
from poolwise.model.plan import Estimate, Plan, WorkEnded
from poolwise.model.report import Report


def told(*rows, cores=2, gil=True):
    """Make a chapter of these figures."""
    return Told(title="Computing", rows=rows, cores=cores, gil=gil)


def row(name, workers, wall_s, cpu_s, report=None):
    """Make a way's figures."""
    return Row(name=name, workers=workers, wall_s=wall_s, cpu_s=cpu_s, report=report)


def chose(backend, workers, wall_s, cpu_s, estimate=None):
    """Make the figures of what Poolwise chose."""
    plan = Plan(backend=backend, workers=workers, reasons=(WorkEnded(60, 0.5),), estimate=estimate)
    report = Report(
        plan=plan, profile=None, machine=None, items=60, wall_s=wall_s, probe_items=2, probe_s=0.2, run_s=wall_s - 0.2
    )
    return row("poolwise.map", workers, wall_s, cpu_s, report)


COMPUTED = row("loop", 1, 2.0, 2.0)
WAITED = row("loop", 1, 6.0, 0.06)
ONE_AT_A_TIME = "the GIL let one of them compute at a time, 1.0 of 2 cores busy."


def sentence_about(way, loop, *, cores=2, gil=True):
    """Give the sentence about one way beside a loop."""
    return findings(told(loop, way, chose("loop", 1, 2.0, 2.0), cores=cores, gil=gil))[1]


@pytest.mark.parametrize(
    ("way", "sentence"),
    [
        (row("threads", 2, 2.06, 2.1), f"2 threads gained nothing (0.97 ×): {ONE_AT_A_TIME}"),
        (row("threads", 2, 2.5, 2.6), f"2 threads were slower than the loop (0.80 ×): {ONE_AT_A_TIME}"),
        (row("threads", 2, 1.0, 2.0), "2 threads were 2.00 × as fast as the loop: they kept 2.0 of 2 cores busy."),
        (row("processes", 2, 1.0, 2.0), "2 processes were 2.00 × as fast as the loop: they kept 2.0 of 2 cores busy."),
        (row("threads", 2, 1.6, 1.6), "2 threads were 1.25 × as fast as the loop."),
        (row("processes", 2, 2.0, 3.0), "2 processes gained nothing (1.00 ×)."),
        (row("threads", 2, 2.0, 4.0), "2 threads gained nothing (1.00 ×)."),
    ],
)
def test_a_way_to_compute_is_told_by_its_figures(way, sentence):
    """Computing: gain, no gain and loss each have their sentence, and the GIL is named only where the CPU shows it."""
    assert sentence_about(way, COMPUTED) == sentence


@pytest.mark.parametrize(
    ("way", "sentence"),
    [
        (row("threads", 32, 0.25, 0.06), "32 threads were 24 × as fast as the loop: up to 32 waited at the same time."),
        (row("threads", 32, 6.1, 0.06), "32 threads gained nothing (0.98 ×)."),
        (row("processes", 2, 12.0, 0.2), "2 processes were slower than the loop (0.50 ×)."),
        (row("processes", 1, 3.0, 0.2), "1 process was 2.00 × as fast as the loop: up to 1 waited at the same time."),
    ],
)
def test_a_way_to_wait_is_told_by_its_figures(way, sentence):
    """Waiting: threads are praised where they were faster, and nowhere else."""
    assert sentence_about(way, WAITED) == sentence


@pytest.mark.parametrize(("cores", "gil"), [(1, True), (2, False)])
def test_the_gil_is_not_blamed_where_it_is_not_the_limit(cores, gil):
    """On one core, or without a GIL, threads that gain nothing are not explained by the GIL."""
    assert "GIL" not in sentence_about(row("threads", 2, 2.0, 2.0), COMPUTED, cores=cores, gil=gil)


@pytest.mark.parametrize(
    ("loop", "sentence"),
    [
        (COMPUTED, "The loop computed for 100 % of its 2.00 s."),
        (WAITED, "The loop waited for 99 % of its 6.00 s."),
        (row("loop", 1, 2.0, 3.0), "The loop computed for 100 % of its 2.00 s."),
    ],
)
def test_the_nature_of_the_work_is_read_off_the_loop(loop, sentence):
    """Whether the loop waited or computed is told by its CPU, which is never more than all."""
    assert findings(told(loop, row("threads", 2, 1.0, 1.0), chose("loop", 1, 2.0, 2.0)))[0] == sentence


@pytest.mark.parametrize(
    ("wall_s", "speedup", "comparison"),
    [
        (0.5, "4.00 ×", "faster than the best way by hand, 2 threads (500 ms against 1.00 s)"),
        (1.0, "2.00 ×", "as fast as the best way by hand, 2 threads"),
        (1.5, "1.33 ×", "slower than the best way by hand, 2 threads (1.50 s against 1.00 s)"),
    ],
)
def test_poolwise_is_compared_with_the_best_way_by_hand(wall_s, speedup, comparison):
    """Faster, as fast or slower than the best that a person could have named: the measured one is said."""
    said = findings(told(COMPUTED, row("threads", 2, 1.0, 2.0), chose("processes", 2, wall_s, 2.0)))
    assert said[2] == f"poolwise.map chose 2 processes ({speedup}): {comparison}."


def test_where_the_loop_was_best_poolwise_is_compared_with_it():
    """The loop counts among the ways by hand."""
    ways = told(COMPUTED, row("threads", 2, 3.0, 2.0), chose("loop", 1, 2.0, 2.0))
    assert findings(ways)[2] == "poolwise.map chose a plain loop (1.00 ×): as fast as the loop."


def test_a_shortfall_says_where_the_time_went():
    """Where Poolwise was slower, its probe and its estimate stand beside what happened."""
    slow = chose("loop", 1, 2.0, 2.0, Estimate(0.0, 0.5, 0.0))
    said = findings(told(COMPUTED, row("processes", 2, 1.0, 2.0), slow))
    assert said[3] == "Measuring the first 2 items took 200 ms, the rest 1.80 s (estimated: 500 ms)."


def test_no_shortfall_is_told_where_there_was_none():
    """Where Poolwise was as fast as the best, only its report follows."""
    fast = chose("processes", 2, 1.0, 2.0, Estimate(0.0, 0.5, 0.0))
    said = findings(told(COMPUTED, row("processes", 2, 1.0, 2.0), fast))
    assert [each.partition(":")[0] for each in said[3:]] == ["Its report"]


@pytest.mark.parametrize(
    ("others", "whole_machine", "warned"), [(0.4, True, False), (0.9, True, True), (0.9, False, False)]
)
def test_a_busy_machine_is_told(others, whole_machine, warned):
    """Other programs that take cores from us spoil the figures; on cores that are not ours they do not."""
    disturbed = Row(name="threads", workers=2, wall_s=1.0, cpu_s=1.0, others_cores=others)
    ways = dataclasses.replace(told(COMPUTED, disturbed, chose("loop", 1, 2.0, 2.0)), whole_machine=whole_machine)
    assert findings(ways)[-1].startswith("Meanwhile other programs kept up to 0.9 of 2 cores busy") == warned


def test_a_list_item_is_broken_between_words_and_not_before_a_unit():
    """The second line stands under the first word, and a figure stays with its unit."""
    assert list_item("The loop waited for 97 % of its 6.12 s, which is long.", 23) == (
        "- The loop waited for\n  97 % of its 6.12 s,\n  which is long."
    )


def test_the_short_form_holds_every_way():
    """One line: each way by hand, then Poolwise and what it chose."""
    ways = told(COMPUTED, row("threads", 2, 2.0, 2.0), row("processes", 2, 1.0, 2.0), chose("processes", 2, 1.0, 2.0))
    assert in_short(ways) == "Computing: 2 threads 1.00 ×, 2 processes 2.00 ×; poolwise.map 2.00 × with 2 processes."


def test_a_row_of_the_table_holds_the_figures():
    """Name, workers, wall time, speed-up against the loop, CPU in percent of all cores."""
    loop, threads, chosen = COMPUTED, row("threads", 2, 2.5, 2.6), chose("processes", 2, 1.0, 1.9)
    ways = told(loop, threads, chosen)
    assert [cells(ways, each) for each in ways.rows] == [
        ("loop", "1", "2.00 s", "1.00 ×", "50 %"),
        ("threads", "2", "2.50 s", "0.80 ×", "52 %"),
        ("poolwise.map (processes)", "2", "1.00 s", "2.00 ×", "95 %"),
    ]


@pytest.mark.parametrize(
    ("speedup", "text"), [(0.974, "0.97 ×"), (1.0, "1.00 ×"), (9.94, "9.94 ×"), (9.96, "10 ×"), (21.4, "21 ×")]
)
def test_a_speedup_has_two_or_three_digits(speedup, text):
    """More digits than were measured are not shown."""
    assert times(speedup) == text


@pytest.mark.parametrize(
    ("name", "workers", "text"), [("threads", 32, "32 threads"), ("processes", 1, "1 process"), ("loop", 1, "the loop")]
)
def test_a_way_is_named_with_its_workers(name, workers, text):
    """Workers are counted; the loop is one by nature."""
    assert named(row(name, workers, 1.0, 1.0)) == text
