"""A Source over packets that are held in memory: it can be read any number of times, also where they came through a pipe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from netviz.capture.batch import PADDING, Batch, Ints
from netviz.capture.metadata import Metadata

__all__ = ["Held", "compact"]


class Held:
    """Batches in their order, as `compact` made them."""

    streaming = False
    progress = 1.0
    size = 0

    def __init__(self, name: str, metadata: Metadata, batches: list[Batch]) -> None:
        self.name = name
        self.metadata = metadata
        self._batches = batches

    def stop(self) -> None:
        """All has come."""

    def again(self) -> Held:
        """The same once more."""
        return self

    def __iter__(self) -> Iterator[Batch]:
        return iter(self._batches)

    def batch(self, number: int) -> Batch | None:
        """The Batch that holds a packet."""
        return next((batch for batch in self._batches if batch.first <= number < batch.first + len(batch)), None)


def compact(batch: Batch, rows: Ints) -> Batch:
    """The same Batch with these rows alone to look at, in a buffer that holds nothing but their bytes.

    Rows keep the numbers that they have; ``rows`` rise.
    """
    captured = np.zeros(len(batch), np.int64)
    captured[rows] = batch.captured[rows]
    packets = b"".join(batch.packet(batch.first + row) for row in rows.tolist())
    return replace(
        batch,
        buffer=np.frombuffer(packets + bytes(PADDING), np.uint8),
        offset=np.cumsum(captured) - captured,
        captured=captured,
        wire=batch.wire.copy(),  # nothing of what was read is kept alive by a part of it
        time=batch.time.copy(),
        kept=None if len(rows) == len(batch) else rows,
    )
