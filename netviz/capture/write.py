"""A capture that is written while it is read: what came through the pipe goes into a file, block by block."""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path

from netviz.errors import NetvizError

__all__ = ["Recording", "mend"]

_HEAD = struct.Struct("=II")


class Recording:
    """A file that grows; ``trouble`` says why it does not any more."""

    def __init__(self, path: str) -> None:
        self.name = path
        self.size = 0
        self.trouble = ""
        try:
            # Unbuffered: what was written is there, whatever becomes of this process.
            self._file = open(path, "wb", buffering=0)  # noqa: SIM115
        except OSError as error:
            raise NetvizError(f"cannot write {path}: {error.strerror}") from error

    def write(self, data: memoryview) -> None:
        """Write all of it, or stop for good."""
        if self.trouble:
            return
        try:
            while data:
                done = self._file.write(data) or 0
                self.size += done
                data = data[done:]
        except OSError as error:
            self.trouble = f"{self.name}: {error.strerror}: nothing is written any more"

    def close(self) -> None:
        """Close it behind its last whole block."""
        self._file.close()
        if os.path.isfile(self.name):
            mend(Path(self.name))


def mend(path: Path) -> int:
    """Cut a pcapng file of this machine’s byte order behind its last whole block; how many bytes that took off."""
    size = path.stat().st_size
    if not size:
        return 0
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
        at = 0
        while at + 12 <= size:
            length = _HEAD.unpack_from(view, at)[1]
            if length < 12 or at + length > size:
                break
            at += length
    if at < size:
        os.truncate(path, at)
    return size - at
