"""The segments of a Table grouped by their two endpoints, each group in packet order."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netviz.capture.batch import NO_TIME, Ints
from netviz.table import Table

__all__ = ["Flows", "Item"]

#: Group, position in sorted order, packet, time, side, flags, seq, ack, window, length; then where payload and options
#: start and stop in the buffer.
Item = tuple[int, int, int, "int | None", int, int, int, int, int, int, int, int, int, int]

#: The bits of a sort key that hold the row: a buffer of records.LARGEST bytes, doubled, has fewer records than this.
_ROW = np.uint64((1 << 22) - 1)

_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))


class Flows:
    """Groups of rows: ``order`` holds the rows group by group, ``begin`` and ``end`` where each group lies in it, ``group``
    the group of each row.

    A side is 0 where the segment's source has the lower endpoint code, else 1; ``side`` holds it for each row of the Table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self.side = table.source > table.target
        low, high = np.minimum(table.source, table.target), np.maximum(table.source, table.target)
        mixed = low * _MIX[0]
        mixed ^= mixed >> np.uint64(29)
        mixed += high * _MIX[1]
        mixed ^= mixed >> np.uint64(32)
        # Sorting numbers that hold their row in the lower bits is several times faster than a stable argsort.  Pairs of
        # endpoints that collide in the upper bits become groups that alternate, still in packet order.
        mixed &= ~_ROW
        mixed |= np.arange(len(mixed), dtype=np.uint64)
        mixed.sort()
        self.order = (mixed & _ROW).astype(np.int64)
        self._low, self._high = low[self.order], high[self.order]
        changes = (self._low[1:] != self._low[:-1]) | (self._high[1:] != self._high[:-1])
        self.begin = np.concatenate(([0], np.flatnonzero(changes) + 1))
        self.end = np.append(self.begin[1:], len(self.order))
        sizes = self.end - self.begin
        self.group = np.empty(len(self.order), np.int64)
        self.group[self.order] = np.repeat(np.arange(len(sizes)), sizes)

    def keys(self) -> list[tuple[int, int]]:
        """The endpoint codes of each group, lower first."""
        return list(zip(self._low[self.begin].tolist(), self._high[self.begin].tolist(), strict=True))

    def items(self, positions: Ints) -> Iterator[Item]:
        """The segments at these positions as tuples of Python values."""
        table, tcp, batch = self._table, self._table.tcp, self._table.batch
        index = self.order[positions]
        rows = tcp.row[index]
        times = batch.time[rows].tolist()
        if NO_TIME in times:
            times = [None if time == NO_TIME else time for time in times]
        payload, options = tcp.payload[index], tcp.at[index] + 20
        captured_end = batch.offset[rows] + batch.captured[rows]
        return zip(
            (np.searchsorted(self.begin, positions, "right") - 1).tolist(),
            positions.tolist(),
            (rows + table.batch.first).tolist(),
            times,
            self.side[index].astype(np.int64).tolist(),
            *(column[index].tolist() for column in (tcp.flags, tcp.seq, tcp.ack, tcp.window, tcp.length)),
            payload.tolist(),
            (payload + tcp.captured[index]).tolist(),
            options.tolist(),
            np.minimum(payload, captured_end).tolist(),
            strict=True,
        )
