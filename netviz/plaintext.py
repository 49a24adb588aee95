"""What TLS carries in a Batch, of connections of which nothing waits: opened straight from the payload, without Streams.

A server has thousands of connections, and what each sends in a Batch is little; so nothing is done for each of them but to
open its records, and where the bytes came from is found in columns, for all of them at once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from netviz.capture.batch import Ints
from netviz.layers.tls.direction import Direction
from netviz.layers.tls.protection import Protection
from netviz.layers.tls.run import open_runs
from netviz.payload import Group, Payload
from netviz.stream import Stream

__all__ = ["Pieces", "Plaintext"]


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

    def between(self, at: Ints, stop: Ints, head: Ints, tail: Ints) -> Ints:
        """The slices of what lies between these places and in more pieces than one, those of the first of them being the head
        and of the last the tail: which it is, packet, start and end there.
        """
        some = np.flatnonzero(head != tail)
        each = tail[some] - head[some] + 1
        which = np.repeat(some, each)
        piece = head[which] + np.arange(len(which)) - np.repeat(np.cumsum(each) - each, each)
        begin = self.begin[piece]
        first, last = np.maximum(at[which], begin), np.minimum(stop[which], begin + self.length[piece])
        shift = self.place[piece] - begin
        return np.column_stack((which, self.packet[piece], first + shift, last + shift))

    def give(self, stream: Stream, data: bytes, at: int, stop: int) -> None:
        """Leave the bytes between these places to a Stream."""
        some = slice(int(np.searchsorted(self.begin, at, "right")) - 1, int(np.searchsorted(self.begin, stop)))
        begin, length, packet, place, ready, time = (column[some] for column in self)
        first, last = np.maximum(begin, at), np.minimum(begin + length, stop)
        shift = stream.end - at
        stream.extend(data[at:stop], first + shift, last + shift, packet, place + first - begin, time, ready)


class Plaintext:
    """Collects what is inside the payload of a Batch: ``content`` one side behind the other, each between two ``bounds``;
    ``records`` says how many it had (-1: it must be read record by record).
    """

    def __init__(self, payload: Payload) -> None:
        self._data = payload.data
        self._protections: list[Protection] = []
        self._begins: list[int] = []
        self._ends: list[int] = []
        self.content = b""
        self._pieces: Ints = np.zeros((0, 3), np.int64)
        self.bounds: Ints = np.zeros(1, np.int64)
        self.records: Ints = np.zeros(0, np.int64)

    def take(self, direction: Direction, group: Group) -> int:
        """Note what is to be opened; which one it is."""
        assert direction.protection is not None
        self._protections.append(direction.protection)
        self._begins.append(group.at)
        self._ends.append(group.end)
        return len(self._ends) - 1

    def open(self) -> None:
        """Open all that was taken."""
        if self._ends:
            self.content, self._pieces, stops, self.records = open_runs(self._protections, self._data, self._begins, self._ends)
            self.bounds = np.concatenate(([0], stops))

    def pieces(self, outer: Pieces, at: int) -> Pieces:
        """Where it came from, in pieces of the payload; its first byte is at ``at``."""
        first, stop, whole = self._pieces.T
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
