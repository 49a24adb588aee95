"""A film: the segments of a capture one after the other, each a scene that knows how far everything is by then.

>>> from netviz.capture.source import open_capture
>>> film = Film(shoot(open_capture("captures/refused.pcapng")))
>>> [(scene.number, scene.machines[0].state) for scene in map(film.scene, range(len(film)))]
[(4, 'SYN-SENT'), (5, 'CLOSED')]
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from dataclasses import replace
from typing import NamedTuple

from netviz.analysis import course
from netviz.context import known_context
from netviz.dissection import dissect, stack
from netviz.event import (
    CaptureProblem,
    Course,
    Dissection,
    Event,
    Machine,
    PacketLayer,
    Phase,
    Scene,
    TcpConnection,
    WebSocketFrame,
    WebSocketMessage,
)
from netviz.footage import Footage, shoot

__all__ = ["Film", "shoot"]

#: Scenes that are remembered: more than any screen shows at once.
_MOST = 512

_Change = tuple[int, str]


class _Strip(NamedTuple):
    """A connection: its course, where the states of both ends change, its last packet, and where in the film its scenes are."""

    tcp: TcpConnection
    course: Course
    changes: tuple[list[_Change], list[_Change]]
    final: int
    places: list[int]


class _Still(NamedTuple):
    """A scene before it is made: its packet, its time, its strip, and the moment there (or, from -1 down, the ICMP error)."""

    packet: int
    time: int | None
    strip: int
    at: int


class Film:
    """Scenes in the order of the capture.

    ``start`` is the time of the capture's first packet; ``since`` and ``until`` cut the film to the scenes between these
    times, in ns after it.
    """

    def __init__(self, footage: Footage, since: int | None = None, until: int | None = None) -> None:
        self.footage = footage
        self.start = footage.start
        self.connections = tuple(footage.connections)
        self._strips = [_strip(connection) for connection in footage.connections]
        stills = [still for at, strip in enumerate(self._strips) for still in _stills(at, strip.course, strip.tcp)]
        stills.sort(key=lambda still: still.packet)
        self._stills = [still for still in stills if self._within(still.time, since, until)]
        for place, still in enumerate(self._stills):
            self._strips[still.strip].places.append(place)
        self._packets = [still.packet for still in self._stills]
        self._made: OrderedDict[int, Scene] = OrderedDict()
        #: Problems of the capture itself, by the place of the scene that tells them.
        self._problems: dict[int, list[Event]] = {}
        for problem in footage.problems if self._stills else ():
            self._problems.setdefault(self._told_at(problem), []).append(problem)

    def __len__(self) -> int:
        return len(self._stills)

    @property
    def times(self) -> list[int | None]:
        """The time of each scene."""
        return [still.time for still in self._stills]

    def scene(self, place: int) -> Scene:
        """One scene, from 0."""
        made = self._made.get(place)
        if made is None:
            made = self._made[place] = self._make(place)
            if len(self._made) > _MOST:
                self._made.popitem(last=False)
        return made

    def recent(self, place: int, count: int) -> list[Scene]:
        """The scenes up to this one, at most so many."""
        return [self.scene(one) for one in range(max(place - count + 1, 0), place + 1)]

    def place_of(self, packet: int) -> int:
        """The place of the scene of a packet; where it has none, of the next one that has, or the last."""
        return min(bisect_left(self._packets, packet), len(self._stills) - 1)

    def dissect(self, place: int) -> Dissection:
        """The packet of a scene taken apart, layer by layer."""
        found = replace(dissect(self.footage.source, self._packets[place]), origin=self.start)
        number = self._strips[self._stills[place].strip].tcp.connection
        return replace(found, connection=number) if found.connection is not None else found

    def _within(self, time: int | None, since: int | None, until: int | None) -> bool:
        if time is None or self.start is None:
            return True
        elapsed = time - self.start
        return (since is None or elapsed >= since) and (until is None or elapsed <= until)

    def _told_at(self, problem: CaptureProblem) -> int:
        packets = [*problem.packets, *(one.packet for one in problem.problems if one.packet)]
        return self.place_of(min(packets)) if packets else len(self._stills) - 1

    def _make(self, place: int) -> Scene:
        still = self._stills[place]
        strip, footage = self._strips[still.strip], self.footage
        moment = strip.course.moments[still.at] if still.at >= 0 else None
        at = still.at if moment is not None else bisect_left(strip.course.moments, still.packet, key=_packet) - 1
        told = footage.told.get(still.packet, [])
        mine = [event for event in told if getattr(event, "connection", None) == strip.tcp.connection]
        before = self._stills[place - 1].time if place else None
        return Scene(
            packets=(still.packet,),
            time=still.time,
            place=place,
            row=bisect_left(strip.places, place),
            tcp=strip.tcp,
            moment=moment,
            icmp=None if moment is not None else strip.tcp.icmp[-1 - still.at],
            machines=(_machine(strip, 0, at, moment is not None), _machine(strip, 1, at, moment is not None)),
            layers=self._layers(still, strip),
            told=(*_whole_messages(mine), *self._problems.get(place, ())),
            more=footage.omitted.get(still.packet, 0),
            silence=None if before is None or still.time is None else max(still.time - before, 0),
            phase=self._phase(strip.tcp.connection, still.packet),
            last=still.packet == strip.final and (not footage.cut or _is_over(strip.tcp)),
        )

    def _layers(self, still: _Still, strip: _Strip) -> tuple[PacketLayer, ...]:
        batch = self.footage.source.batch(still.packet)
        if batch is None:
            return ()
        if still.at < 0:
            return stack(batch, still.packet, None)
        events = tuple(self.footage.touching.get(still.packet, ()))
        return stack(batch, still.packet, known_context(strip.tcp, strip.course, strip.course.moments[still.at], events))

    def _phase(self, connection: int, packet: int) -> Phase:
        phase: Phase = ""
        for since, now in self.footage.phases.get(connection, ()):
            if since <= packet:
                phase = now
        return phase


def _is_over(connection: TcpConnection) -> bool:
    """Whether nothing can follow, also in a capture that goes on."""
    closing = connection.closing
    return connection.outcome in ("refused", "aborted") if closing is None else closing.how in ("fin", "reset")


def _strip(connection: TcpConnection) -> _Strip:
    told = course(connection)
    changes: tuple[list[_Change], list[_Change]] = ([], [])
    for side in (0, 1):
        state = told.before[side]
        for index, moment in enumerate(told.moments):
            if moment.states[side] != state:
                state = moment.states[side]
                changes[side].append((index, state))
    final = max((still.packet for still in _stills(0, told, connection)), default=0)
    return _Strip(connection, told, changes, final, [])


def _stills(strip: int, told: Course, connection: TcpConnection) -> list[_Still]:
    moments = [_Still(moment.segment.packet, moment.segment.time, strip, at) for at, moment in enumerate(told.moments)]
    return moments + [_Still(error.packet, error.time, strip, -1 - at) for at, error in enumerate(connection.icmp)]


def _packet(moment: object) -> int:
    return moment.segment.packet  # type: ignore[attr-defined,no-any-return]  # bisect's key has no other type


def _machine(strip: _Strip, side: int, at: int, moving: bool) -> Machine:
    """The state machine of one end behind the moment at this index."""
    changes = strip.changes[side]
    count = bisect_right(changes, at, key=lambda change: change[0])
    moved = moving and count > 0 and changes[count - 1][0] == at
    trail = (strip.course.before[side], *(state for _, state in changes[:count]))
    inferred = strip.course.moments[at].inferred[side] if 0 <= at < len(strip.course.moments) else True
    return Machine(trail, moved, inferred)


def _whole_messages(told: list[Event]) -> list[Event]:
    """Without the frames that are a message of their own here: the message says it better."""
    whole = {(event.side, event.frames[0]) for event in told if isinstance(event, WebSocketMessage) and event.fragments <= 1}
    return [event for event in told if not (isinstance(event, WebSocketFrame) and (event.side, event.number) in whole)]
