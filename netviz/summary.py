"""What a whole capture is, in one pass over it: `netviz.survey` for its packets, analysis for its connections.

>>> from netviz.capture.source import open_capture
>>> *problems, summary = summarize(open_capture("captures/refused.pcapng"))
>>> summary.count, summary.outcomes
(2, {'refused': 1})
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator
from typing import Literal

from netviz.analysis import Analysis
from netviz.capture.batch import Batch
from netviz.capture.metadata import Interface, Metadata
from netviz.capture.source import Source
from netviz.event import (
    CaptureInterface,
    CapturePart,
    CaptureProblem,
    CaptureSummary,
    EngineIoPacket,
    EngineIoSession,
    Event,
    Peers,
    Problem,
    SessionCounts,
    Share,
    SocketIoPacket,
    TcpConnection,
    TcpOpening,
    TlsAlert,
    TlsHandshake,
    TlsProblem,
    Trouble,
    WebSocketClose,
    WebSocketFrame,
    WebSocketMessage,
    WebSockets,
    WebSocketUpgrade,
)
from netviz.keylog import KeyLog
from netviz.layers.layer import Wanted
from netviz.layers.link import HEADER_NAMES, LINK_NAMES
from netviz.survey import Survey

__all__ = ["Summarizer", "summarize"]

#: So many of the busiest connections are kept, and numbers of connections with a WebSocket, or with one that
#: has a problem.
_BUSIEST, _NUMBERS, _FLAWED = 10, 100, 10_000

#: All payload is read, to tell what WebSockets say, where no more than this is to be read: it takes eight times as long.
_WHOLE = 32 << 20

_Whose = Literal["capture", "tcp", "websocket", "session"]

#: Link types that are nothing but IP, and the units of timestamps that have a name.
_RAW = (12, 14, 101, 228, 229)
_UNITS = {0: "s", 3: "ms", 6: "µs", 9: "ns"}


def summarize(
    source: Source,
    progress: Callable[[float | None], None] | None = None,
    keys: KeyLog | None = None,
) -> Iterator[CaptureProblem | CaptureSummary]:
    """Problems of the capture, then its summary; ``keys`` open what is inside TLS, as do those in the capture."""
    for event in Summarizer.of(source, keys).run(source, progress):
        if isinstance(event, CaptureProblem | CaptureSummary):
            yield event


class Summarizer:
    """Feed it Batches, close it, then ask for the summary; with ``whole`` all payload is read for WebSockets.

    What connections and WebSockets come to is told as it passes; with ``openings`` connections also once they are open.
    """

    def __init__(self, *, whole: bool, keys: KeyLog | None = None, openings: bool = False) -> None:
        self._survey = Survey()
        self._connections = Analysis(openings=openings)
        self._payload = Analysis(wanted=Wanted(keys=keys or KeyLog())) if whole else None
        #: Connections of which what is inside TLS was read.
        self._opened = 0
        self._outcomes: dict[str, int] = {}
        self._applications: dict[str, list[int]] = {}
        self._busiest: list[tuple[tuple[int, int, int], TcpConnection]] = []
        self._one_way = 0
        self._repeated = (0, 0)
        self._failed: int | None = None
        self._websockets = WebSockets(whole=whole)
        self._sessions = SessionCounts()
        #: Sessions that speak Socket.IO and are not over.
        self._spoke: set[int] = set()
        self._flawed: set[int] = set()
        self._troubles: dict[tuple[str, str], Trouble] = {}

    @classmethod
    def of(cls, source: Source, keys: KeyLog | None = None) -> Summarizer:
        """The one for a capture: one that comes live is told of as it comes, a large one is not read for WebSockets."""
        keys = keys or KeyLog()
        keys.growing = source.streaming
        return cls(whole=source.streaming or source.size <= _WHOLE, keys=keys, openings=source.streaming)

    @property
    def start(self) -> int | None:
        """The time of the first packet in ns, once there is one."""
        return self._connections.start

    def run(self, source: Source, progress: Callable[[float | None], None] | None = None) -> Iterator[Event]:
        """What the capture shows, then its summary."""
        for batch in source:
            yield from self.feed(batch)
            if progress is not None:
                progress(source.progress)
        yield from self.close()
        yield self.summary(source)

    def feed(self, batch: Batch) -> Iterator[Event]:
        """What a Batch shows."""
        self._survey.feed(batch)
        yield from self._take(self._connections.feed(batch), () if self._payload is None else self._payload.feed(batch))

    def close(self) -> Iterator[Event]:
        """What only the end shows."""
        yield from self._take(self._connections.close(), () if self._payload is None else self._payload.close())

    def _take(self, connections: Iterator[Event], payload: Iterator[Event] | tuple[()]) -> Iterator[Event]:
        for event in connections:
            if isinstance(event, CaptureProblem):
                for problem in event.problems:
                    self._trouble("capture", problem, event.count, None)
            elif isinstance(event, TcpConnection) and not isinstance(event, TcpOpening):
                self._connection(event)
            yield event
        for event in payload:
            self._websocket(event)
            if not isinstance(event, CaptureProblem):  # these are told by the analysis of connections
                yield event

    def _connection(self, event: TcpConnection) -> None:
        self._outcomes[event.outcome] = self._outcomes.get(event.outcome, 0) + 1
        client, server = event.traffic
        packets, size = client.packets + server.packets, client.bytes + server.bytes
        copies, of = self._repeated
        self._repeated = copies + client.copies + server.copies, of + packets
        if event.application != "unknown" or size:
            counts = self._applications.setdefault(event.application, [0, 0, 0, event.packets[0]])
            for place, more in enumerate((1, packets, size)):
                counts[place] += more
        if event.outcome in ("established", "partial") and packets > 2 and not (client.packets and server.packets):
            self._one_way += 1
        if event.application == "websocket" and self._payload is None:
            self._count(event.connection, opened=1, headless=int("application" in event.inferred))
        for problem in event.problems:
            self._trouble("tcp", problem, 1, event.connection)
        if event.problems and event.outcome not in ("established", "partial") and self._failed is None:
            self._failed = event.connection
        rank = -size, -packets, event.connection
        if len(self._busiest) < _BUSIEST or rank < self._busiest[-1][0]:
            insort(self._busiest, (rank, event), key=lambda ranked: ranked[0])
            del self._busiest[_BUSIEST:]

    def _session(self, event: EngineIoSession | EngineIoPacket | SocketIoPacket) -> None:
        before = self._sessions
        for problem in event.problems:
            self._trouble("session", problem, 1, event.connection)
        if event.problems and before.troubled is None:
            before = before._replace(troubled=event.connection)
        if isinstance(event, SocketIoPacket):
            said = event.type in ("EVENT", "BINARY_EVENT")
            self._spoke.add(event.session)
            before = before._replace(events=before.events + said)
        elif isinstance(event, EngineIoSession) and event.over:
            before = self._session_over(event, before)
        self._sessions = before

    def _session_over(self, event: EngineIoSession, before: SessionCounts) -> SessionCounts:
        told = [answer for answer in event.refusals if answer.status is not None]
        refused = event.opened is None and (bool(told) or any(one.outcome != "accepted" for one in event.attempts))
        for answer in told:
            what, where = answer.request.method, answer.packets[-1] if answer.packets else 0
            text = f"packet {where}: a {what} of a session was answered {answer.status}"
            self._trouble("session", Problem("request-refused", text, where), 1, answer.connection)
        alone = event.transports[0] if len(event.transports) == 1 and not refused else None
        spoke = event.number in self._spoke
        self._spoke.discard(event.number)
        return before._replace(
            total=before.total + 1,
            socketio=before.socketio + (spoke or (refused and event.path.endswith(("/socket.io/", "/socket.io")))),
            moved=before.moved + event.upgraded,
            polling=before.polling + (alone == "polling"),
            websocket=before.websocket + (alone == "websocket"),
            refused=before.refused + refused,
            numbers=(*before.numbers, event.connection) if len(before.numbers) < _NUMBERS else before.numbers,
            troubled=event.connection if (refused or told) and before.troubled is None else before.troubled,
        )

    def _websocket(self, event: Event) -> None:
        if isinstance(event, CaptureProblem):
            for problem in event.problems:
                if problem.kind == "keylog-line":  # all others are told by the analysis of connections
                    self._trouble("capture", problem, 1, None)
            return
        if isinstance(event, EngineIoSession | EngineIoPacket | SocketIoPacket):
            self._session(event)
            return
        if isinstance(event, TlsHandshake | TlsAlert | TlsProblem):
            self._opened += isinstance(event, TlsHandshake) and event.keys == "used" and event.outcome == "complete"
            for problem in event.problems:
                self._trouble("websocket", problem, 1, event.connection)
        elif isinstance(event, WebSocketUpgrade):
            opened = event.outcome in ("accepted", "invalid")
            self._count(event.connection, **{event.outcome: 1, "opened": int(opened)})
            if not opened and self._websockets.refused is None:
                self._websockets = self._websockets._replace(refused=event.connection)
        elif isinstance(event, Peers) and event.inferred:
            self._count(event.connection, headless=1, opened=1)
        elif isinstance(event, WebSocketMessage) and event.kind in ("text", "binary"):
            self._websockets = self._websockets._replace(messages=self._websockets.messages + 1)
        if isinstance(event, WebSocketUpgrade | WebSocketClose | WebSocketMessage | WebSocketFrame):
            if event.problems and self._websockets.troubled is None:
                self._websockets = self._websockets._replace(troubled=event.connection)
            if event.problems and len(self._flawed) < _FLAWED:
                self._flawed.add(event.connection)
            for problem in event.problems:
                self._trouble("websocket", problem, 1, event.connection)

    def _count(self, connection: int, **more: int) -> None:
        before = self._websockets
        counted = {key: count + getattr(before, key) for key, count in more.items()}
        numbers = before.numbers
        if more.get("opened") and len(numbers) < _NUMBERS:
            numbers = (*numbers, connection)
        self._websockets = before._replace(numbers=numbers, **counted)

    def _trouble(self, of: _Whose, problem: Problem, count: int, connection: int | None) -> None:
        before = self._troubles.get((of, problem.kind))
        if before is None:
            self._troubles[of, problem.kind] = Trouble(of, problem.kind, problem.text, count, problem.packet, connection)
        else:
            self._troubles[of, problem.kind] = before._replace(times=before.times + count)

    def summary(self, source: Source) -> CaptureSummary:
        """All of it."""
        survey, metadata = self._survey, source.metadata
        applications = [
            Share(name, "TCP", packets, size, first, "bytes", connections)
            for name, (connections, packets, size, first) in self._applications.items()
        ]
        applications.sort(key=lambda share: (share.name == "unknown", -share.bytes, share.name))
        order = {"capture": 0, "tcp": 1, "websocket": 2, "session": 3}
        troubles = sorted(self._troubles.values(), key=lambda trouble: (order[trouble.of], -trouble.times, trouble.kind))
        return CaptureSummary(
            packets=(),
            time=survey.span.latest,
            problems=tuple(Problem(trouble.kind, trouble.text, trouble.packet) for trouble in troubles),
            files=tuple(dict.fromkeys(section.file for section in metadata.sections)) or (source.name,),
            size=source.size,
            parts=_parts(metadata),
            interfaces=tuple(map(_interface, metadata.interfaces)),
            comments=tuple(metadata.comments),
            keys=len(metadata.secrets),
            opened=self._opened,
            count=survey.count,
            captured=survey.captured,
            wire=survey.wire,
            cut=survey.cut,
            longest_cut=survey.longest_cut,
            span=survey.span,
            shares=(*survey.shares, *applications),
            outcomes=dict(sorted(self._outcomes.items(), key=lambda counted: -counted[1])),
            one_way=self._one_way,
            late=self._connections.tally.late,
            busiest=tuple(event for _, event in self._busiest),
            failed=self._failed,
            flawed=tuple(event.connection for _, event in self._busiest if event.connection in self._flawed),
            websockets=self._websockets._replace(numbers=tuple(sorted(self._websockets.numbers))),
            sessions=self._sessions._replace(numbers=tuple(sorted(self._sessions.numbers))),
            troubles=tuple(troubles),
            repeated=self._repeated,
        )


def _parts(metadata: Metadata) -> tuple[CapturePart, ...]:
    """Sections that say the same are told once for each file."""
    made = (
        CapturePart(part.file, part.format, part.version, "little" if part.order == "<" else "big", part.hardware,
                    part.system, part.program, *metadata.packed.get(part.file, ("", 0)))
        for part in metadata.sections
    )  # fmt: skip
    return tuple(dict.fromkeys(made))


def _interface(interface: Interface) -> CaptureInterface:
    link = interface.link
    power = interface.resolution & 0x7F
    unit = f"2^-{power} s" if interface.resolution & 0x80 else _UNITS.get(power, f"10^-{power} s")
    dropped = ("dropped_by_interface", "dropped_by_system")
    counted = [interface.statistics[key] for key in dropped if key in interface.statistics]
    return CaptureInterface(
        interface.name,
        interface.description,
        interface.filter,
        link,
        HEADER_NAMES.get(link) or LINK_NAMES.get(link) or ("IP without a link layer" if link in _RAW else f"link type {link}"),
        interface.snaplen,
        unit,
        interface.packets,
        sum(counted) if counted else None,
    )
