"""Packets of all sockets of a server in the order of the capture; equal events to several sockets are one broadcast.

A broadcast is one call: every receiver must have joined the namespace before its first copy was sent, and none receives it
twice.  That there was one call, and for which room, is inferred.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from netviz.event import SocketIoPacket
from netviz.verdicts.session_over import ends
from netviz.verdicts.session_trace import SessionTrace

__all__ = ["Broadcast", "Row", "Told", "rows"]

#: Copies of a broadcast lie within this time; so does what an event makes a server send.
_WINDOW = 50_000_000

#: Rooms of a namespace that are remembered.
_ROOMS = 1_000

#: Events by which clients are used to ask for a room, and those by which they leave one.
_JOIN = re.compile(r"join|enter|subscri|room|channel|watch|follow", re.IGNORECASE)
_LEAVE = re.compile(r"leave|exit|quit|unsub|unwatch|unfollow", re.IGNORECASE)


class Told(NamedTuple):
    """A packet, and the place of its session among those that were given."""

    place: int
    packet: SocketIoPacket


@dataclass(frozen=True, slots=True, kw_only=True)
class Broadcast:
    """One event to several sockets: its copies in the order of the capture, and the ns from the first to the last.

    ``of`` counts the sockets that were in the namespace; ``room`` is inferred from earlier joins; ``without`` the place of
    a session that seems to have caused it and was left out (a server's ``socket.to(…)`` or ``socket.broadcast``).
    """

    copies: tuple[Told, ...]
    spread: int
    of: int
    room: str | None = None
    without: int | None = None

    @property
    def packet(self) -> SocketIoPacket:
        """The first copy."""
        return self.copies[0].packet

    @property
    def places(self) -> tuple[int, ...]:
        """The sessions that received it."""
        return tuple(sorted(copy.place for copy in self.copies))

    @property
    def everyone(self) -> bool:
        """Whether no socket of the namespace was left out."""
        return len(self.copies) >= self.of


Row = Told | Broadcast


@dataclass(slots=True)
class _Group:
    """Copies that may become a broadcast, and who spoke shortly before the first of them."""

    key: tuple[str, str, str]
    copies: list[Told]
    receivers: set[int]
    cause: int | None


@dataclass(slots=True)
class _Namespace:
    """Who is in a namespace, and who asked for which room: the places of the sessions with the packets since when; and who
    spoke last, and when.
    """

    present: dict[int, int] = field(default_factory=dict)
    rooms: dict[str, dict[int, int]] = field(default_factory=dict)
    spoke: tuple[int, int] | None = None


def rows(traces: Sequence[SessionTrace]) -> list[Row]:
    """All Socket.IO packets of these sessions, broadcasts as one row at the place of their first copy."""
    told = sorted((Told(place, packet) for place, trace in enumerate(traces) for packet in trace.packets), key=_order)
    acked = {(*_key(one), 1 - one.packet.side) for one in told if one.packet.answers is not None}
    return _Rows([next((end.packet for end in ends(trace)), None) for trace in traces], acked).of(told)


class _Rows:
    """Goes once over all packets.  A group is looked at when its time is over, so few are open at once."""

    def __init__(self, gone: list[int | None], acked: set[tuple[int, str, int | None, int]]) -> None:
        self._gone = gone
        self._acked = acked
        self._spaces: dict[str, _Namespace] = {}
        self._open: deque[_Group] = deque()
        self._groups: dict[tuple[str, str, str], _Group] = {}
        #: Broadcasts by the identity of their first copy, and the identities of all other copies.
        self._broadcasts: dict[int, Broadcast] = {}
        self._copies: set[int] = set()

    def of(self, told: Iterable[Told]) -> list[Row]:
        """The rows of these packets."""
        found = list(told)
        for one in found:
            self._take(one)
        while self._open:
            self._close(self._open.popleft())
        kept = (one for one in found if id(one.packet) not in self._copies)
        return [self._broadcasts.get(id(one.packet), one) for one in kept]

    def _take(self, one: Told) -> None:
        packet = one.packet
        space = self._spaces.setdefault(packet.namespace, _Namespace())
        if packet.time is not None:
            while self._open and not _soon(self._open[0], packet.time):
                self._close(self._open.popleft())
        if packet.side == 1 and packet.event is not None and packet.time is not None:
            self._copy(space, one, packet.event, packet.time)
        else:
            _note(space, one, one.packet.id is None or (*_key(one), one.packet.side) in self._acked)

    def _copy(self, space: _Namespace, one: Told, event: str, now: int) -> None:
        key = (one.packet.namespace, event, repr(one.packet.args))
        group = self._groups.get(key)
        # A socket of which the CONNECT was not captured is there from the beginning.
        since = space.present.setdefault(one.place, 0)
        if group is None or not _soon(group, now) or one.place in group.receivers or since > _order(group.copies[0]):
            cause = space.spoke[0] if space.spoke is not None and now - space.spoke[1] <= _WINDOW else None
            group = _Group(key, [], set(), cause)
            self._groups[key] = group
            self._open.append(group)
        group.copies.append(one)
        group.receivers.add(one.place)

    def _close(self, group: _Group) -> None:
        """Decide about a group to which nothing more can come."""
        if self._groups.get(group.key) is group:
            del self._groups[group.key]
        if len(group.copies) < 2:
            return
        space = self._spaces[group.key[0]]
        first = _order(group.copies[0])
        there = self._since(space.present, first) | group.receivers
        cause = {group.cause} - {None} - group.receivers
        room, without = None, None
        for name, asked in reversed(space.rooms.items()):
            members = self._since(asked, first)
            if members == group.receivers or (cause and members == group.receivers | cause):
                room, without = name, next(iter(members - group.receivers), None)
                break
        if room is None and cause and there == group.receivers | cause:
            without = group.cause
        times = [copy.packet.time for copy in group.copies if copy.packet.time is not None]
        broadcast = Broadcast(
            copies=tuple(group.copies), spread=max(times) - min(times), of=len(there), room=room, without=without
        )  # fmt: skip
        self._broadcasts[id(group.copies[0].packet)] = broadcast
        self._copies.update(id(copy.packet) for copy in group.copies[1:])

    def _since(self, members: dict[int, int], first: int) -> set[int]:
        """Those who were members before a packet, and whose session was not over by then."""
        gone = self._gone
        return {place for place, since in members.items() if since < first and first <= (gone[place] or first)}


def _order(told: Told) -> int:
    return told.packet.packets[-1] if told.packet.packets else 0


def _soon(group: _Group, now: int) -> bool:
    first = group.copies[0].packet.time
    return first is not None and now - first <= _WINDOW


def _key(one: Told) -> tuple[int, str, int | None]:
    return one.place, one.packet.namespace, one.packet.id


def _note(space: _Namespace, one: Told, heard: bool) -> None:
    """Who comes, goes, speaks, and asks for a room; ``heard`` where the server acknowledged it, if that was wanted."""
    packet, place, now = one.packet, one.place, _order(one)
    if packet.type == "CONNECT" and packet.side == 1:
        space.present[place] = now
    elif packet.type == "DISCONNECT":
        space.present.pop(place, None)
        for members in space.rooms.values():
            members.pop(place, None)
    elif packet.event is not None and packet.side == 0:
        space.present.setdefault(place, 0)
        if packet.time is not None:
            space.spoke = place, packet.time
        room = packet.args[0] if packet.args else None
        if not isinstance(room, str):
            return
        if _LEAVE.search(packet.event):
            space.rooms.get(room, {}).pop(place, None)
        elif _JOIN.search(packet.event) and heard:
            members = space.rooms.pop(room, {})  # what was asked for last stands last
            space.rooms[room] = members | {place: members.get(place, now)}
            if len(space.rooms) > _ROOMS:
                del space.rooms[next(iter(space.rooms))]
