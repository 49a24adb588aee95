"""The tight lane for frames: all of a Batch at once, where nothing but frames is asked for.

A busy WebSocket is millions of small frames, nearly all alike: whole, unfragmented, with nothing amiss.  Those are read in
columns.  What is not like that sends its whole connection, for this Batch, to the layer that knows every rule; what comes
out is the same, and the tests hold one against the other.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netviz.capture.batch import NO_TIME, Ints
from netviz.channel import Channel
from netviz.event import FrameBlock, Origin, Problem
from netviz.layers.tcp.reassembly import Reassembly
from netviz.layers.websocket.conversation import WebSocket
from netviz.layers.websocket.frame import CLOSE, read_head
from netviz.native import native
from netviz.payload import Group, Payload

__all__ = ["Frames", "Lane", "block", "merge"]

#: First bytes of frames that need no rule: whole messages without reserved bits, and control frames.
_PLAIN = np.zeros(256, bool)
_PLAIN[[0x81, 0x82, 0x88, 0x89, 0x8A]] = True

#: Columns of a FrameBlock.
_COLUMNS = 12


class Frames(NamedTuple):
    """What the lane read: the columns of a FrameBlock and the packet that completed each frame, the origins of those in
    several pieces, and which connections must be read by their layer after all.
    """

    columns: tuple[Ints, ...]
    origins: dict[int, Origin]
    refused: list[int]


_NONE = Frames(tuple(np.zeros(0, np.int64) for _ in range(_COLUMNS)), {}, [])


class _Flow(NamedTuple):
    """What one side sends in a Batch: index of its entry, whether it is the server, and where it lies in the payload."""

    entry: int
    side: int
    end: Reassembly
    group: Group
    start: int
    stop: int


class Lane:
    """Collects connections of a Batch, then reads the frames of all of them."""

    def __init__(self, payload: Payload) -> None:
        self._payload = payload
        self._entries: list[tuple[Channel, WebSocket, bool]] = []
        self._flows: list[_Flow] = []

    def take(self, channel: Channel, groups: tuple[Group | None, Group | None], *, rest: bool = False) -> bool:
        """Take the segments of a connection, ``groups`` by its sides, if they may be read here; with ``rest`` only what
        lies unread in the Streams, because the upgrade was in the same Batch.
        """
        layer = channel.layer
        if type(layer) is not WebSocket or not layer.steady or not channel.bare:
            return False
        flows = []
        for side, (end, group) in enumerate(zip(channel.ends, groups, strict=True)):
            unread = len(end.stream.data)
            start, stop = self._payload.span(group)
            if (unread and not rest) or unread > stop - start:
                return False
            if group is not None:
                start = stop - unread if rest else start
                flows.append(_Flow(len(self._entries), side ^ channel.client, end, group, start, stop))
        self._entries.append((channel, layer, rest))
        self._flows += flows
        return True

    def run(self) -> Frames:
        """Read the frames of all connections that were taken."""
        columns, entries, flows = self._payload, self._entries, self._flows
        if not flows:
            return _NONE
        data = columns.data
        begins, stops = np.array([flow.start for flow in flows]), np.array([flow.stop for flow in flows])
        frames, reached = _walk(data, begins, stops, len(columns.length))
        at, first, mask, size, length, flow = frames
        entry = np.array([flow.entry for flow in flows])
        side = np.array([flow.side for flow in flows])
        fits = _PLAIN[first] & ((mask >= 0) == (side[flow] == 0))
        bare = size - 4 * (mask >= 0)
        fits &= bare == np.where(length < 126, 2, np.where(length < 65536, 4, 10))
        fits &= (first < 0x80 + CLOSE) | (length < 126)
        fits &= ~((first == 0x80 + CLOSE) & (at + size + length != stops[flow]))  # nothing may follow a close frame
        refused = np.zeros(len(entries), bool)
        refused[entry[flow[~fits]]] = True
        refused[entry[reached != stops]] = True
        keep = np.flatnonzero(~refused[entry[flow]])
        at, first, mask, size, length, flow = (column[keep] for column in frames)
        filled = np.flatnonzero(columns.length)
        starts, packet, place = columns.begin[filled], columns.packet[filled], columns.place[filled]
        head = np.searchsorted(starts, at, "right") - 1
        tail = np.searchsorted(starts, at + size + length - 1, "right") - 1
        owner = entry[flow]
        ready = np.maximum(packet[tail], np.array([layer.floor for _, layer, _ in entries])[owner])
        number, counts = self._numbers(owner, side[flow], ready)
        start = place[head] + at - starts[head]
        extras = {
            i: _origin(i, at, size + length, head, tail, starts, columns.length[filled], packet, place)
            for i in np.flatnonzero(head != tail).tolist()
        }
        told = (
            np.array([channel.number for channel, _, _ in entries])[owner], number, packet[head], start,
            start + size + length, columns.time[filled][tail], side[flow], first, mask, size, length, ready,
        )  # fmt: skip
        self._settle(refused, first, flow, counts)
        return Frames(told, extras, np.flatnonzero(refused).tolist())

    def _numbers(self, entry: Ints, side: Ints, ready: Ints) -> tuple[Ints, Ints]:
        """The number of each frame in its WebSocket, both sides in the order of the wire, and how many there are of each."""
        # One key for all three sorts faster than three; 2^41 packets apart is more than any capture holds.
        order = np.argsort((entry << 42) | ((ready - ready.min()) << 1) | side, kind="stable") if len(entry) else entry
        counts = np.bincount(entry, minlength=len(self._entries))
        before = np.concatenate(([0], np.cumsum(counts)[:-1]))
        base = np.array([layer.frames for _, layer, _ in self._entries])
        number = np.empty(len(entry), np.int64)
        sorted_entry = entry[order]
        number[order] = np.arange(len(entry)) - before[sorted_entry] + base[sorted_entry] + 1
        return number, counts

    def _settle(self, refused: NDArray[np.bool_], first: Ints, flow: Ints, counts: Ints) -> None:
        """Note in streams and layers what was read."""
        closed = set(flow[first == 0x80 + CLOSE].tolist())
        for index, (entry, side, end, group, start, stop) in enumerate(self._flows):
            if refused[entry]:
                continue
            _, layer, rest = self._entries[entry]
            if rest:
                end.stream.consume(stop - start)
            else:
                end.skip(group.next, self._payload.data, start, stop)
                if group.fin:
                    end.finish()
            if index in closed:
                layer.directions[side].closed = True
        for (_, layer, _), count in zip(self._entries, counts.tolist(), strict=True):
            layer.frames += count


def block(frames: Frames | None, rows: list[tuple[int, Any]]) -> FrameBlock:
    """The frames of a Batch in order: those of the lane, and rows that layers told with the packet that completed each."""
    told, origins, _ = frames or _NONE
    extras: dict[int, tuple[Origin, tuple[Problem, ...]]] = {place: (origin, ()) for place, origin in origins.items()}
    if rows:
        values = []
        for place, (ready, row) in enumerate(rows, len(told[0])):
            number, index, origin, time, side, first, mask, head, length, problems = row
            if len(origin) != 3 or problems:
                extras[place] = origin, problems
            when = NO_TIME if time is None else time
            signed = length - (1 << 64) if length >> 63 else length
            values.append((number, index, *origin[:3], when, side, first, mask, head, signed, ready))
        added = np.array(values, np.int64).T
        told = tuple(np.concatenate(both) for both in zip(told, added, strict=True))
    return _ordered(told, extras)


def merge(blocks: list[FrameBlock]) -> FrameBlock:
    """Blocks of the same Batch as one."""
    extras: dict[int, tuple[Origin, tuple[Problem, ...]]] = {}
    before = 0
    for part in blocks:
        extras |= {before + place: what for place, what in part.extras.items()}
        before += len(part.columns[0])
    return _ordered(tuple(np.concatenate(columns) for columns in zip(*(part.columns for part in blocks), strict=True)), extras)


def _ordered(columns: tuple[Ints, ...], extras: dict[int, tuple[Origin, tuple[Problem, ...]]]) -> FrameBlock:
    order = np.argsort(columns[-1], kind="stable")
    if extras:
        where = np.empty(len(order), np.int64)
        where[order] = np.arange(len(order))
        extras = {int(where[place]): what for place, what in extras.items()}
    return FrameBlock(columns=tuple(column[order] for column in columns), extras=extras)


def _walk(data: bytes, begins: Ints, stops: Ints, segments: int) -> tuple[tuple[Ints, ...], Ints]:
    """All frames between each begin and stop: place, first byte, mask, header, payload, which; and where each flow ends."""
    if native is not None:
        room, most = 4 * segments + 64, len(data) // 2 + 1
        while True:
            out = np.empty((6, min(room, most)), np.int64)
            reached = np.empty(len(begins), np.int64)
            count = native.frames(data, np.ascontiguousarray(begins), np.ascontiguousarray(stops), out, reached)
            if count < room:
                return tuple(out[:, :count]), reached
            room *= 8  # many small frames in a segment
    found: list[tuple[int, int, int, int, int, int]] = []
    ends = []
    for index, (at, stop) in enumerate(zip(begins.tolist(), stops.tolist(), strict=True)):
        while (head := read_head(data, at, stop)) is not None:
            first, mask, size, length = head
            if length > stop - at - size:
                break
            found.append((at, first, mask, size, length, index))
            at += size + length
        ends.append(at)
    return tuple(np.array(found, np.int64).reshape(-1, 6).T), np.array(ends, np.int64)


def _origin(
    index: int, at: Ints, size: Ints, head: Ints, tail: Ints, starts: Ints, length: Ints, packet: Ints, place: Ints
) -> tuple[int, ...]:
    """The slices of a frame that came in several pieces."""
    begin, end = int(at[index]), int(at[index] + size[index])
    found: list[int] = []
    for piece in range(int(head[index]), int(tail[index]) + 1):
        offset = int(starts[piece])
        shift = int(place[piece]) - offset
        found += int(packet[piece]), shift + max(begin, offset), shift + min(end, offset + int(length[piece]))
    return tuple(found)
