"""How random streams are mixed and given to items."""

from __future__ import annotations

import contextvars
import hashlib
import pickle
import random
import threading

import pytest

from poolwise.work import dispatch, streams

np = pytest.importorskip("numpy")


def test_a_seed_and_an_index_give_the_documented_streams() -> None:
    """The mixing is BLAKE2b of the text "seed/index": what is written today is drawn tomorrow."""
    digest = hashlib.blake2b(b"12/3", digest_size=64).digest()
    words = np.frombuffer(digest[32:], "<u4").tolist()
    assert streams.mix(12, 3) == (int.from_bytes(digest[:32], "little"), words)


def test_seeds_and_indices_do_not_run_into_each_other() -> None:
    """No two of many pairs give the same stream, whichever digits are seed and which are index."""
    pairs = [(seed, index) for seed in range(120) for index in range(120)]
    assert len({streams.mix(*pair)[0] for pair in pairs}) == len(pairs)


def draws() -> tuple[float, float, float, float]:
    """Draw from everything that is seeded."""
    return random.random(), float(np.random.rand()), float(np.random.sample()), float(np.random.mtrand._rand.rand())


def test_seeding_the_process_and_own_streams_give_the_same_numbers() -> None:
    """Whichever way an item is given its stream, it draws the same; marks are still made."""
    marked: list[int] = []
    with streams.borrowed(5):
        streams.seeding(5, 10, marked.append)(2)
        expected = draws()
    dispatch.begin()
    try:
        own = streams.own_streams(5, 10, marked.append)
        assert contextvars.copy_context().run(lambda: (own(2), draws())[1]) == expected
    finally:
        dispatch.end()
    assert marked == [2, 2]


def test_without_a_seed_nothing_is_put_before_an_item() -> None:
    """The unseeded run has not one call more for each item."""
    assert streams.seeding(None, 3) is None
    assert streams.own_streams(None, 3) is None
    assert streams.seeding(None, 3, len) is len


def test_borrowed_generators_are_given_back() -> None:
    """The caller goes on with the numbers that it would have had."""
    random.seed(1)
    np.random.seed(1)
    expected = draws()
    random.seed(1)
    np.random.seed(1)
    with streams.borrowed(9):
        streams.seeding(9, 0)(0)
        draws()
    assert draws() == expected


def test_streams_of_threads_do_not_mix() -> None:
    """Threads that draw in turns each get the numbers that they would get alone."""
    barrier = threading.Barrier(2, timeout=20)
    drawn: dict[int, list[float]] = {}

    def work(index: int) -> None:
        streams.own_streams(1, 0)(index)
        for _ in range(5):
            barrier.wait()
            drawn.setdefault(index, []).append(random.random())

    dispatch.begin()
    try:
        threads = [threading.Thread(target=work, args=(index,)) for index in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        dispatch.end()
    alone = [random.Random(streams.mix(1, index)[0]) for index in range(2)]
    assert drawn == {index: [rng.random() for _ in range(5)] for index, rng in enumerate(alone)}


def test_the_last_run_puts_the_originals_back() -> None:
    """Runs may overlap; until the last ends the functions dispatch, and then they are the very originals."""
    before = {name: getattr(random, name) for name in ("random", "randint", "shuffle", "seed")}
    numpy_before = (np.random.rand, np.random.seed, type(np.random.mtrand))
    dispatch.begin()
    dispatch.begin()
    dispatch.end()
    assert random.random is not before["random"]
    dispatch.end()
    assert {name: getattr(random, name) for name in before} == before
    assert (np.random.rand, np.random.seed, type(np.random.mtrand)) == numpy_before


def test_a_thread_that_was_left_behind_replaces_nothing_after_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last run ends in the moment in which an item that it has given up looks for NumPy: nobody puts that back."""
    before = (np.random.rand, type(np.random.mtrand))
    monkeypatch.setattr(dispatch, "numpy_random", lambda: None)
    dispatch.begin()
    monkeypatch.setattr(dispatch, "numpy_random", lambda: dispatch.end() or np.random)
    dispatch.look_again()
    assert (np.random.rand, type(np.random.mtrand)) == before
    assert dispatch._patches.originals == {}


def test_who_finds_numpy_taken_in_finds_all_of_it_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread that looks meanwhile, and draws next, must not meet a function that is not replaced yet."""
    seen, replace = [], dispatch._replace
    monkeypatch.setattr(dispatch, "_replace", lambda *args: seen.append(dispatch._patches.numpy) or replace(*args))
    dispatch.begin()
    dispatch.end()
    assert seen == [False, False]


def test_what_somebody_else_has_put_there_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that was replaced meanwhile is not replaced back."""
    dispatch.begin()
    original = dispatch._patches.originals[random, "gauss"][0]
    stand_in = lambda mu, sigma: 4.0  # noqa: E731
    monkeypatch.setattr(random, "gauss", stand_in)
    dispatch.end()
    found = random.gauss
    monkeypatch.undo()
    random.gauss = original
    assert found is stand_in


def test_outside_of_items_the_process_draws_as_before() -> None:
    """While a seeded run is under way elsewhere, this thread draws from the process's generator."""
    random.seed(3)
    expected = random.random()
    random.seed(3)
    dispatch.begin()
    try:
        assert random.random() == expected
        assert pickle.loads(pickle.dumps(random.gauss)) is random.gauss
    finally:
        dispatch.end()


def test_an_item_may_seed_its_own_stream() -> None:
    """``random.seed`` and ``numpy.random.seed`` in an item are its own affair."""
    state = random.getstate()
    dispatch.begin()
    try:

        def item():
            streams.own_streams(1, 0)(0)
            random.seed(7)
            np.random.seed(7)
            return random.random(), float(np.random.rand())

        assert contextvars.copy_context().run(item) == (
            random.Random(7).random(),
            float(np.random.RandomState(7).rand()),
        )
    finally:
        dispatch.end()
    assert random.getstate() == state
