"""The notebook of the examples runs from top to bottom in a real kernel; its last cell asserts what came out."""

from __future__ import annotations

import pytest

from tests.docs.pages import ROOT

nbformat = pytest.importorskip("nbformat", reason="comes with the dev extra")
nbclient = pytest.importorskip("nbclient", reason="comes with the dev extra")

NOTEBOOK = ROOT / "examples" / "poolwise.ipynb"
# A cell that takes longer hangs.
WATCHDOG_S = 40


def outputs_of(notebook) -> str:
    """Give all that its cells have shown as text."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "\n".join(output.get("text") or output["data"]["text/plain"] for output in outputs)


def test_the_notebook_runs_and_shows_its_timings(tmp_path) -> None:
    """No cell fails; the words are those of the timings and of the report."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=WATCHDOG_S, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    told = outputs_of(notebook)
    assert "one after the other: " in told
    assert "it waited, and hardly computed" in told
    assert "process_time() says" in told
    assert "in children" in told


def test_the_notebook_as_it_is_kept_has_run_and_names_no_machine() -> None:
    """Who reads it without running it sees what came out, and no path of whoever ran it."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert "one after the other: " in outputs_of(notebook)
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert [word for word in ("/home/", "/root/", "ipykernel_", "site-packages") if word in text] == []
    assert isinstance(notebook.cells[-1].source, str)
    assert notebook.cells[-1].source.startswith("assert ")
