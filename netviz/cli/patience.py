"""The first Ctrl-C ends the reading of a pipe, and what was read is told; the second ends netviz."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

__all__ = ["Patience"]


class Patience:
    """``over`` once the user has had enough; where nothing is streaming, Ctrl-C ends netviz at once, as elsewhere."""

    def __init__(self, streaming: bool) -> None:
        self.over = False
        self._streaming = streaming
        self._before: Any = signal.default_int_handler

    def __enter__(self) -> Patience:
        if self._streaming:
            self._before = signal.signal(signal.SIGINT, self._enough)
        return self

    def __exit__(self, *_: object) -> None:
        if self._streaming:
            signal.signal(signal.SIGINT, self._before)

    def _enough(self, number: int, frame: FrameType | None) -> None:
        self.over = True
        signal.signal(signal.SIGINT, self._before)
