"""The payload of a Batch, connection by connection and side by side, as one string of bytes.

Whether the segments of a side follow one another is seen here, in columns, for all of them at once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netviz.capture.batch import Ints
from netviz.connection import Connection
from netviz.layers.tcp.flags import ACK, FIN, RST
from netviz.native import native
from netviz.table import Table
from netviz.tracker import Runs

__all__ = ["Group", "Part", "Payload", "gather"]

#: A part of all connections: those with numbers that, divided by the first, leave no less than the second and less than
#: the third.
Part = tuple[int, int, int]

_WORD, _HALF = 0xFFFFFFFF, 1 << 31

#: The bits of a sort key that hold a position: as many as `netviz.flow` has for a row.
_POSITION = 22


class Group(NamedTuple):
    """The segments of one side in a run: where in the columns and in the data, whether nothing is amiss, the number of the
    first byte and that behind the last, the last packet, and whether that has a FIN.
    """

    start: int
    stop: int
    at: int
    end: int
    smooth: bool
    first: int
    next: int
    last: int
    fin: bool


class Payload:
    """Segments with payload or a FIN, ordered by run and side, as columns; ``data`` is what they carry, ``begin`` where in
    it each of them does (and one more, where the last ends), ``place`` where in its packet.

    ``groups`` are by twice the index of a run, plus the side; so are ``acks``, the furthest acknowledgement of each side
    (-1: none).
    """

    def __init__(
        self, data: bytes, length: Ints, begin: Ints, packet: Ints, place: Ints, time: Ints, groups: dict[int, Group],
        acks: list[int],
    ) -> None:  # fmt: skip
        self.data = data
        self.length = length
        self.begin = begin
        self.packet = packet
        self.place = place
        self.time = time
        self.groups = groups
        self.acks = acks

    @staticmethod
    def span(group: Group | None) -> tuple[int, int]:
        """Where in ``data`` the payload of a group begins and ends."""
        return (0, 0) if group is None else (group.at, group.end)

    def segments(self, group: Group) -> tuple[bytes, Ints, Ints, Ints, Ints]:
        """What the segments of a group carry: bytes; then for each its length, packet, place, time."""
        start, stop = group.start, group.stop
        length, packet, place, time = (column[start:stop] for column in (self.length, self.packet, self.place, self.time))
        return self.data[group.at : group.end], length, packet, place, time


def gather(table: Table, runs: Runs, part: Part = (1, 0, 1)) -> Payload | None:
    """The payload of connections of which somebody reads on, of that part of all; None where there are none."""
    flows, begin, owners = runs
    order, tcp, batch = flows.order, table.tcp, table.batch
    of, begins, ends = part
    wanted = np.fromiter(
        (owner is not None and begins <= owner.number % of < ends and _is_wanted(owner) for owner in owners), bool, len(owners)
    )
    if not wanted.any():
        return None
    run = np.repeat(np.arange(len(owners)), np.diff(begin, append=len(order)))
    if not wanted.all():
        mine = np.flatnonzero(wanted[run])
        run, order = run[mine], order[mine]
    flip = np.fromiter((owner is not None and owner.flip for owner in owners), np.int64, len(owners))
    key = 2 * run + (flows.side[order].astype(np.int64) ^ flip[run])
    flags = tcp.flags[order]
    acks = _furthest(key, flags, tcp.ack[order], 2 * len(owners))
    positions = np.flatnonzero(((tcp.length[order] > 0) & (flags & RST == 0)) | (flags & (FIN | RST) == FIN))
    mixed = key[positions] << _POSITION | positions  # numbers sort several times faster than a stable argsort
    mixed.sort()
    key, rows = mixed >> _POSITION, order[mixed & (1 << _POSITION) - 1]
    length, captured, packet = tcp.length[rows], tcp.captured[rows], tcp.row[rows]
    fin = tcp.flags[rows] & FIN != 0
    starts, amiss, first, behind = _continuity(key, tcp.flags[rows], tcp.seq[rows], length)
    amiss |= captured < length
    if table.reassembled:
        amiss |= np.isin(packet, list(table.reassembled))  # several packets carried each: they are taken one by one
    stops = np.append(starts, len(rows))[1:]
    bad = np.logical_or.reduceat(amiss, starts) if len(starts) else amiss
    begin, last = np.concatenate(([0], np.cumsum(captured))), stops - 1
    columns = (starts, stops, begin[starts], begin[stops], ~bad, first[starts], (behind - fin & _WORD)[last],
               packet[last] + batch.first, fin[last])  # fmt: skip
    values = map(Group._make, zip(*(column.tolist() for column in columns), strict=True))
    groups = dict(zip(key[starts].tolist(), values, strict=True))
    data = tcp.payload[rows]
    place = data - batch.offset[packet]
    joined = _join(table, data, captured)
    return Payload(joined, captured, begin, packet + batch.first, place, batch.time[packet], groups, acks.tolist())


def _continuity(key: Ints, flags: Ints, seq: Ints, length: Ints) -> tuple[Ints, NDArray[np.bool_], Ints, Ints]:
    """Where each group begins, what does not follow from the segment before it, and the numbers of each segment: its first
    byte and the one behind it.
    """
    fin = flags & FIN != 0
    first = seq + (flags >> 1 & 1) & _WORD  # data in a SYN starts one behind its sequence number
    behind = first + length + fin & _WORD
    same = key[1:] == key[:-1]
    amiss = np.zeros(len(key), bool)
    amiss[1:] = same & ((first[1:] != behind[:-1]) | fin[:-1])
    begins = np.concatenate(([True], ~same)) if len(key) else amiss
    return np.flatnonzero(begins), amiss, first, behind


def _furthest(key: Ints, flags: Ints, ack: Ints, size: int) -> Ints:
    """The furthest acknowledgement of each run and side; -1 where there is none."""
    found = np.full(size, -1)
    acknowledging = np.flatnonzero(flags & ACK)
    key, ack = key[acknowledging], ack[acknowledging]
    found[key] = ack  # of several the last one stays, which is nearly always the furthest
    behind = np.flatnonzero(((found[key] - ack + _HALF) & _WORD) < _HALF)
    for place in behind.tolist():
        if ((int(ack[place]) - int(found[key[place]]) + _HALF) & _WORD) > _HALF:
            found[key[place]] = ack[place]
    return found


def _join(table: Table, start: Ints, length: Ints) -> bytes:
    buffer = table.batch.buffer
    if native is not None:
        joined: bytes = native.gather(buffer, np.ascontiguousarray(start), np.ascontiguousarray(length))
        return joined
    view = buffer.data
    return b"".join([view[at:end] for at, end in zip(start.tolist(), (start + length).tolist(), strict=True)])


def _is_wanted(owner: Connection) -> bool:
    return owner.channel is None or owner.channel.reads
