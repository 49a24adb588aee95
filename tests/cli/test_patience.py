"""Ctrl-C while a pipe is read."""

from __future__ import annotations

import signal

import pytest

from netviz.capture.file import Files
from netviz.cli.patience import Patience
from tests.conftest import CAPTURES


class _Source(Files):
    """Streams, or does not, and notes that it was told to stop."""

    def __init__(self, streaming: bool) -> None:
        super().__init__([CAPTURES["refused"]])
        self.streaming = streaming
        self.stopped = 0

    def stop(self) -> None:
        self.stopped += 1


def test_the_first_time_it_is_noted_the_second_time_it_ends() -> None:
    source = _Source(True)
    with Patience(source) as patience:
        assert (patience.over, source.stopped) == (False, 0)
        signal.raise_signal(signal.SIGINT)
        assert (patience.over, source.stopped) == (True, 1)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_a_file_is_left_at_once() -> None:
    with Patience(_Source(False)) as patience, pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert not patience.over


@pytest.mark.parametrize("streaming", [False, True])
def test_all_is_as_before_when_it_is_over(streaming: bool) -> None:
    before = signal.getsignal(signal.SIGINT)
    with Patience(_Source(streaming)):
        pass
    assert signal.getsignal(signal.SIGINT) is before
