"""A capture that comes through a pipe: ``tcpdump -U -w - | netviz handshake -``."""

from __future__ import annotations

import io
import os
import select
import sys
from collections.abc import Iterator

from netviz.capture.batch import Batch
from netviz.capture.metadata import Metadata
from netviz.capture.stream import read_capture
from netviz.errors import NetvizError

__all__ = ["Pipe"]

#: After so many seconds of silence an empty Batch is given, so that what is over can be told.
_SILENCE = 0.5


class Pipe:
    """A Source that reads what is there as soon as it is there."""

    streaming = True
    progress = None
    size = 0
    name = "standard input"

    def __init__(self, descriptor: int = 0) -> None:
        if os.isatty(descriptor):
            hint = "pipe a capture into it: sudo tcpdump -i lo -U -w - | netviz handshake -"
            raise NetvizError("standard input is a terminal, not a capture", hint)
        self.metadata = Metadata()
        self._file = io.FileIO(descriptor, closefd=False)

    def again(self) -> None:
        """What came through a pipe is gone."""

    def __iter__(self) -> Iterator[Batch]:
        return read_capture(self._read, self.name, self.metadata)

    def _read(self, view: memoryview) -> int | None:
        # select() knows pipes on POSIX only; elsewhere a read waits until something comes.
        if sys.platform != "win32" and not select.select([self._file], [], [], _SILENCE)[0]:
            return None
        return self._file.readinto(view) or 0
