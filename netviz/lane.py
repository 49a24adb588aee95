"""The tight lane for frames: all of a Batch at once, where nothing but frames is asked for.

A busy WebSocket is millions of small frames, nearly all alike: whole, unfragmented, with nothing amiss.  Those are read in
columns.  What is not like that sends its whole connection, for this Batch, to the layer that knows every rule; what comes
out is the same, and the tests hold one against the other.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netviz.block import no_frames, ordered_block
from netviz.capture.batch import NO_TIME, Ints
from netviz.channel import Channel
from netviz.event import FrameBlock
from netviz.layers.tcp.reassembly import Reassembly
from netviz.layers.tls.direction import Direction
from netviz.layers.websocket.conversation import WebSocket
from netviz.layers.websocket.direction import LONG
from netviz.layers.websocket.frame import CLOSE, read_head
from netviz.native import native
from netviz.payload import Group, Payload
from netviz.plaintext import Pieces, Plaintext
from netviz.stream import Stream
from netviz.talk import Said, Talk, inflated, read_payload, talk

__all__ = ["Frames", "Lane"]

#: First bytes of frames that need no rule: whole messages without reserved bits, and control frames.
_PLAIN = np.zeros(256, bool)
_PLAIN[[0x81, 0x82, 0x88, 0x89, 0x8A]] = True

#: Those of compressed messages (RFC 7692 section 6), where that was agreed on.
_DEFLATED = np.zeros(256, bool)
_DEFLATED[[0xC1, 0xC2]] = True


class Frames(NamedTuple):
    """What the lane read: the frames, which are not in order yet, and which connections must be read by their layer after all;
    and what the frames say, where somebody wants to know.
    """

    block: FrameBlock
    refused: list[int]
    said: Talk | None = None


class _Flow(NamedTuple):
    """What one side sends in a Batch: index of its entry, whether it is the server, which part of the data it is in, and
    where (in what is inside TLS: between which bounds); the segments that carry it and who opens it, or the Stream in which
    it lies unread.
    """

    entry: int
    side: int
    part: int
    start: int
    stop: int
    end: Reassembly | None
    group: Group | None
    direction: Direction | None
    stream: Stream | None

    @property
    def rest(self) -> Stream | None:
        """Where the beginning of a frame that is not whole goes, if it is not there already."""
        if self.direction is not None:
            return self.direction.plain
        return None if self.end is None else self.end.stream


#: Parts of the data: the payload, what is inside TLS, and what lies in Streams above TLS.
_OUTER, _SEALED, _INNER = 0, 1, 2


class Lane:
    """Collects connections of a Batch, then opens what is in TLS, then reads the frames of all of them, with ``limit`` also
    what they say, if it is not more than that.
    """

    def __init__(self, payload: Payload, limit: int | None = None) -> None:
        self._limit = limit
        self._payload = payload
        self._entries: list[tuple[Channel, WebSocket]] = []
        self._flows: list[_Flow] = []
        self._plaintext = Plaintext(payload)
        self._streams: list[Stream] = []
        self._unread = 0

    def take(self, channel: Channel, groups: tuple[Group | None, Group | None]) -> bool:
        """Take the segments of a connection, ``groups`` by its sides, if they may be read here."""
        seat = channel.seat
        if seat is None:
            return False
        layer, client, sealed = seat
        entry = len(self._entries)
        for side in (client, 1 - client):  # what one packet completes of both is told of the client first
            group = groups[side]
            if group is None:
                continue
            end = channel.ends[side]
            if sealed is None:
                flow = _Flow(entry, side ^ client, _OUTER, group.at, group.end, end, group, None, None)
            else:
                job = self._plaintext.take(sealed[side], group)
                flow = _Flow(entry, side ^ client, _SEALED, job, job + 1, end, group, sealed[side], None)
            self._flows.append(flow)
        self._entries.append((channel, layer))
        return True

    def take_rest(self, channel: Channel, groups: tuple[Group | None, Group | None], again: int | None = None) -> bool:
        """Take what lies unread in the Streams, where something was before it in this Batch or in the one before; of a
        connection that was taken ``again``, that.
        """
        layer = channel.layer
        if type(layer) is not WebSocket or not layer.steady:
            return False
        flows = []
        entry = len(self._entries) if again is None else again
        for side in (channel.client, 1 - channel.client):
            stream, group = channel.streams[side], groups[side]
            who, size = (entry, side ^ channel.client), len(stream.data)
            start, stop = self._payload.span(group)
            if channel.bare and size <= stop - start:
                flows.append(_Flow(*who, _OUTER, stop - size, stop, None, None, None, stream))
            elif size:
                start, self._unread = self._unread, self._unread + size
                flows.append(_Flow(*who, _INNER, start, self._unread, None, None, None, stream))
                self._streams.append(stream)
        if again is None:
            self._entries.append((channel, layer))
        self._flows += flows
        return True

    def open(self) -> list[int]:
        """Open what is in TLS; which of those that were taken must be read by their layers after all."""
        self._plaintext.open()
        failed = set(np.flatnonzero(self._plaintext.records < 0).tolist())
        if not failed:
            return []
        refused = {flow.entry for flow in self._flows if flow.part == _SEALED and flow.start in failed}
        self._flows = [flow for flow in self._flows if flow.entry not in refused]
        return sorted(refused)

    def _data(self) -> tuple[bytes, Pieces, list[int]]:
        """The parts that are used, one behind the other, their pieces, and where each part begins."""
        payload = self._payload
        filled = np.flatnonzero(payload.length)
        begin, length, packet, place, time = (
            column[filled] for column in (payload.begin, payload.length, payload.packet, payload.place, payload.time)
        )
        outer = Pieces(begin, length, packet, place, packet, time)
        used = {flow.part for flow in self._flows}
        if used == {_OUTER}:
            return payload.data, outer, [0, 0, 0]
        data, parts, begins, at = [], [], [0, 0, 0], 0
        if _OUTER in used:
            data.append(payload.data)
            parts.append(outer)
            at = len(payload.data)
        if _SEALED in used:
            begins[_SEALED] = at
            data.append(self._plaintext.content)
            parts.append(self._plaintext.pieces(outer, at))
            at += len(self._plaintext.content)
        begins[_INNER] = at
        for stream in self._streams:
            data.append(bytes(stream.data))
            columns = stream.unread()
            parts.append(Pieces(columns[0] + (at - stream.start), columns[1] - columns[0], *columns[2:]))
            at += len(stream.data)
        return b"".join(data), Pieces(*map(np.concatenate, zip(*parts, strict=True))), begins

    def run(self) -> Frames:
        """Read the frames of all connections that were taken."""
        entries, flows = self._entries, self._flows
        if not flows:
            return Frames(no_frames(), [])
        data, pieces, parts = self._data()
        starts, _, packet, place, readable, time = pieces
        part = np.array([flow.part for flow in flows])
        begins, stops = np.array([(flow.start, flow.stop) for flow in flows]).T
        sealed = part == _SEALED
        begins[sealed], stops[sealed] = self._plaintext.bounds[begins[sealed]], self._plaintext.bounds[stops[sealed]]
        begins, stops = begins + np.array(parts)[part], stops + np.array(parts)[part]
        frames, reached = _walk(data, begins, stops, len(starts))
        at, first, mask, size, length, flow = frames
        entry = np.array([flow.entry for flow in flows])
        side = np.array([flow.side for flow in flows])
        deflated = np.array([layer.deflated for _, layer in entries])[entry]
        fits = (_PLAIN[first] | (_DEFLATED[first] & deflated[flow])) & ((mask >= 0) == (side[flow] == 0))
        bare = size - 4 * (mask >= 0)
        fits &= bare == np.where(length < 126, 2, np.where(length < 65536, 4, 10))
        fits &= (first & CLOSE == 0) | (length < 126)
        fits &= ~((first == 0x80 + CLOSE) & (at + size + length != stops[flow]))  # nothing may follow a close frame
        said = None
        if self._limit is not None:
            fits &= (length <= self._limit) & (length >= 0)
            some = np.flatnonzero(fits)
            content, fits[some] = read_payload(data, at[some] + size[some], length[some], mask[some], first[some])
            begin = np.zeros(len(at), np.int64)
            begin[some] = np.cumsum(length[some]) - length[some]
            said = Said(content, begin, length.copy())
        refused = np.zeros(len(entries), bool)
        refused[entry[flow[~fits]]] = True
        for index in np.flatnonzero(reached != stops).tolist():
            if not _waits(data, int(reached[index]), int(stops[index])):
                refused[entry[index]] = True
        if said is not None and (compressed := np.flatnonzero(_DEFLATED[first] & ~refused[entry[flow]])).size:
            layers = [layer for _, layer in entries]
            said, failed = inflated(said, compressed, entry[flow[compressed]], side[flow], first, layers)
            refused[failed] = True
        keep = np.flatnonzero(~refused[entry[flow]])
        at, first, mask, size, length, flow = (column[keep] for column in frames)
        head = np.searchsorted(starts, at, "right") - 1
        tail = np.searchsorted(starts, at + size + length - 1, "right") - 1
        owner = entry[flow]
        ready = np.maximum(readable[tail], np.array([layer.floor for _, layer in entries])[owner])
        number, counts = self._numbers(owner, side[flow], ready)
        start = place[head] + at - starts[head]
        several = pieces.between(at, at + size + length, head, tail)
        told = (
            np.array([channel.number for channel, _ in entries])[owner], number, packet[head], start,
            start + size + length, time[tail], side[flow], first, mask, size, length, ready,
        )  # fmt: skip
        self._settle(refused, reached - begins, stops - reached, set(flow[first == 0x80 + CLOSE].tolist()))
        for index in np.flatnonzero((reached != stops) & ~refused[entry]).tolist():
            if (rest := flows[index].rest) is not None:
                pieces.give(rest, data, int(reached[index]), int(stops[index]))
                entries[entry[index]][0].rise()
        heard = None if said is None else self._say(told, several, owner, flow, said.some(keep))
        for (_, layer), count in zip(entries, counts.tolist(), strict=True):
            layer.frames += count
            layer.messages += 0 if said is None else count
        block = FrameBlock(columns=told, several=several, broken={})
        return Frames(block, np.flatnonzero(refused).tolist(), heard)

    def _say(self, told: tuple[Ints, ...], several: Ints, owner: Ints, flow: Ints, said: Said) -> Talk:
        """What the frames say; and tell the layers that it was said."""
        _, number, _, _, _, time, side, first, _, size, length, _ = told
        layers = [layer for _, layer in self._entries]
        frames, messages = np.array([(layer.frames, layer.messages) for layer in layers]).T[:, owner]
        for place in np.flatnonzero(number == frames + 1).tolist():
            layers[owner[place]].began(_time(time[place]))
        if len(flow):
            data = first & CLOSE == 0  # all opcodes of control frames have this bit
            begins = np.append(0, np.flatnonzero(np.diff(flow)) + 1)
            ends = np.append(begins[1:], len(flow)) - 1
            amounts = (data.astype(np.int64), length * data, said.length * data, size)
            sums = (np.add.reduceat(column, begins) for column in amounts)
            last = np.maximum.reduceat(number * data, begins)
            rows = (ends, ends - begins + 1, *sums, last)
            for place, *some in zip(*(column.tolist() for column in rows), strict=True):
                layers[owner[place]].passed(int(side[place]), *some, _time(time[place]))
        ordered = ordered_block((*told[:-1], number - frames + messages, said.begin, said.length, owner, told[-1]), several, {})
        *columns, numbers, begins, lengths, owners, ready = ordered.columns
        block = FrameBlock(columns=(*columns, ready), several=ordered.several, broken={})
        return talk(block, numbers, begins, lengths, said.content, [layers[index] for index in owners.tolist()])

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

    def _settle(self, refused: NDArray[np.bool_], read: Ints, left: Ints, closed: set[int]) -> None:
        """Note in streams and layers how much was read, how much was left, and which flows ended with a close frame."""
        payload, records = self._payload.data, self._plaintext.records.tolist()
        for index, (flow, size, rest) in enumerate(zip(self._flows, read.tolist(), left.tolist(), strict=True)):
            entry, side, _, start, _, end, group, direction, stream = flow
            if refused[entry]:
                if direction is not None:
                    direction.shy = True
                continue
            if stream is not None:
                stream.consume(size)
            elif end is not None and group is not None:
                end.skip(group.next, payload, group.at, group.end, 0 if direction is not None else rest)
                if group.fin:
                    end.finish()
                if direction is not None:
                    direction.passed(records[start], size)
            if index in closed:
                channel, layer = self._entries[entry]
                layer.directions[side].closed = True
                channel.rise()


def _time(time: int) -> int | None:
    return None if time == NO_TIME else int(time)


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
