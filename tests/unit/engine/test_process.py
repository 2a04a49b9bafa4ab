"""Signals that end a program are put off while processes are made or ended, whoever takes them."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from poolwise.engine.process import ENDING, blocked_signals


def interrupt_here() -> None:
    """Send this process a Ctrl-C, and give its handler every opportunity."""
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(100):
        time.sleep(0.0001)


def interrupt_within(depth: int, done: list[str]) -> None:
    """Send it within one block, or within two; note what is done nevertheless."""
    with blocked_signals():
        if depth > 1:
            with blocked_signals():
                interrupt_here()
                done.append("inner")
        else:
            interrupt_here()
        done.append("outer")


@pytest.mark.parametrize("others", [0, 1], ids=["alone", "with another thread, which takes it"])
@pytest.mark.parametrize("depth", [1, 2])
def test_ctrl_c_comes_when_all_is_done(others: int, depth: int) -> None:
    """Not in the middle, and not never; a block within a block ends with the outer one."""
    over = threading.Event()
    done: list[str] = []
    threads = [threading.Thread(target=over.wait) for _ in range(others)]
    for thread in threads:
        thread.start()
    handlers = {each: signal.getsignal(each) for each in ENDING}
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupt_within(depth, done)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert done == ["inner", "outer"][2 - depth :]
    assert {each: signal.getsignal(each) for each in ENDING} == handlers
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ()) & ENDING


def test_the_former_mask_is_told_and_put_back() -> None:
    """What the caller held back himself is still held back."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    try:
        with blocked_signals() as mask:
            assert signal.SIGUSR1 in mask
            assert signal.SIGINT not in mask
        assert signal.SIGUSR1 in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def test_in_another_thread_handlers_are_left_alone() -> None:
    """Only the main thread may change them, and only it runs them."""
    found: list[object] = []

    def block() -> None:
        with blocked_signals():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=block)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGINT)]
