"""A worker that dies costs the item that killed it, and nothing else."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
from hypothesis import strategies as st

from poolwise.errors import WorkerDiedError
from poolwise.model.failure import Failure
from poolwise.testing import ALWAYS, Script
from tests.contract import functions
from tests.contract.ways import FAKE, FORK, FORK_COROUTINES, FORKSERVER, PROCESSES, SPAWN, Way, on

COUNT = 20
chunksizes = st.one_of(st.none(), st.integers(1, 12))
on_mortal = on(*PROCESSES, FORK_COROUTINES, FAKE)
on_mortal_core = on(*PROCESSES, FORK_COROUTINES, FAKE, core=True)


def deadly(way: Way, folder: Path | None, how, bad: frozenset):
    """Give a function that ends its process on some items: each time, or (with a folder) the first time only."""
    if way.faked:
        way.script = Script(dies=dict.fromkeys(bad, 1 if folder else ALWAYS))
        return functions.echo
    if folder is None:
        return functools.partial(functions.die_on, how, bad)
    return functools.partial(functions.die_once, folder, how, bad)


@on_mortal_core
@pytest.mark.parametrize("verb", ["map", "imap"])
def test_killed_once_costs_nothing_but_time(way: Way, tmp_path: Path, verb: str):
    """Workers that are killed once on an item lose nothing: it runs again."""
    function = deadly(way, tmp_path, functions.kill_self, frozenset({3, 11}))
    assert list(getattr(way, verb)(function, range(COUNT))) == list(range(COUNT))


@on(FORK, FAKE)
def test_killed_once_anywhere_costs_nothing_but_time(way: Way, tmp_path: Path):
    """Wherever in its chunk the item is, however large the chunks, in whatever order results are wanted."""
    folders = iter(range(1_000_000))

    @way.for_all(bad=st.frozensets(st.integers(0, COUNT - 1), max_size=3), chunksize=chunksizes, ordered=st.booleans())
    def _(bad, chunksize, ordered):
        folder = tmp_path / str(next(folders))
        folder.mkdir()
        function = deadly(way, folder, functions.kill_self, bad)
        results = way.map(function, range(COUNT), chunksize=chunksize, ordered=ordered)
        assert sorted(results) == list(range(COUNT))


@on_mortal
@pytest.mark.parametrize("chunksize", [None, 1, 7])
def test_killed_each_time_is_that_items_failure(way: Way, chunksize):
    """An item that kills its worker each time is a WorkerDiedError in its place; all others have their results."""
    bad = frozenset({0, 5, COUNT - 1})
    function = deadly(way, None, functions.kill_self, bad)
    results = way.map(function, range(COUNT), errors="collect", chunksize=chunksize)
    assert [offset if isinstance(each, Failure) else each for offset, each in enumerate(results)] == [*range(COUNT)]
    assert [(each.index, type(each.error)) for each in results.failures] == [
        (index, WorkerDiedError) for index in sorted(bad)
    ]
    assert results.report.deaths >= 2 * len(bad)


@on_mortal
@pytest.mark.parametrize("verb", ["map", "imap"])
def test_killed_each_time_is_raised(way: Way, verb: str):
    """With ``errors="raise"`` the death ends the run, and a note names the item."""
    function = deadly(way, None, functions.kill_self, frozenset({5}))
    with pytest.raises(WorkerDiedError) as caught:
        list(getattr(way, verb)(function, range(COUNT)))
    assert caught.value.__notes__ == ["poolwise: on item 5: 5"]


@on(*PROCESSES, core=True)
@pytest.mark.parametrize(
    ("how", "words"), [(functions.kill_self, "SIGKILL"), (functions.exit_7, "exit code 7")], ids=["SIGKILL", "_exit"]
)
def test_a_death_says_how_it_came(way: Way, how, words: str):
    """The error names the signal or the exit code."""
    with pytest.raises(WorkerDiedError, match=words) as caught:
        way.map(deadly(way, None, how, frozenset({5})), range(COUNT))
    assert caught.value.__notes__ == ["poolwise: on item 5: 5"]


@on(*PROCESSES)
def test_a_death_says_how_often_it_was_tried(way: Way):
    """A suspect is tried a second time alone, and the Failure says so, whatever ``retries`` would allow."""
    function = deadly(way, None, functions.kill_self, frozenset({5}))
    results = way.map(function, range(COUNT), errors="collect", retries=3)
    assert [(each.index, each.attempts) for each in results.failures] == [(5, 2)]


@on_mortal
def test_imap_goes_on_past_deaths(way: Way):
    """``imap`` over a generator hands on everything else, in order."""
    bad = frozenset({2, 3, 13})
    results = way.imap(deadly(way, None, functions.kill_self, bad), iter(range(COUNT)), errors="skip")
    assert list(results) == [item for item in range(COUNT) if item not in bad]


@on(FORK, FAKE)
def test_all_items_kill(way: Way):
    """Even where every item kills its worker, each is told by name and the run ends."""
    function = deadly(way, None, functions.exit_7, frozenset(range(6)))
    results = way.map(function, range(6), errors="collect")
    assert [type(each.error) for each in results] == [WorkerDiedError] * 6


@on(FORK, FORKSERVER, SPAWN)
def test_dying_beside_a_finished_neighbour(way: Way, tmp_path: Path):
    """Items that were called again because their worker died are the dead one's neighbours only."""
    path = tmp_path / "calls"
    function = functools.partial(note_and_die, path, frozenset({10}))
    results = way.map(function, range(COUNT), errors="skip", chunksize=1)
    assert results == [item for item in range(COUNT) if item != 10]
    assert sorted(map(int, functions.lines(path))) == sorted([*range(COUNT), 10])


def note_and_die(path: Path, bad: frozenset, item):
    """Leave a line, then die on some items."""
    functions.note(path, item)
    return functions.die_on(functions.exit_7, bad, item)
