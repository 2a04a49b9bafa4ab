import typing

import pytest

import poolwise.api.timer  # noqa: F401 - teaches the values their words
from poolwise.errors import InputError
from poolwise.model.timing import Gain, Hindrance, Kind, Timing, Verdict
from poolwise.model.usage import Usage
from poolwise.report.timing import GAINS, HINDRANCES, KINDS, indented

TIMING = Timing(
    label="load <b>",
    usage=Usage(wall_s=2.0, cpu_own_s=0.5, cpu_children_s=3.0, peak_bytes=200 << 20),
    gil_share=0.25,
    queued_s=0.0,
    cores_usable=2,
    verdict=Verdict(kind="processes", gain="all_cores"),
)


def test_a_timing_in_words():
    """A line of figures, and one that says what they mean."""
    assert str(TIMING).splitlines() == [
        (
            "load <b>: 2.00 s, CPU 500 ms + 3.00 s in children, 1.8 of 2 cores in use, waiting 0 %, GIL held 25 %, "
            "peak memory 200 MiB"
        ),
        "  it computed in other processes: it uses all the cores that there are; only less work would be faster",
    ]


def test_what_is_not_known_is_not_told():
    """No word of children, GIL and memory where there is nothing to say."""
    timing = Timing(
        label="x",
        usage=Usage(wall_s=2.0, cpu_own_s=2.0, cpu_children_s=0.0),
        gil_share=None,
        queued_s=0.0,
        cores_usable=1,
        verdict=Verdict(kind="one_core", gain="one_core_only", hindrance="throttled"),
        failed="ValueError",
    )
    assert str(timing).splitlines() == [
        "x (ValueError): 2.00 s, CPU 2.00 s, 1.0 of 1 core in use, waiting 0 %",
        (
            "  it computed on one core: there is one core, so that company would not help; the cgroup's quota stopped "
            "it for a while"
        ),
    ]


@pytest.mark.parametrize(("words", "names"), [(KINDS, Kind), (GAINS, Gain), (HINDRANCES, Hindrance)])
def test_there_are_words_for_every_verdict(words, names):
    """Each kind, gain and hindrance has its words."""
    assert set(words) == set(typing.get_args(names))


def test_a_notebook_shows_a_table_and_the_label_is_escaped():
    """What a user has named so is text, and no HTML."""
    shown = TIMING._repr_html_()
    assert "load &lt;b&gt;" in shown
    assert "<b>load <b>" not in shown
    assert "it computed in other processes" in shown


def test_a_timing_is_plain_data_and_comes_back():
    """Also with others inside; a file from elsewhere is refused."""
    outer = Timing(
        label="outer",
        usage=TIMING.usage,
        gil_share=None,
        queued_s=0.0,
        cores_usable=2,
        verdict=TIMING.verdict,
        within=(TIMING,),
    )
    assert Timing.from_dict(outer.to_dict()) == outer
    assert outer.to_dict()["usage"]["cpu_s"] == 3.5
    with pytest.raises(InputError, match="should be a Timing"):
        Timing.from_dict({})


def test_what_is_inside_is_moved_to_the_right():
    """Two places for each timer around it."""
    assert indented("a\n  b", 2) == "    a\n      b"


def test_the_waiting_share_is_what_is_left_of_the_time():
    """Neither a core in use nor one that was waited for."""
    usage = Usage(wall_s=2.0, cpu_own_s=0.5, cpu_children_s=0.0)
    verdict = TIMING.verdict
    timing = Timing(label="", usage=usage, gil_share=None, queued_s=0.5, cores_usable=2, verdict=verdict)
    assert (timing.waiting_share, timing.cores, timing.wall_s, timing.cpu_s) == (0.5, 0.25, 2.0, 0.5)
