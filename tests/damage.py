"""Captures that were damaged, and captures that lie in memory as Sources."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator

from netviz.capture.batch import Batch
from netviz.capture.metadata import Metadata
from netviz.capture.stream import read_capture

__all__ = ["Memory", "mutated"]


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Some bytes changed, left out or repeated, behind the file header."""
    made = bytearray(data)
    for _ in range(rng.choice([1, 3, 10, 40])):
        at = rng.randrange(24, len(made) - 1)
        end = min(len(made), at + rng.randrange(1, 200))
        match rng.randrange(4):
            case 0:
                made[at] = rng.randrange(256)
            case 1:
                made[at] ^= 1 << rng.randrange(8)
            case 2 if len(made) > 1000:
                del made[at:end]
            case _:
                made[at:at] = made[at:end]
    return bytes(made)


class Memory:
    """A Source over the bytes of a capture."""

    streaming = False
    progress = None
    size = 0
    name = "memory"

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.metadata = Metadata()

    def stop(self) -> None:
        """All has come."""

    def again(self) -> Memory:
        """The same once more."""
        return Memory(self._data)

    def __iter__(self) -> Iterator[Batch]:
        return read_capture(io.BytesIO(self._data).readinto, self.name, self.metadata)
