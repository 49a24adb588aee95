"""From the segments of a Batch to the Streams of each connection.

Most of what one side sends in a Batch is due, whole, and follows without a gap; that is seen in columns, and such a run of
segments becomes one piece of the Stream.  Only where a run is not like that its segments are taken one by one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np

from netviz.block import block, no_frames
from netviz.channel import Channel
from netviz.connection import Connection
from netviz.event import SIDES, Segment
from netviz.judge import peers
from netviz.lane import Frames, Lane
from netviz.layers.layer import Ending, Told, Wanted
from netviz.layers.tcp.closing import read_closing
from netviz.layers.tcp.flags import ACK, FIN, RST
from netviz.passing import Passing
from netviz.payload import Group, Part, Payload, gather
from netviz.table import Table
from netviz.talk import Heard, woven
from netviz.tracker import Runs

__all__ = ["Assembly"]

_WORD = 0xFFFFFFFF

Found = tuple[int, Told]


class Assembly:
    """Feeds the Channels of connections; tells what their layers told, in the order of the packets that completed it."""

    def __init__(self, wanted: Wanted, part: Part = (1, 0, 1)) -> None:
        self._wanted = wanted
        self._part = part
        self._before: Table | None = None

    def feed(self, table: Table, runs: Runs, over: Iterable[Connection]) -> list[Told]:
        """Take the segments of a Batch, then let connections go; what was told, in order."""
        payload = gather(table, runs, self._part)
        found: list[Found] = []
        frames = self._read(table, runs, payload, found) if payload is not None else None
        found += self._let_go(over)
        if self._wanted.contents:
            return self._told(Heard(self._priced(found, table), None if frames is None else frames.said))
        return _bundle(found, frames)

    def close(self, connections: Iterable[Connection]) -> list[Told]:
        """Connections that are let go without a Batch, or in which the capture ends."""
        found = self._let_go(connections)
        return self._told(Heard(found, None)) if self._wanted.contents else _bundle(found, None)

    def _told(self, heard: Heard) -> list[Told]:
        """What was told in order; of a part of the connections as it is, for whoever has the others."""
        return woven(heard) if self._part == (1, 0, 1) else [("heard", heard)]

    def _read(self, table: Table, runs: Runs, payload: Payload, found: list[Found]) -> Frames | None:
        """Have the Channels read a Batch, and the lane what is alike; what that read is the answer."""
        contents, bulk, limit = self._wanted.contents, self._wanted.bulk, self._wanted.limit
        lane = None if contents and not bulk else Lane(payload, limit if contents else None)
        laned: list[tuple[int, Connection, Channel, bool]] = []
        groups_of = payload.groups.get
        for index, owner in enumerate(runs.owners):
            if owner is None:
                continue
            channel = owner.channel
            groups = groups_of(2 * index), groups_of(2 * index + 1)
            if channel is None:
                if groups == (None, None):
                    continue
                channel = owner.channel = self._new(owner)
            if isinstance(channel, Passing):
                passed = self._passes(index, owner, channel, groups, payload)
                if passed and (channel.over or not owner.end):
                    continue
                channel = owner.channel = channel.channel()
                if passed:  # bytes were acknowledged that nobody saw
                    self._settle(owner, channel, found)
                    continue
            if None in (channel.ends[0].next, channel.ends[1].next):
                _begin(owner, channel)
            if not self._due(owner, channel, groups):
                self._one_by_one(table, runs, index, owner, channel)
                self._settle(owner, channel, found)
                continue
            if groups != (None, None):
                if lane is not None and lane.take(channel, groups):
                    laned.append((index, owner, channel, False))
                    continue
                if not channel.skim(payload, groups) and self._advance(channel, groups, payload, lane):
                    laned.append((index, owner, channel, True))
                    continue
            self._acknowledge(index, owner, channel, payload)
            self._settle(owner, channel, found)
        if lane is None:
            return None
        for place in lane.open():
            index, owner, channel, _ = laned[place]
            groups = groups_of(2 * index), groups_of(2 * index + 1)
            self._advance(channel, groups, payload, lane, place)
            laned[place] = index, owner, channel, True
        frames = lane.run()
        for place in frames.refused:
            index, _, channel, rest = laned[place]
            if not rest:
                self._pass(channel, (groups_of(2 * index), groups_of(2 * index + 1)), payload)
            channel.advance()
        for index, owner, channel, _ in laned:
            self._acknowledge(index, owner, channel, payload)
            self._settle(owner, channel, found)
        return frames

    def _advance(
        self, channel: Channel, groups: tuple[Group | None, Group | None], payload: Payload, lane: Lane | None,
        again: int | None = None,
    ) -> bool:  # fmt: skip
        """Give both sides their segments, which are due, and have them read; whether the lane took a part of it."""
        self._pass(channel, groups, payload)
        if channel.advance(pause=lane is not None):
            if lane is not None and lane.take_rest(channel, groups, again):
                return True
            channel.advance()
        return False

    def _priced(self, found: list[Found], table: Table) -> list[Found]:
        """Add to an anatomy what its packets cost: those of this Batch and of the one before it."""
        if self._wanted.anatomy is None:
            return found
        tables, self._before = [self._before, table], table
        for index, (ready, (kind, event)) in enumerate(found):
            if kind == "anatomy":
                costs = (known.cost(packet) for packet in event.packets for known in tables if known is not None)
                found[index] = ready, (kind, replace(event, layers=tuple(cost for cost in costs if cost is not None)))
        return found

    def _let_go(self, connections: Iterable[Connection]) -> list[Found]:
        found: list[Found] = []
        for connection in connections:
            channel = connection.channel
            if isinstance(channel, Channel) and not channel.over:
                channel.close(partial(_ending, connection, channel))
                self._collect(connection, channel, found)
            connection.channel = None
        return found

    def _new(self, owner: Connection) -> Channel | Passing:
        first, second = owner.isn(0), owner.isn(1)
        if first is None or second is None:
            return Channel(owner.number, self._wanted)
        return Passing(owner.number, self._wanted, (first + 1, second + 1))

    @staticmethod
    def _passes(
        index: int, owner: Connection, passing: Passing, groups: tuple[Group | None, Group | None], payload: Payload
    ) -> bool:
        """Pass over what came of a connection that has spoken nothing but plain HTTP, if that is true of it still."""
        for group, due in zip(groups, passing.next, strict=True):
            if group is not None and not (group.smooth and group.first == due and (not owner.end or group.last <= owner.end)):
                return False
        if groups != (None, None) and not passing.take(payload, groups):
            return False
        for side in (0, 1):
            if (ack := payload.acks[2 * index + 1 - side]) >= 0:
                passing.acknowledged(side, ack)
        if owner.end and not passing.over:
            passing.over = passing.idle
        return True

    def _collect(self, connection: Connection, channel: Channel, found: list[Found]) -> None:
        told = channel.found
        if told:
            inferred = channel.inferred
            if (self._wanted.contents or inferred) and channel.introduced not in ((True, inferred), (True, True)):
                channel.introduced = True, inferred
                client, server = peers(connection.finish(), channel.client)
                # Before all that is told of it, in whatever order that became certain: a damaged TLS record comes late.
                first = min(ready for ready, _ in told)
                found.append((first, ("peers", (connection.number, client, server, inferred))))
            found += told
            told.clear()

    @staticmethod
    def _due(owner: Connection, channel: Channel, groups: tuple[Group | None, Group | None]) -> bool:
        """Whether the segments of both sides can go straight to their Streams."""
        if not channel.smooth or (owner.end and not channel.over and _was_reset(owner)):
            return False  # what comes behind a reset is looked at on its own
        for end, group in zip(channel.ends, groups, strict=True):
            if group is None:
                continue
            if not group.smooth or (owner.end and group.last > owner.end):
                return False
            if end.next is None:
                end.begin(group.first, whole=False)
            elif end.next != group.first:
                return False
        return True

    @staticmethod
    def _pass(channel: Channel, groups: tuple[Group | None, Group | None], payload: Payload) -> None:
        """Give both sides their segments, which are due."""
        for end, group in zip(channel.ends, groups, strict=True):
            if group is not None:
                end.advance(group.next, *payload.segments(group))
                if group.fin:
                    end.finish()

    @staticmethod
    def _acknowledge(index: int, owner: Connection, channel: Channel, payload: Payload) -> None:
        """Note how far each side has the bytes of the other."""
        for side, end in enumerate(channel.ends):
            if (ack := payload.acks[2 * index + 1 - side]) >= 0:
                end.acknowledged(ack, owner.last, owner.last_time)

    def _settle(self, owner: Connection, channel: Channel, found: list[Found]) -> None:
        """What is left to do for a connection: its end, and collecting what was told."""
        if owner.end and not channel.over:
            channel.close(partial(_ending, owner, channel))
        self._collect(owner, channel, found)

    @staticmethod
    def _one_by_one(table: Table, runs: Runs, index: int, owner: Connection, channel: Channel) -> None:
        batch = table.batch
        view = batch.buffer.data
        start = int(runs.begin[index])
        stop = int(runs.begin[index + 1]) if index + 1 < len(runs.begin) else len(runs.flows.order)
        for item in runs.flows.items(np.arange(start, stop)):
            (_, _, packet, time, side, flags, seq, ack, _, length, first, last, _, _) = item
            side ^= owner.flip
            if owner.end and packet > owner.end and not channel.over:
                channel.advance()
                channel.close(partial(_ending, owner, channel))
            if flags & ACK:
                channel.ends[1 - side].acknowledged(ack, packet, time)
            if flags & RST or not (length or flags & FIN):
                continue
            place = first - int(batch.offset[packet - batch.first])
            seq = seq + (flags >> 1 & 1) & _WORD
            data = bytes(view[first:last])
            for at, size, carrier, where in table.origins(packet, place, len(data)):
                ends = at + size == len(data)  # to the last piece belongs what was cut off, and a FIN
                piece, size, fin = data[at : at + size], length - at if ends else size, ends and flags & FIN > 0
                channel.ends[side].take(seq + at & _WORD, size, piece, carrier, where, time, fin, packet)
        channel.advance()


def _bundle(found: list[Found], frames: Frames | None) -> list[Told]:
    """All frames as one block; nothing else is wanted then but which of them are inferred."""
    others = sorted(told for _, told in found if told[0] == "peers")
    rows = [(ready, row) for ready, (kind, row) in found if kind == "frame"]
    if frames is None and not rows:
        return others
    told = block(no_frames() if frames is None else frames.block, rows)
    return [*others, ("block", told)] if len(told.columns[0]) else others


def _begin(connection: Connection, channel: Channel) -> None:
    """Tell each end where its bytes begin, as soon as a SYN or its answer does."""
    for side, end in enumerate(channel.ends):
        if end.next is None and (isn := connection.isn(side)) is not None:
            end.begin(isn + 1, whole=True)


def _was_reset(connection: Connection) -> bool:
    for row in reversed(connection.rows):
        if row[0] <= connection.end:
            return row[0] == connection.end and row[3] & RST > 0
    return False


def _ending(connection: Connection, channel: Channel) -> Ending:
    """What TCP did, by the segments kept of a connection."""
    until = connection.end or connection.last
    closing = read_closing([Segment._make(row) for row in connection.rows if row[0] <= until])
    flight = channel.ends[0].in_flight(), channel.ends[1].in_flight()
    if closing.how == "open":
        return Ending("open", -1, connection.last, connection.last_time, flight)
    packet = closing.packets[-1]
    time = next((row[1] for row in connection.rows if row[0] == packet), connection.last_time)
    how: Literal["fin", "reset"] = "reset" if closing.how == "reset" else "fin"
    return Ending(how, SIDES.index(closing.by or "client"), packet, time, flight)
