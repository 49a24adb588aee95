"""A Stream: the ordered bytes of one direction, and where each of them came from.

Offsets count from 0 at the first byte and go on through gaps, so that they are what sequence numbers are.  A Stream holds
only what nobody has read yet; what is consumed is dropped together with the record of its origin.

>>> stream = Stream()
>>> stream.append(b"GET / HT", packet=4, place=54, ready=4, time=None)
>>> stream.append(b"TP/1.1", packet=6, place=54, ready=6, time=None)
>>> stream.origin(4, 10)
(4, 58, 62, 6, 54, 56)
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import deque
from typing import NamedTuple

import numpy as np

from netviz.capture.batch import NO_TIME, Ints
from netviz.event import Problem
from netviz.native import native

__all__ = ["Gap", "Place", "Stream"]

#: Origins of bytes that were consumed are dropped when there are so many.
_STALE = 256


class Gap(NamedTuple):
    """Bytes that are missing: where, how many, whether the capture cut them off (else they were lost on the way to it),
    and the packet and time by which that was certain.
    """

    offset: int
    length: int
    cut: bool
    ready: int
    time: int | None


class Place(NamedTuple):
    """A place in a Stream: its offset, where that is in ``data``, and up to where ``data`` goes on from there without a gap."""

    offset: int
    at: int
    end: int


class Stream:
    """Bytes of one direction.

    ``data`` holds those not consumed yet, of which the first is at offset ``start``; only ``available`` of them can be
    read before the first gap.  ``whole`` tells whether offset 0 is where the sender began, ``missed`` how
    many bytes were in gaps until here.  ``problems`` are of the bytes
    themselves (overlaps that differ), with the offset where they were found.
    """

    __slots__ = (
        "_columns",
        "_ends",
        "_offsets",
        "_packets",
        "_places",
        "_ready",
        "_times",
        "data",
        "gaps",
        "missed",
        "problems",
        "start",
        "whole",
    )

    def __init__(self) -> None:
        self.data = bytearray()
        self.start = 0
        self.whole = True
        self.missed = 0
        self.gaps: deque[Gap] = deque()
        self.problems: list[tuple[int, Problem]] = []
        # One entry for each piece of a packet: where it begins and ends here, where in its packet, and which packet made
        # it readable (a later one where it came out of order), and when.  A busy Stream has many: they go from column to
        # column without becoming objects.
        self._columns = tuple(array("q") for _ in range(6))
        self._offsets, self._ends, self._packets, self._places, self._ready, self._times = self._columns

    @property
    def available(self) -> int:
        """How many bytes can be read before the first gap."""
        return self.gaps[0].offset - self.start if self.gaps else len(self.data)

    @property
    def end(self) -> int:
        """The offset behind the last byte."""
        return self.start + len(self.data) + sum(gap.length for gap in self.gaps)

    @property
    def gap(self) -> Gap | None:
        """The gap that comes next, where nothing is left to read before it."""
        return self.gaps[0] if self.gaps and self.gaps[0].offset == self.start else None

    def append(self, data: bytes | memoryview, *, packet: int, place: int, ready: int, time: int | None) -> None:
        """Bytes that follow; ``place`` is where they are in their packet, ``ready`` the packet that made them readable."""
        offset = self.end
        self._offsets.append(offset)
        self._ends.append(offset + len(data))
        self._packets.append(packet)
        self._places.append(place)
        self._ready.append(ready)
        self._times.append(NO_TIME if time is None else time)
        self.data += data

    def extend(
        self, data: bytes, offsets: Ints, ends: Ints, packets: Ints, places: Ints, times: Ints, ready: Ints | None = None
    ) -> None:
        """Many pieces at once, each readable as soon as its packet came, or another one (``ready``)."""
        ready = packets if ready is None else ready
        for column, more in zip(self._columns, (offsets, ends, packets, places, ready, times), strict=True):
            column.frombytes(more.tobytes())
        self.data += data

    def convey(self, target: Stream, pieces: array[int]) -> None:
        """Tell another Stream where bytes came from that it is given: three numbers for each run of these in order, its first
        byte, the one behind it, and the one behind all that must be there for it to be readable, counted from ``start``.
        """
        start, at = self.start, target.end
        index = max(bisect_right(self._offsets, start + pieces[0]) - 1, 0)
        if native is not None:
            found = native.convey(self._columns, pieces, start, index, at)
            size = len(found) // len(self._columns)
            for place, column in enumerate(target._columns):
                column.frombytes(found[place * size : (place + 1) * size])
            return
        offsets, ends = self._offsets, self._ends
        for first, stop, whole in zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True):
            first, stop, whole = start + first, start + stop, start + whole
            while ends[index] <= first:
                index += 1
            last = index
            while ends[last] < whole:
                last += 1
            piece = index
            while first < stop:
                end = min(ends[piece], stop)
                target._offsets.append(at)
                at += end - first
                target._ends.append(at)
                target._packets.append(self._packets[piece])
                target._places.append(self._places[piece] + first - offsets[piece])
                target._ready.append(self._ready[last])
                target._times.append(self._times[last])
                first = end
                piece += 1

    def unread(self) -> list[Ints]:
        """The pieces of what is unread, as columns: the offsets where each begins and ends, its packet, its place in that,
        the packet that made it readable, and when that came.
        """
        index = max(bisect_right(self._offsets, self.start) - 1, 0)
        columns = [np.array(column[index:], np.int64) for column in self._columns]
        if len(columns[0]) and (read := self.start - columns[0][0]) > 0:
            columns[0][0] += read
            columns[3][0] += read
        return columns

    def miss(self, length: int, *, cut: bool, ready: int, time: int | None) -> None:
        """Bytes that are not in the capture follow."""
        if self.gaps and self.gaps[-1].offset + self.gaps[-1].length == self.end and self.gaps[-1].cut == cut:
            last = self.gaps.pop()
            self.gaps.append(last._replace(length=last.length + length))
        else:
            self.gaps.append(Gap(self.end, length, cut, ready, time))

    def skip_gap(self) -> Gap:
        """Go on behind the gap that is next."""
        gap = self.gaps.popleft()
        self.start += gap.length
        self.missed += gap.length
        return gap

    def consume(self, count: int) -> None:
        """Drop bytes that were read."""
        del self.data[:count]
        self.start += count
        if len(self._ends) > _STALE and self._ends[_STALE - 1] <= self.start:
            stale = bisect_right(self._ends, self.start)
            for column in self._columns:
                del column[:stale]

    def origin(self, start: int, end: int) -> tuple[int, ...]:
        """Where the bytes from ``start`` to ``end`` came from: packet, first and last place in it, and so on."""
        index = bisect_right(self._offsets, start) - 1
        ends = self._ends
        if index >= 0 and end <= ends[index]:
            place = self._places[index] - self._offsets[index]
            return self._packets[index], place + start, place + end
        found: list[int] = []
        for i in range(max(index, 0), len(ends)):
            first, last = self._offsets[i], ends[i]
            if first >= end:
                break
            if last > start:
                place = self._places[i] - first
                found += self._packets[i], place + max(first, start), place + min(last, end)
        return tuple(found)

    def ready(self, offset: int) -> tuple[int, int | None]:
        """The packet that made the byte at this offset readable, and when that came."""
        index = max(bisect_right(self._offsets, offset) - 1, 0)
        if not self._ready:
            return 0, None
        time = self._times[index]
        return self._ready[index], None if time == NO_TIME else time

    def packet(self, offset: int) -> int:
        """The packet that carried the byte at this offset; 0 where nobody knows any more."""
        index = bisect_right(self._offsets, offset) - 1
        return self._packets[max(index, 0)] if self._packets else 0

    def places(self, most: int | None = None) -> list[Place]:
        """Where a message may begin: at the first byte that is unread, and at the beginning of every segment behind it."""
        found: list[Place] = []
        gaps = list(self.gaps)
        missing = 0
        for offset, end in zip(self._offsets, self._ends, strict=True):
            if end <= self.start:
                continue
            while gaps and gaps[0].offset < end and gaps[0].offset + gaps[0].length <= offset:
                missing += gaps.pop(0).length
            begin = max(offset, self.start)
            limit = gaps[0].offset if gaps else self.end
            if most is not None and len(found) == most:
                break
            found.append(Place(begin, begin - self.start - missing, limit - self.start - missing))
        return found

    def seek(self, offset: int) -> None:
        """Go on at this offset, over whatever is before it."""
        while self.gaps and self.gaps[0].offset < offset:
            self.consume(self.available)
            self.skip_gap()
        self.consume(offset - self.start)
