"""Pictures with matplotlib, by its conventions."""

from __future__ import annotations

import sys

import pytest

from poolwise.errors import MissingExtraError
from poolwise.model.classes import replace
from tests.unit.report.made_up import make_race, make_report, make_stopped_sweep, make_sweep, make_timeline

matplotlib = pytest.importorskip("matplotlib", reason="comes with the extra plot")
VALUES = {
    "race": make_race(),
    "sweep": make_sweep(),
    "stopped": make_stopped_sweep(),
    "report": make_report(),
    "timeline": make_report(make_timeline()),
}


@pytest.fixture(autouse=True)
def plt():
    """Draw in memory; whatever was left open is closed."""
    matplotlib.use("agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415 - after the choice of where to draw

    yield plt
    plt.close("all")


@pytest.mark.parametrize("name", VALUES)
def test_plot_draws_into_the_given_axes(name, plt) -> None:
    """It returns the Axes that it was given, makes no other figure, and the picture can be drawn."""
    figure, ax = plt.subplots()
    assert VALUES[name].plot(ax) is ax
    assert plt.get_fignums() == [figure.number]
    figure.canvas.draw()
    assert ax.get_title()
    assert ax.get_xlabel()


@pytest.mark.parametrize("name", VALUES)
def test_plot_makes_a_figure_where_none_is_given(name, plt) -> None:
    """It makes one figure, shows nothing, and leaves the style as it was."""
    before = dict(matplotlib.rcParams)
    ax = VALUES[name].plot()
    ax.figure.canvas.draw()
    assert plt.get_fignums() == [ax.figure.number]
    assert dict(matplotlib.rcParams) == before


def test_bars_have_units_and_begin_at_zero() -> None:
    """The axis of a race starts at zero and names its unit; each way stands at its tick."""
    ax = make_race().plot()
    assert ax.get_xlim()[0] == 0
    assert ax.get_xlabel() == "wall time, median (s)"
    assert [tick.get_text() for tick in ax.get_yticklabels()][:3] == ["loop", "threads", "processes"]
    assert "1.20 s · fastest" in [text.get_text() for text in ax.texts]
    assert "> 12.0 s · stopped" in [text.get_text() for text in ax.texts]


def test_a_sweep_has_its_cores_and_its_law() -> None:
    """The legend names the measured points, the law, the cores; the axis of speed starts at zero."""
    ax = make_sweep().plot()
    named = [text.get_text() for text in ax.get_legend().get_texts()]
    assert {"4 usable cores", "Universal Scalability Law, fitted", "measured: median, least to most"} <= set(named)
    assert ax.get_ylim()[0] == 0
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1", "2", "4", "8", "16"]


def test_what_stopped_is_no_measured_point() -> None:
    """A number of workers that was stopped has a marker of its own, which the legend explains."""
    ax = make_stopped_sweep().plot()
    assert "stopped: at most this" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_without_matplotlib_the_error_names_the_extra(monkeypatch) -> None:
    """Where it is not installed, the error says what to install."""
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'poolwise\[plot\]'"):
        make_race().plot()


def test_a_name_is_no_formula(plt) -> None:
    """Dollars in a function's name, which matplotlib would read as TeX, are dollars."""
    figure, ax = plt.subplots()
    replace(make_race(), function="$x^{$").plot(ax)
    figure.canvas.draw()
    assert "$x^{$" in ax.get_title()
