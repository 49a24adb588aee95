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
from netviz.layers.websocket.direction import LONG
from netviz.layers.websocket.frame import CLOSE, read_head
from netviz.native import native
from netviz.payload import Group, Payload
from netviz.stream import Stream

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
    """What one side sends in a Batch: index of its entry, whether it is the server, and where it lies in the data; either
    the segments that carry it, or the Stream in which it lies unread.
    """

    entry: int
    side: int
    start: int
    stop: int
    segments: tuple[Reassembly, Group] | None
    stream: Stream | None


class _Columns(NamedTuple):
    """Pieces of data: where each begins, how long it is, its packet and place there, and with which packet and when it was
    readable.
    """

    data: bytes
    begin: Ints
    length: Ints
    packet: Ints
    place: Ints
    ready: Ints
    time: Ints


class Lane:
    """Collects connections of a Batch, then reads the frames of all of them."""

    def __init__(self, payload: Payload) -> None:
        self._payload = payload
        self._entries: list[tuple[Channel, WebSocket]] = []
        self._flows: list[_Flow] = []
        #: Streams of which everything unread is read behind the payload, and how much that is.
        self._inside: list[Stream] = []
        self._beyond = 0

    def take(self, channel: Channel, groups: tuple[Group | None, Group | None], *, rest: bool = False) -> bool:
        """Take the segments of a connection, ``groups`` by its sides, if they may be read here; with ``rest`` only what
        lies unread in the Streams, because the upgrade was in the same Batch.
        """
        layer = channel.layer
        if type(layer) is not WebSocket or not layer.steady:
            return False
        flows = self._inner(channel) if rest and not channel.bare else self._outer(channel, groups, rest=rest)
        if flows is None:
            return False
        self._entries.append((channel, layer))
        self._flows += flows
        return True

    def _outer(self, channel: Channel, groups: tuple[Group | None, Group | None], *, rest: bool) -> list[_Flow] | None:
        """What lies in the payload, with nothing but TCP below."""
        flows = []
        for side, (end, group) in enumerate(zip(channel.ends, groups, strict=True)):
            unread = len(end.stream.data)
            start, stop = self._payload.span(group)
            if not channel.bare or (unread and not rest) or unread > stop - start:
                return None
            if group is not None:
                start = stop - unread if rest else start
                flows.append(_Flow(len(self._entries), side ^ channel.client, start, stop, None if rest else (end, group),
                                   end.stream if rest else None))  # fmt: skip
        return flows

    def _inner(self, channel: Channel) -> list[_Flow] | None:
        """What lies in Streams above TLS."""
        if any(stream.gaps or stream.problems for stream in channel.streams):
            return None
        flows = []
        for side, stream in enumerate(channel.streams):
            if size := len(stream.data):
                start = len(self._payload.data) + self._beyond
                flows.append(_Flow(len(self._entries), side ^ channel.client, start, start + size, None, stream))
                self._inside.append(stream)
                self._beyond += size
        return flows

    def _columns(self) -> _Columns:
        """The pieces of the payload, and behind them those of Streams."""
        payload = self._payload
        filled = np.flatnonzero(payload.length)
        begin, length, packet, place, time = (
            column[filled] for column in (payload.begin, payload.length, payload.packet, payload.place, payload.time)
        )
        outer = _Columns(payload.data, begin, length, packet, place, packet, time)
        if not self._inside:
            return outer
        data, at = [payload.data], len(payload.data)
        inner: list[list[Ints]] = []
        for stream in self._inside:
            data.append(bytes(stream.data))
            columns = stream.unread()
            begins = columns[0] + (at - stream.start)
            inner.append([begins, columns[1] - columns[0], *columns[2:]])
            at += len(stream.data)
        return _Columns(b"".join(data), *map(np.concatenate, zip(outer[1:], *inner, strict=True)))

    def run(self) -> Frames:
        """Read the frames of all connections that were taken."""
        entries, flows = self._entries, self._flows
        if not flows:
            return _NONE
        data, starts, lengths, packet, place, readable, time = self._columns()
        begins, stops = np.array([flow.start for flow in flows]), np.array([flow.stop for flow in flows])
        frames, reached = _walk(data, begins, stops, len(starts))
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
        for index in np.flatnonzero(reached != stops).tolist():
            if flows[index].stream is None or not _waits(data, int(reached[index]), int(stops[index])):
                refused[entry[index]] = True
        keep = np.flatnonzero(~refused[entry[flow]])
        at, first, mask, size, length, flow = (column[keep] for column in frames)
        head = np.searchsorted(starts, at, "right") - 1
        tail = np.searchsorted(starts, at + size + length - 1, "right") - 1
        owner = entry[flow]
        ready = np.maximum(readable[tail], np.array([layer.floor for _, layer in entries])[owner])
        number, counts = self._numbers(owner, side[flow], ready)
        start = place[head] + at - starts[head]
        extras = {
            i: _origin(i, at, size + length, head, tail, starts, lengths, packet, place)
            for i in np.flatnonzero(head != tail).tolist()
        }
        told = (
            np.array([channel.number for channel, _ in entries])[owner], number, packet[head], start,
            start + size + length, time[tail], side[flow], first, mask, size, length, ready,
        )  # fmt: skip
        self._settle(refused, reached, set(flow[first == 0x80 + CLOSE].tolist()), counts)
        return Frames(told, extras, np.flatnonzero(refused).tolist())

    def _numbers(self, entry: Ints, side: Ints, ready: Ints) -> tuple[Ints, Ints]:
        """The number of each frame in its WebSocket, both sides in the order of the wire, and how many there are of each."""
        # One key for all three sorts faster than three; 2^41 packets apart is more than any capture holds.
        order = np.argsort((entry << 42) | ((ready - ready.min()) << 1) | side, kind="stable") if len(entry) else entry
        counts = np.bincount(entry, minlength=len(self._entries))
        before = np.concatenate(([0], np.cumsum(counts)[:-1]))
        base = np.array([layer.frames for _, layer in self._entries])
        number = np.empty(len(entry), np.int64)
        sorted_entry = entry[order]
        number[order] = np.arange(len(entry)) - before[sorted_entry] + base[sorted_entry] + 1
        return number, counts

    def _settle(self, refused: NDArray[np.bool_], reached: Ints, closed: set[int], counts: Ints) -> None:
        """Note in streams and layers what was read, and which flows ended with a close frame."""
        for index, ((entry, side, start, stop, segments, stream), end) in enumerate(
            zip(self._flows, reached.tolist(), strict=True)
        ):
            if refused[entry]:
                continue
            if stream is not None:
                stream.consume(end - start)
            elif segments is not None:
                whose, group = segments
                whose.skip(group.next, self._payload.data, start, stop)
                if group.fin:
                    whose.finish()
            if index in closed:
                self._entries[entry][1].directions[side].closed = True
        for (_, layer), count in zip(self._entries, counts.tolist(), strict=True):
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


def _waits(data: bytes, at: int, stop: int) -> bool:
    """Whether this is the beginning of a frame of which the rest will do when it comes."""
    head = read_head(data, at, stop)
    return head is None or head.size + head.length <= LONG


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
