"""What a progress line says, at any width."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from poolwise.model.progress import Progress
from poolwise.report.progress.line import clean, columns, cut, left, line, pace, plain_line


def moment(**fields):
    """Make a moment of a run."""
    plain = {"done": 4310, "total": 10_000, "failed": 0, "retried": 0, "workers": 8, "elapsed_s": 14.2}
    told = {"finished": False, "desc": "resize", "rate": 312.4, "left_low_s": 15.0, "left_high_s": 25.0}
    return Progress(**{**plain, **told, **fields})


def test_the_line_at_80_columns():
    """All there is to know, and a bar in the room that is over."""
    assert line(moment(), 80) == ("resize  ━━━━━━━━────────────  4,310/10,000  312/s  14 s  15–25 s left  8 busy")
    assert line(moment(failed=2, retried=1), 100) == (
        "resize  ━━━━━━──────────  4,310/10,000  312/s  14 s  15–25 s left  8 busy  2 failed  1 tried again"
    )


def test_a_wide_line_has_a_bar_that_is_no_wider_than_it_is_good_for():
    """At 160 columns the figures do not drift to the far right."""
    assert line(moment(), 160) == (
        "resize  ━━━━━━━━━━━━━━━━━───────────────────────  4,310/10,000  312/s  14 s  15–25 s left  8 busy"
    )


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (50, "resize  4,310/10,000  312/s  15–25 s left"),
        (38, "resize  4,310/10,000  15–25 s left"),
        (22, "resize  4,310/10,000"),
        (5, "resi…"),
    ],
)
def test_a_narrow_line_says_what_matters_most(width, shown):
    """First the bar goes, then the workers, the time so far, the rate, the time left."""
    assert line(moment(elapsed_s=1400), width).startswith(shown)
    assert columns(line(moment(elapsed_s=1400), width)) <= width


def test_without_a_total_there_is_no_bar_and_no_end():
    """What is done, how fast, and since when."""
    assert line(moment(total=None, left_low_s=None, left_high_s=None), 80) == "resize  4,310 done  312/s  14 s  8 busy"


def test_a_terminal_without_unicode_gets_ascii():
    """A bar of number signs, and a hyphen in a range."""
    shown = line(moment(), 80, unicode=False)
    assert shown == "resize  ########------------  4,310/10,000  312/s  14 s  15-25 s left  8 busy"
    assert line(moment(desc="é" * 40), 80, unicode=False).startswith("?" * 23 + "...")


def test_colour_takes_no_room_and_is_not_the_only_sign():
    """The coloured line says the same in the same columns."""
    coloured = line(moment(failed=2), 100, colour=True)
    assert "\x1b[31m2 failed\x1b[0m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == line(moment(failed=2), 100)


def test_a_full_bar_means_that_all_is_done():
    """99.99 % are not all."""
    assert "─" in line(moment(done=9999), 160)
    assert "─" not in line(moment(done=10_000), 160)
    assert "━" in line(moment(done=0, total=0), 160)


def test_plain_lines_are_whole_sentences_of_the_run():
    """In a log file each stands for itself; the last one says how it ended."""
    assert plain_line(moment()) == "resize: 4,310/10,000, 312/s, 14 s, 15–25 s left, 8 busy"
    assert plain_line(moment(done=10_000, finished=True, elapsed_s=130)) == (
        "resize: 10,000/10,000, 312/s, done after 2 min 10 s"
    )
    assert plain_line(moment(finished=True, failed=1)) == "resize: 4,310/10,000, 312/s, ended after 14.2 s, 1 failed"


MOMENTS = st.builds(
    Progress,
    done=st.integers(0, 10**9),
    total=st.none() | st.integers(0, 10**9),
    failed=st.integers(0, 10**6),
    retried=st.integers(0, 10**6),
    workers=st.integers(0, 10_000),
    elapsed_s=st.floats(0, 10**7),
    finished=st.booleans(),
    desc=st.text(max_size=60),
    rate=st.none() | st.floats(1e-9, 1e9),
    left_low_s=st.none() | st.floats(0, 10**9),
    left_high_s=st.none() | st.floats(10**9, 10**12),
)


@example(progress=Progress(1, 2, 0, 0, 1, 1e-5, finished=False), width=80, unicode=False)
@given(progress=MOMENTS, width=st.integers(1, 200), unicode=st.booleans())
def test_a_line_is_one_line_and_no_wider_than_it_may_be(progress, width, unicode):
    """Whatever the name holds (line breaks, escapes, wide letters), a line never breaks nor moves the cursor."""
    shown = line(progress, width, unicode=unicode)
    assert columns(shown) <= max(width, 4)
    assert clean(shown) == " ".join(shown.split())
    assert "\n" not in plain_line(progress)
    if not unicode:
        shown.encode("ascii")


# --- Figures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low_s", "high_s", "said"),
    [
        (0.0, 0.2, "below 1 s"),
        (0.1, 4.0, "up to 4 s"),
        (19.0, 21.0, "about 20 s"),
        (20.0, 44.0, "20–45 s"),
        (64.0, 170.0, "1–3 min"),
        (118.0, 122.0, "about 2 min"),
        (3500.0, 5700.0, "1–1.5 h"),
        (3.0 * 86400, 5.1 * 86400, "3–5 days"),
    ],
)
def test_the_time_left_is_no_finer_than_it_is_known(low_s, high_s, said):
    """A range in one unit, in steps that do not change all the time."""
    assert left(low_s, high_s) == said


@pytest.mark.parametrize(
    ("rate", "said"), [(312.4, "312/s"), (4.21, "4.2/s"), (0.2, "12/min"), (0.001, "3.6/h"), (12345, "12,345/s")]
)
def test_a_rate_is_told_in_the_unit_in_which_it_is_no_fraction(rate, said):
    """Items a second, a minute or an hour."""
    assert pace(rate) == said


def test_a_text_is_cut_by_the_columns_that_it_takes():
    """Letters of East Asian scripts take two columns each, accents of their own none."""
    assert (columns("漢字"), columns("e\u0301")) == (4, 1)
    assert cut("漢字漢字", 5) == "漢字…"
    assert cut("short", 5) == "short"


def test_a_rest_is_told_before_the_time_left():
    """Why nothing goes on is what a person wants to know; rounded up, so that it never says 0 s while it waits."""
    resting = moment(resting=7.2, trouble="HTTP 503")
    assert "resting 8 s: the service fails (HTTP 503)" in line(resting, 140)
    assert "resting 8 s: the service fails (HTTP 503)" in line(resting, 80)
    assert "trying one item: the service fails" in line(moment(resting=0.0), 140)
    assert "resting" not in line(moment(), 140)
