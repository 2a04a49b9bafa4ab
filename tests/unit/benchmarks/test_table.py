"""The tables of the benchmark against the peers."""

from __future__ import annotations

from benchmarks.peers.parts import BY_NAME
from benchmarks.peers.results import Row, Variant
from benchmarks.peers.table import show_part

EXPECTED = """\
**submit**: 20,000 single tasks x + 1 by submit, then all results; on a warm pool

| way      |    time | tasks/s |          × floor |       × poolwise | remarks                              |
|----------|--------:|--------:|-----------------:|-----------------:|--------------------------------------|
| floor    | 0.150 s | 133,333 | 1.00 (1.00–1.00) | 0.38 (0.25–0.50) |                                      |
| poolwise | 0.400 s |  50,000 | 3.00 (2.00–4.00) | 1.00 (1.00–1.00) |                                      |
| mpire    |       – |       – |                – |                – | FAILED: hangs / breaks, in two lines |"""


def test_a_table_shows_medians_ratios_and_what_went_wrong():
    """Who failed stays in the table with its reason; nothing that it says can break the table."""
    rows = [
        Row(Variant(label="floor", peer="floor"), [{"seconds": 0.1}, {"seconds": 0.2}]),
        Row(Variant(label="poolwise", peer="poolwise"), [{"seconds": 0.4}, {"seconds": 0.4}]),
        Row(Variant(label="mpire", peer="mpire"), [{"failed": "hangs | breaks,\nin two lines"}] * 2),
    ]
    assert show_part(BY_NAME["submit"], rows) == EXPECTED


def test_a_tuned_peer_says_its_chunk_size():
    """The reader sees which chunk size was the best one, and that a peer's own choice was."""
    found = Row(Variant(label="mp.Pool", peer="mp.Pool", chunk=7_812), [{"seconds": 1.0}], {"7812": 1.0})
    own = Row(Variant(label="joblib", peer="joblib"), [{"seconds": 1.0, "note": "a note"}], {"its own": 1.0})
    table = show_part(BY_NAME["dispatch-cold"], [found, own])
    assert "| chunks of 7,812 " in table
    assert "| its own chunk size; a note |" in table
