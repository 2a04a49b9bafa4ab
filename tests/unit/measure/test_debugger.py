"""Who is a debugger: what stops a program, and no other tracer."""

from __future__ import annotations

import bdb
import sys
import threading
import trace

import pytest

from poolwise.measure import debugger
from poolwise.measure.debugger import debugger_here, debugger_in


class Debugger(bdb.Bdb):
    """Looks on, and never stops."""

    def trace_dispatch(self, *_: object) -> None:
        """Pass over everything."""


@pytest.fixture
def tracing():
    """Trace by whatever a test wants; then as before."""
    before = sys.gettrace()
    yield sys.settrace
    sys.settrace(before)


def test_nobody_looks_on(tracing) -> None:
    """No tracer, no debugger."""
    tracing(None)
    assert debugger_here() is None
    assert debugger_in(threading.get_ident()) is None


def test_a_debugger_is_named_by_where_it_comes_from(tracing) -> None:
    """Anything that is made of bdb: pdb, ipdb, pudb."""
    tracing(Debugger().trace_dispatch)
    found = debugger_here()
    tracing(None)
    assert found == __name__.partition(".")[0]


@pytest.mark.parametrize("tracer", [lambda *_: None, trace.Trace().globaltrace])
def test_other_tracers_are_none(tracing, tracer) -> None:
    """Coverage, ``trace``, a function of one's own."""
    tracing(tracer)
    found = debugger_here()
    tracing(None)
    assert found is None


def test_a_debugger_that_has_stopped_in_another_thread_is_seen(tracing) -> None:
    """By the frames of the thread that it has stopped in."""
    stopped, go_on = threading.Event(), threading.Event()

    def debugged() -> None:
        sys._getframe().f_trace = Debugger().trace_dispatch
        stopped.set()
        go_on.wait()

    thread = threading.Thread(target=debugged)
    thread.start()
    stopped.wait()
    assert thread.ident is not None
    found = debugger_in(thread.ident)
    go_on.set()
    thread.join()
    assert found == __name__.partition(".")[0]
    assert debugger_in(thread.ident) is None


@pytest.mark.skipif(not hasattr(sys, "monitoring"), reason="sys.monitoring is of Python 3.12 and newer")
def test_a_debugger_by_events_is_named(tracing) -> None:
    """By the name that it gives itself; pdb's is not for people."""
    tracing(None)
    monitoring = sys.monitoring
    if monitoring.get_tool(monitoring.DEBUGGER_ID) is not None:
        pytest.skip("a real one looks on")
    for name, told in (("pydevd", "pydevd"), ("bdbtracer", "pdb")):
        monitoring.use_tool_id(monitoring.DEBUGGER_ID, name)
        found = debugger_here()
        monitoring.free_tool_id(monitoring.DEBUGGER_ID)
        assert found == told


def test_a_debugger_that_reads_its_settings_is_one(tracing) -> None:
    """It traces nothing yet, and is about to."""
    tracing(None)
    begun, go_on = threading.Event(), threading.Event()
    inside: dict[str, object] = {"__name__": "pdb", "begun": begun, "go_on": go_on}
    exec("def read_settings():\n    begun.set()\n    go_on.wait(10)", inside)  # noqa: S102 - its frames say pdb
    thread = threading.Thread(target=inside["read_settings"])
    thread.start()
    begun.wait(10)
    found = debugger_in(thread.ident or 0)
    go_on.set()
    thread.join()
    assert found == "pdb"


def test_a_debugger_that_is_being_imported_is_waited_for(monkeypatch) -> None:
    """For a moment: a library may import it that stops nobody."""
    for name in debugger.PDB:
        monkeypatch.delitem(sys.modules, name, raising=False)
    coming = debugger.Coming()
    assert not coming.is_coming()
    monkeypatch.setitem(sys.modules, "bdb", bdb)
    assert coming.is_coming()
    monkeypatch.setattr(debugger, "COMES_WITHIN_S", 0.0)
    assert not coming.is_coming()
    assert not debugger.Coming().is_coming()
