"""Signals become requests to stop."""

import signal

import pytest

from harness.training.interrupt import requested_stop


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_is_a_request_that_the_loop_answers(number):
    before = signal.getsignal(number)
    with requested_stop() as stop:
        assert stop() is None
        signal.raise_signal(number)
        assert stop() == number
    assert signal.getsignal(number) == before


def test_a_closed_terminal_is_no_reason_to_stop_under_nohup():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with requested_stop() as stop:
            signal.raise_signal(signal.SIGHUP)
            assert stop() is None
    finally:
        signal.signal(signal.SIGHUP, before)
