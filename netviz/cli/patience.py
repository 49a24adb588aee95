"""The first Ctrl-C ends the reading of what streams, and what was read is told; the second ends netviz."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

from netviz.capture.source import Source

__all__ = ["Patience"]


class Patience:
    """``over`` once the user has had enough; where nothing is streaming, Ctrl-C ends netviz at once, as elsewhere."""

    def __init__(self, source: Source) -> None:
        self.over = False
        self._source = source
        self._before: Any = signal.default_int_handler

    def __enter__(self) -> Patience:
        if self._source.streaming:
            self._before = signal.signal(signal.SIGINT, self._enough)
        return self

    def __exit__(self, *_: object) -> None:
        if self._source.streaming:
            signal.signal(signal.SIGINT, self._before)

    def _enough(self, number: int, frame: FrameType | None) -> None:
        self.over = True
        signal.signal(signal.SIGINT, self._before)
        self._source.stop()
