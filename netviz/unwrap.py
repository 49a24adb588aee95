"""What lies in the packets of a Batch, level by level: what a tunnel carries, and what was sent in pieces, is read as packets
of their own, by the same functions.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from netviz.capture.batch import NO_TIME, PADDING, Batch, Ints
from netviz.layers.fragments import Cost, Fragments, Origin, Part, Whole, cut, read_fragment
from netviz.layers.ip import Datagrams, datagrams
from netviz.layers.link import HEADER_NAMES, RAW, Network, network
from netviz.layers.tunnel import NAMES, OVER_UDP, Tunnels, tunnels

__all__ = ["Level", "Unwrapped", "unwrap"]

#: How often something is unwrapped: out of a tunnel, or put together from pieces.
_DEEPEST = 8

_UDP_HEADER = 8


class Level(NamedTuple):
    """Packets as a Batch of their own, which rows of the whole Batch they come from, where the packet or the reassembled
    datagram that they lie in begins, and what was read of them.
    """

    batch: Batch
    rows: Ints
    begin: Ints
    net: Network
    ip: Datagrams
    tunnels: Tunnels

    def in_front(self, row: int) -> list[tuple[str, int]]:
        """The headers in a packet of this level, up to what a tunnel carries or to the transport layer: names and lengths."""
        batch, ip, inner = self.batch, self.ip, self.tunnels
        index = int(np.searchsorted(ip.row, row))
        if index == len(ip.row) or ip.row[index] != row:
            return []
        found = _outer(batch, row, int(ip.version[index]), int(ip.ip[index]), int(ip.start[index]))
        place = int(np.searchsorted(inner.carrier, index))
        if place < len(inner.carrier) and inner.carrier[place] == index:
            kind, size = int(inner.kind[place]), int(inner.start[place] - ip.start[index])
            udp = _UDP_HEADER if kind >= OVER_UDP else 0
            found += [("UDP", udp), (NAMES[kind], size - udp)]
        return [(name, size) for name, size in found if size]


class Unwrapped(NamedTuple):
    """All levels, the outermost first.  ``wholes`` holds by its row of the Batch what was put together last, and where in the
    buffer of the last level that begins; ``deep`` are the rows with more levels than are read.
    """

    levels: list[Level]
    wholes: dict[int, tuple[int, Whole]]
    deep: Ints

    def in_front(self, row: int) -> list[tuple[str, int]]:
        """All headers in front of the transport layer in a row of the Batch: names and lengths."""
        found: list[tuple[str, int]] = []
        for level in self.levels:
            index = int(np.searchsorted(level.rows, row))
            if index < len(level.rows) and level.rows[index] == row:
                found += level.in_front(index)
        return found


def unwrap(batch: Batch, rows: Ints, fragments: Fragments) -> Unwrapped:
    """Read packets, which are these rows of a Batch, and what is in them."""
    found = Unwrapped([], {}, rows[:0])
    begin = batch.offset
    while True:
        net = network(batch)
        ip = datagrams(batch, net)
        level = Level(batch, rows, begin, net, ip, tunnels(batch, ip))
        inner = level.tunnels.carrier
        found.levels.append(level)
        if not len(inner) and not len(ip.fragments):
            return found
        if len(found.levels) > _DEEPEST:
            return found._replace(deep=rows[np.concatenate([ip.row[inner], ip.fragments[:, 0]])])
        batch, rows, begin = _inside(level, _assemble(found, fragments), found.wholes)


def _assemble(found: Unwrapped, fragments: Fragments) -> list[tuple[int, Whole]]:
    """Hand over the pieces of datagrams in the last level: what is complete now, by the row of its last piece there."""
    level = found.levels[-1]
    batch, made = level.batch, []
    for row, version, ip, start, stop in level.ip.fragments.tolist():
        own, begin = int(level.rows[row]), int(level.begin[row])
        packet, time = batch.first + own, int(batch.time[row])
        end = max(min(stop, int(batch.offset[row] + batch.captured[row])), start)
        head = read_fragment(batch.buffer, version, ip, start)
        if own in found.wholes:
            whole = found.wholes[own][1]
            shift = start - begin
            origins = tuple(origin._replace(at=origin.at - shift) for origin in cut(whole.origins, shift, end - begin))
            costs = whole.costs
        else:
            origins = (Origin(0, end - start, packet, start - begin),)
            headers = found.in_front(own) + _outer(batch, row, version, ip, start)
            costs = (Cost(packet, tuple(headers)),)
        part = Part(head.at, stop - start, batch.buffer[start:end].tobytes(), origins, costs)
        complete = fragments.take(head, part, packet, None if time == NO_TIME else time)
        if complete is not None:
            made.append((row, complete))
    return made


def _inside(level: Level, made: list[tuple[int, Whole]], wholes: dict[int, tuple[int, Whole]]) -> tuple[Batch, Ints, Ints]:
    """What tunnels carry and what was put together, as the packets of the next level: their Batch, rows, and beginnings."""
    batch, ip, inner = level.batch, level.ip, level.tunnels
    row, stop = ip.row[inner.carrier], ip.stop[inner.carrier]
    captured = np.minimum(stop, batch.offset[row] + batch.captured[row]) - inner.start
    columns = [inner.start, captured, stop - inner.start, batch.time[row], inner.link, level.rows[row], level.begin[row]]
    buffer = batch.buffer
    if made:
        # What was put together goes behind the packets, so that all places stay where they are.
        at = len(buffer)
        pieces = [buffer]
        added = []
        for piece, whole in made:
            own = int(level.rows[piece])
            wholes[own] = at, whole
            pieces.append(np.frombuffer(whole.data, np.uint8))
            added.append((at, len(whole.data), whole.wire, int(batch.time[piece]), RAW, own, at))
            at += len(whole.data)
        buffer = np.concatenate([*pieces, np.zeros(PADDING, np.uint8)])
        columns = [np.concatenate(both) for both in zip(columns, np.array(added, np.int64).T, strict=True)]
    order = np.argsort(columns[5], kind="stable")
    offset, captured, wire, time, link, rows, begin = (column[order] for column in columns)
    return replace(batch, buffer=buffer, offset=offset, captured=captured, wire=wire, time=time, link=link), rows, begin


def _outer(batch: Batch, row: int, version: int, ip: int, start: int) -> list[tuple[str, int]]:
    """The headers up to and with that of IP."""
    link = HEADER_NAMES.get(int(batch.link[row]), "link"), ip - int(batch.offset[row])
    return [header for header in (link, (f"IPv{version}", start - ip)) if header[1]]
