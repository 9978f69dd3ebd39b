"""Ctrl-C and its like: one kind of exception, which waits while a child process gets its name."""

import signal

import pytest

from mobilenet.common import interrupts


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def test_ctrl_c_waits_until_it_is_let_through() -> None:
    reached = []

    def interrupted() -> None:
        with interrupts.held_back() as let_through:
            interrupt()
            reached.append("past the signal")
            try:
                let_through()
                reached.append("past the call")
            finally:
                reached.append("cleaned up")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert reached == ["past the signal", "cleaned up"]
    with pytest.raises(KeyboardInterrupt):  # the handler that was there is back
        interrupt()


def test_the_end_of_the_block_lets_through() -> None:
    with pytest.raises(KeyboardInterrupt), interrupts.held_back():
        interrupt()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_other_signals_are_like_ctrl_c(number: signal.Signals, code: int) -> None:
    before = signal.getsignal(number)
    with interrupts.raised() as ignore_further:
        with pytest.raises(KeyboardInterrupt) as caught:
            signal.raise_signal(number)
        assert isinstance(caught.value, interrupts.Terminated)
        assert caught.value.exit_code == code
        ignore_further()
        for each in interrupts.SIGNALS:
            signal.raise_signal(each)
    assert signal.getsignal(number) is before
    with pytest.raises(KeyboardInterrupt):
        interrupt()


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupts.raised(), interrupts.held_back():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
            interrupt()
    finally:
        signal.signal(signal.SIGINT, before)
