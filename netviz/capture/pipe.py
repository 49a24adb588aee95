"""A capture that comes through a pipe: ``tcpdump -U -w - | netviz handshake -``."""

from __future__ import annotations

import io
import os
import select
import sys
import time
from collections.abc import Iterator

from netviz.capture.batch import Batch
from netviz.capture.metadata import Metadata
from netviz.capture.stream import read_capture
from netviz.errors import NetvizError

__all__ = ["Pipe"]

#: After so many seconds of silence an empty Batch is given, so that what is over can be told.
_SILENCE = 0.5

#: Seconds that are left to whoever writes, once it was told to end.
_REST = 1.0


class Pipe:
    """A Source that reads what is there as soon as it is there."""

    streaming = True
    progress = None
    size = 0
    name = "standard input"

    def __init__(self, descriptor: int = 0) -> None:
        if os.isatty(descriptor):
            hint = "pipe a capture into it: sudo tcpdump -i lo --immediate-mode -U -w - | netviz handshake -"
            raise NetvizError("standard input is a terminal, not a capture", hint)
        self.metadata = Metadata()
        self._ends: float | None = None
        self._file = io.FileIO(descriptor, closefd=False)

    def again(self) -> None:
        """What came through a pipe is gone."""

    def stop(self) -> None:
        """Read what is under way: whoever writes was told to end, too (Ctrl-C reaches both), and has a rest to write."""
        self._ends = time.monotonic() + _REST

    def __iter__(self) -> Iterator[Batch]:
        return read_capture(self._read, self.name, self.metadata)

    def _read(self, view: memoryview) -> int | None:
        wait = _SILENCE if self._ends is None else max(min(self._ends - time.monotonic(), _SILENCE), 0)
        # select() knows pipes on POSIX only; elsewhere a read waits until something comes.
        if sys.platform != "win32" and not select.select([self._file], [], [], wait)[0]:
            return None if wait or self._ends is None else 0
        return self._file.readinto(view) or 0
