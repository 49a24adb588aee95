"""Footage: what a film is made from.  Packets, connections with every segment, and what their layers told, within bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from ipaddress import ip_address

import numpy as np

from netviz.analysis import Analysis
from netviz.capture.batch import Batch, Ints
from netviz.capture.held import Held, compact
from netviz.capture.source import Source
from netviz.endpoint import endpoint_code
from netviz.errors import NetvizError
from netviz.event import (
    CaptureProblem,
    EngineIoAnswer,
    EngineIoPacket,
    EngineIoRequest,
    EngineIoSession,
    Event,
    Peers,
    Phase,
    SocketIoPacket,
    TcpConnection,
    WebSocketClose,
    WebSocketFrame,
    WebSocketMessage,
    WebSocketUpgrade,
)
from netviz.event.engineio import Carried
from netviz.layers.layer import Wanted
from netviz.quantity import plural
from netviz.table import table

__all__ = ["Footage", "shoot"]

#: Packets of a film and bytes of them.
PACKETS, _BYTES = 100_000, 64 << 20

#: Events that are kept of a packet and of all, and bytes of Socket.IO of which the arguments are.
_EACH, _EVENTS, _ARGUMENTS = 50, 400_000, 16 << 20

#: Characters or bytes of a message that are kept.
_CONTENT = 2001

_NO_BODY = Carried(None, 0)


@dataclass(slots=True)
class Footage:
    """What was read.

    ``told`` holds events by the packet that completed them, ``touching`` by every packet that carries a piece of them,
    ``omitted`` how many of a packet were not kept; ``phases`` say for a connection from which packet on its WebSocket is how
    far.  ``cut`` says what of the capture is not in it.
    """

    source: Held
    connections: list[TcpConnection] = field(default_factory=list)
    told: dict[int, list[Event]] = field(default_factory=dict)
    touching: dict[int, list[Event]] = field(default_factory=dict)
    omitted: dict[int, int] = field(default_factory=dict)
    phases: dict[int, list[tuple[int, Phase]]] = field(default_factory=dict)
    problems: list[CaptureProblem] = field(default_factory=list)
    start: int | None = None
    stop: int | None = None
    packets: int = 0
    cut: str = ""


def shoot(source: Source, connection: int | None = None, progress: Callable[[float | None], None] | None = None) -> Footage:
    """Read a capture, or as much of it as a film may hold; with ``connection`` that one may lie anywhere in it.

    Raises NetvizError where there is no such connection.
    """
    footage = _shoot(source, progress, None)
    if connection is None:
        return _told_short(footage)
    again, once_more = (source.again(), source.again()) if footage.cut else (None, None)
    if again is not None and once_more is not None:
        # What is further back, or goes on there, is found first; then nothing but its packets is read.
        start = footage.start
        footage = _shoot(once_more, progress, _find(Analysis().run(again), connection))
        footage.start = start
    else:
        footage.connections = [_find(footage.connections, connection)]
    return _told_short(footage)


def _told_short(footage: Footage) -> Footage:
    """Say of which connection not every segment was kept."""
    for one in footage.connections:
        missing = sum(side.packets for side in one.traffic) - len(one.segments)
        if missing > 0:
            kept = f"connection {one.connection} goes on for {plural(missing, 'segment')} that are not in the film"
            footage.cut = f"{footage.cut}; {kept}" if footage.cut else kept
            break
    return footage


def _find(events: Iterable[Event], number: int) -> TcpConnection:
    highest = -1
    for event in events:
        if isinstance(event, TcpConnection):
            if event.connection == number:
                return event
            highest = max(highest, event.connection)
    there = "has none" if highest < 0 else f"has 0 to {highest}" if highest else "has only 0"
    raise NetvizError(f"no connection {number}: the capture {there}")


class _Budget:
    """How much may still be kept."""

    def __init__(self) -> None:
        self.packets, self.bytes = PACKETS, _BYTES
        self.events, self.arguments = _EVENTS, _ARGUMENTS

    def fitting(self, batch: Batch, rows: Ints) -> Ints:
        """The first rows of a Batch that fit."""
        size = np.cumsum(batch.captured[rows])
        count = min(self.packets, int(np.searchsorted(size, self.bytes, "right")))
        self.packets -= min(count, len(rows))
        self.bytes -= int(size[min(count, len(rows)) - 1]) if count and len(rows) else 0
        return rows[:count]


def _shoot(source: Source, progress: Callable[[float | None], None] | None, only: TcpConnection | None) -> Footage:
    general, special = Analysis(whole=True), Analysis(wanted=Wanted())
    budget = _Budget()
    batches: list[Batch] = []
    footage = Footage(Held(source.name, source.metadata, batches))
    taker = _Taker(footage, budget, only)
    for batch in source:
        rows = np.arange(len(batch)) if batch.kept is None else batch.kept
        wanted = rows if only is None else _between(batch, only)
        fitting = budget.fitting(batch, wanted)
        short = len(fitting) < len(wanted)
        last = len(batch) - 1 if not short else int(fitting[-1]) if len(fitting) else -1
        footage.packets = max(footage.packets, batch.first + last)
        if only is not None or short:
            # Of a large capture the rows before and behind those that are wanted would take more room than these.
            start, stop = (int(fitting[0]), int(fitting[-1]) + 1) if len(fitting) else (0, 0)
            batch, fitting = replace(batch.part(start, stop), problems=batch.problems), fitting - start
        if len(batch) or batch.problems:
            batch = compact(batch, fitting)
            batches.append(batch)
        taker.connected(general.feed(batch))
        taker.tell(special.feed(batch))
        if progress is not None:
            progress(source.progress)
        if short:
            held = plural(PACKETS - budget.packets, "packet")
            footage.cut = f"the capture goes on: a film holds the first {held}"
            break
    taker.connected(general.close())
    taker.tell(special.close())
    footage.start, footage.stop = general.tally.start, general.tally.stop
    return footage


def _between(batch: Batch, only: TcpConnection) -> Ints:
    """The rows of a Batch that are segments of a connection."""
    if not len(batch):
        return np.zeros(0, np.int64)
    read = table(batch)
    client, server = (endpoint_code(ip_address(end.address).packed, end.port) for end in (only.client, only.server))
    forth = (read.source == client) & (read.target == server)
    back = (read.source == server) & (read.target == client)
    rows = np.unique(read.tcp.row[np.flatnonzero(forth | back)])
    rows = rows[rows + batch.first >= only.segments[0].packet]
    return rows if only.time is None else rows[batch.time[rows] <= only.time]


class _Taker:
    """Sorts what both analyses tell by packet, and keeps of it what a film shows."""

    def __init__(self, footage: Footage, budget: _Budget, only: TcpConnection | None) -> None:
        self._footage = footage
        self._budget = budget
        self._only = only

    def connected(self, events: Iterator[Event]) -> None:
        """Take what is told of connections, and of the capture itself."""
        for event in events:
            if isinstance(event, CaptureProblem):
                self._footage.problems.append(event)
            elif isinstance(event, TcpConnection):
                only = self._only
                if only is None:
                    self._footage.connections.append(event)
                elif event.segments and event.segments[0].packet == only.segments[0].packet:
                    self._footage.connections.append(replace(event, connection=only.connection))

    def tell(self, events: Iterable[Event]) -> None:
        """Take what layers tell."""
        for event in events:
            if isinstance(event, CaptureProblem | EngineIoSession):
                continue  # the other analysis tells the problems; a session is seen in what it says
            if self._only is not None:
                event = _numbered(event, self._only.connection)
            self._phase(event)
            if isinstance(event, Peers) or not event.packets:
                continue
            event = self._trimmed(event)
            for packet in _completing(event):
                self._keep(self._footage.told, packet, event)
            if isinstance(event, WebSocketFrame | WebSocketMessage | WebSocketUpgrade):
                for packet in event.packets:
                    self._keep(self._footage.touching, packet, event, counted=False)

    def _keep(self, place: dict[int, list[Event]], packet: int, event: Event, *, counted: bool = True) -> None:
        known = place.setdefault(packet, [])
        if len(known) < _EACH and self._budget.events > 0:
            self._budget.events -= 1
            known.append(event)
        elif counted:
            self._footage.omitted[packet] = self._footage.omitted.get(packet, 0) + 1

    def _trimmed(self, event: Event) -> Event:
        """The same with no more content than a screen shows."""
        if isinstance(event, WebSocketMessage):
            return event if event.content is None else event._replace(content=event.content[:_CONTENT])
        if isinstance(event, EngineIoPacket):
            return replace(event, data=None if event.data is None else event.data[:_CONTENT])
        if isinstance(event, EngineIoRequest):
            return replace(event, body=_NO_BODY._replace(wire=event.body.wire))
        if isinstance(event, EngineIoAnswer):
            asked = replace(event.request, body=_NO_BODY)
            return replace(event, request=asked, body=_NO_BODY._replace(wire=event.body.wire))
        if isinstance(event, SocketIoPacket):
            self._budget.arguments -= event.wire
            return event if self._budget.arguments > 0 else replace(event, args=("…",) if event.args else ())
        return event

    def _phase(self, event: Event) -> None:
        """How far a WebSocket is from which packet on."""
        phases: list[tuple[int, Phase]] = []
        if isinstance(event, WebSocketUpgrade):
            asked = [piece.packet for piece in event.request]
            answered = [piece.packet for piece in event.response]
            phases += [(max(asked), "CONNECTING")] if asked else []
            phases += [(max(answered), "OPEN" if event.outcome == "accepted" else "CLOSED")] if answered else []
        elif isinstance(event, Peers) and event.inferred:
            phases.append((0, "OPEN"))
        elif isinstance(event, WebSocketMessage) and event.kind == "close":
            phases.append((max(event.packets), "CLOSING"))
        elif isinstance(event, WebSocketClose) and event.ended and event.packets:
            phases.append((max(event.packets), "CLOSED"))
        if phases:
            # Whatever has phases has a connection.
            known = self._footage.phases.setdefault(event.connection, [])  # type: ignore[union-attr]
            known += [new for new in phases if not known or new[1] != known[-1][1]]


def _completing(event: Event) -> list[int]:
    """The packets with which something is complete: of an upgrade its request, and its answer."""
    if isinstance(event, WebSocketUpgrade):
        ends = [max(piece.packet for piece in part) for part in (event.request, event.response) if part]
        return list(dict.fromkeys(ends))
    return [max(event.packets)]


def _numbered(event: Event, connection: int) -> Event:
    """The same with the number that its connection has in the whole capture."""
    if isinstance(event, WebSocketFrame | WebSocketMessage):
        return event._replace(connection=connection)
    # What has that field takes it.
    return replace(event, connection=connection) if hasattr(event, "connection") else event  # type: ignore[call-arg]
