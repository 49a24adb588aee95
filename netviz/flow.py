"""The segments of a Table grouped by their two endpoints, each group in packet order."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from netviz.capture.batch import NO_TIME, Ints
from netviz.layers.tcp.segment import FIN, RST, SYN
from netviz.table import Table

__all__ = ["Flows", "Item"]

#: Group, position in sorted order, packet, time, side, flags, seq, ack, window, length; then where payload and options
#: start and stop in the buffer.
Item = tuple[int, int, int, "int | None", int, int, int, int, int, int, int, int, int, int]

#: How many segments behind a SYN, a FIN, or the start of a connection that is attentive are given without being asked.
_AFTER_SYN, _AFTER_FIN, _AT_START = 4, 2, 6

#: The bits of a sort key that hold the row: a buffer of records.LARGEST bytes, doubled, has fewer records than this.
_ROW = np.uint64((1 << 22) - 1)

_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))


class Flows:
    """Groups of rows: ``order`` holds the rows group by group, ``begin`` and ``end`` where each group lies in it.

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
        self._flags = table.tcp.flags[self.order]

    def keys(self) -> list[tuple[int, int]]:
        """The endpoint codes of each group, lower first."""
        return list(zip(self._low[self.begin].tolist(), self._high[self.begin].tolist(), strict=True))

    def interesting(self, attentive: NDArray[np.bool_]) -> Ints:
        """Positions with SYN, FIN or RST, some behind them, and the first ones of groups that are attentive."""
        mark = self._flags & (SYN | FIN | RST) != 0
        for flag, count in ((SYN, _AFTER_SYN), (FIN, _AFTER_FIN)):
            seen = np.flatnonzero(self._flags & flag)
            end = self.end[np.searchsorted(self.begin, seen, "right") - 1]
            for after in range(1, count + 1):
                mark[(seen + after)[seen + after < end]] = True
        begin, end = self.begin[attentive], self.end[attentive]
        for after in range(_AT_START):
            mark[(begin + after)[begin + after < end]] = True
        return np.flatnonzero(mark)

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

    def times(self, positions: Ints) -> list[int]:
        """When the segments at these positions came."""
        times: list[int] = self._table.batch.time[self._table.tcp.row[self.order[positions]]].tolist()
        return times

    def spans(self, nanoseconds: int) -> bool:
        """Whether the Batch reaches over more than this time."""
        times = self._table.batch.time
        return int(times.max()) - int(times.min()) > nanoseconds

    def sums(self, begin: Ints) -> Iterator[tuple[int, int, int, int, int, int]]:
        """For each run that starts at ``begin``: segments, those of side 1, bytes, those of side 1, last packet, its time."""
        tcp, batch = self._table.tcp, self._table.batch
        length, side = tcp.length[self.order], self.side[self.order].astype(np.int64)
        last = tcp.row[self.order[np.append(begin[1:], len(self.order)) - 1]]
        return zip(
            np.diff(begin, append=len(self.order)).tolist(),
            np.add.reduceat(side, begin).tolist(),
            np.add.reduceat(length, begin).tolist(),
            np.add.reduceat(length * side, begin).tolist(),
            (last + batch.first).tolist(),
            batch.time[last].tolist() if len(last) else repeat(NO_TIME),
            strict=True,
        )
