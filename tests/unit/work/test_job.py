"""The initializer: whatever it raises is told as its failure."""

from __future__ import annotations

import threading

import pytest

from poolwise.errors import InitializerError
from poolwise.work.call import Call
from poolwise.work.items import make_items
from poolwise.work.job import Job


def job(initializer=None, *initargs) -> Job:
    """Make a job with an initializer."""
    return Job(call=Call(abs), items=make_items(([1],)), initializer=initializer, initargs=initargs)


def raiser(error):
    """Give an initializer that raises."""

    def initialize():
        raise error

    return initialize


def test_it_is_called_with_its_arguments():
    """The initializer gets ``initargs``; without one nothing happens."""
    called = []
    job(lambda *arguments: called.append(arguments), 1, 2).initialize()
    job().initialize()
    assert called == [(1, 2)]


@pytest.mark.parametrize("error", [ValueError("bad"), SystemExit(3), BaseException("bad")], ids=repr)
def test_what_it_raises_is_the_cause(error):
    """Any exception, ``sys.exit`` included, becomes an InitializerError that has it as its cause."""
    with pytest.raises(
        InitializerError, match=f"initialize raised {type(error).__name__}: {error}; no worker"
    ) as caught:
        job(raiser(error)).initialize()
    assert caught.value.__cause__ is error


def test_ctrl_c_goes_through_the_main_thread():
    """KeyboardInterrupt here is the person at the keyboard; in another thread it is the initializer's failure."""
    interrupted = job(raiser(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        interrupted.initialize()
    seen = []

    def elsewhere() -> None:
        with pytest.raises(InitializerError):
            interrupted.initialize()
        seen.append("told")

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert seen == ["told"]
