"""What TLS carries in a Batch, of connections of which nothing waits: opened straight from the payload, without Streams.

A server has thousands of connections, and what each sends in a Batch is little; so nothing is done for each of them but to
open its records, and where the bytes came from is found in columns, for all of them at once.
"""

from __future__ import annotations

from array import array
from typing import NamedTuple

import numpy as np

from netviz.capture.batch import Ints
from netviz.channel import Channel
from netviz.layers.tls.direction import Direction
from netviz.payload import Group, Payload
from netviz.stream import Stream

__all__ = ["Opened", "Pieces", "Plaintext"]


class Pieces(NamedTuple):
    """Pieces of data: where each begins, how long it is, its packet and place there, and with which packet and when it was
    readable.
    """

    begin: Ints
    length: Ints
    packet: Ints
    place: Ints
    ready: Ints
    time: Ints

    def give(self, stream: Stream, data: bytes, at: int, stop: int) -> None:
        """Leave the bytes between these places to a Stream."""
        some = slice(int(np.searchsorted(self.begin, at, "right")) - 1, int(np.searchsorted(self.begin, stop)))
        begin, length, packet, place, ready, time = (column[some] for column in self)
        first, last = np.maximum(begin, at), np.minimum(begin + length, stop)
        shift = stream.end - at
        stream.extend(data[at:stop], first + shift, last + shift, packet, place + first - begin, time, ready)


class Opened(NamedTuple):
    """What one side said: who opened it, how many records, and where it begins and ends in all plaintext."""

    direction: Direction
    records: int
    start: int
    stop: int

    def accept(self, size: int) -> None:
        """So much of it has been read."""
        self.direction.passed(size)

    def refuse(self) -> None:
        """It is to be opened again, and read by the layers."""
        self.direction.retract(self.records)


class Plaintext:
    """Collects what is inside the payload of a Batch: ``chunks`` one behind the other, ``size`` bytes in all."""

    def __init__(self, payload: Payload) -> None:
        self._view = memoryview(payload.data)
        self.chunks: list[bytes] = []
        self._runs: list[array[int]] = []
        self._starts: list[int] = []
        self.size = 0

    def take(self, channel: Channel, groups: tuple[Group | None, Group | None]) -> list[Opened | None] | None:
        """Open what both sides sent; None where that must be read record by record."""
        directions = channel.sealed
        if directions is None:
            return None
        found: list[Opened | None] = []
        runs: list[tuple[bytes, array[int], int]] = []
        size = self.size
        for direction, group in zip(directions, groups, strict=True):
            if group is None:
                found.append(None)
                continue
            run = direction.open_all(self._view[group.at : group.end])
            if run is None:
                for opened in filter(None, found):
                    opened.refuse()
                return None
            found.append(Opened(direction, run.records, size, size + len(run.content)))
            runs.append((run.content, run.pieces, group.at))
            size += len(run.content)
        for content, pieces, start in runs:
            self.chunks.append(content)
            self._runs.append(pieces)
            self._starts.append(start)
        self.size = size
        return found

    def pieces(self, outer: Pieces, at: int) -> Pieces:
        """Where it came from, in pieces of the payload; its first byte is at ``at``."""
        counts = [len(run) // 3 for run in self._runs]
        numbers = np.frombuffer(b"".join([run.tobytes() for run in self._runs]), np.int64).reshape(-1, 3)
        numbers = numbers + np.repeat(np.array(self._starts, np.int64), counts)[:, None]
        first, stop, whole = numbers.T
        head = np.searchsorted(outer.begin, first, "right") - 1
        tail = np.searchsorted(outer.begin, stop - 1, "right") - 1
        last = np.searchsorted(outer.begin, whole - 1, "right") - 1
        each = tail - head + 1
        if len(each) and each.max() > 1:  # some lie in several segments
            row = np.repeat(np.arange(len(each)), each)
            head = head[row] + np.arange(len(row)) - np.repeat(np.cumsum(each) - each, each)
            first = np.maximum(first[row], outer.begin[head])
            stop = np.minimum(stop[row], outer.begin[head] + outer.length[head])
            last = last[row]
        length = stop - first
        begin = at + np.cumsum(length) - length
        place = outer.place[head] + first - outer.begin[head]
        return Pieces(begin, length, outer.packet[head], place, outer.ready[last], outer.time[last])
