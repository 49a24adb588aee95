"""Ctrl-C while a pipe is read."""

from __future__ import annotations

import signal

import pytest

from netviz.cli.patience import Patience


def test_the_first_time_it_is_noted_the_second_time_it_ends() -> None:
    with Patience(streaming=True) as patience:
        assert not patience.over
        signal.raise_signal(signal.SIGINT)
        assert patience.over
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_a_file_is_left_at_once() -> None:
    with Patience(streaming=False) as patience, pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert not patience.over


@pytest.mark.parametrize("streaming", [False, True])
def test_all_is_as_before_when_it_is_over(streaming: bool) -> None:
    before = signal.getsignal(signal.SIGINT)
    with Patience(streaming):
        pass
    assert signal.getsignal(signal.SIGINT) is before
