"""The one loop: Batches in, events out.

>>> from netviz.capture.source import open_capture
>>> [event.outcome for event in analyze(open_capture("captures/refused.pcapng"))]
['refused']
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netviz.capture.batch import NO_TIME, Batch
from netviz.capture.source import Source
from netviz.connection import Connection
from netviz.event import (
    CaptureProblem,
    Course,
    Event,
    Problem,
    TcpConnection,
    TcpOpening,
    Traffic,
)
from netviz.layers.tcp.closing import read_closing
from netviz.layers.tcp.course import read_course
from netviz.layers.tcp.handshake import read_handshake
from netviz.layers.tcp.trouble import find_trouble
from netviz.table import Notice, table
from netviz.tracker import Tracker

__all__ = ["Analysis", "analyze", "course"]

#: How long a streaming source was silent when it gives a Batch without packets.
_SILENCE = 500_000_000


class Analysis:
    """Feed it Batches, then close it.

    ``start`` is the time of the first packet that has one, ``stop`` of the last; ``counts`` the packets by protocol.
    With ``openings`` an event is told as soon as a handshake is decided, too.
    """

    def __init__(self, *, openings: bool = False) -> None:
        self.start: int | None = None
        self.stop: int | None = None
        self.counts: dict[str, int] = {}
        self._tracker = Tracker()
        self._notices: dict[tuple[str, str], Notice] = {}
        self._openings = openings

    @property
    def late(self) -> int:
        """Segments that came for a connection after it had been let go."""
        return self._tracker.late

    def run(self, batches: Iterable[Batch]) -> Iterator[Event]:
        """All events of all Batches."""
        for batch in batches:
            yield from self.feed(batch)
        yield from self.close()

    def feed(self, batch: Batch) -> Iterator[Event]:
        """The events that a Batch completes, in the order of the packets that complete them."""
        yield from batch.problems
        if not len(batch):
            tracked = self._tracker.wait(0 if batch.problems else _SILENCE)
        else:
            self._clock(batch)
            packets = table(batch)
            for protocol, count in packets.counts.items():
                self.counts[protocol] = self.counts.get(protocol, 0) + count
            for notice in packets.notices:
                self._note(notice)
            tracked = self._tracker.feed(packets)
        if self._openings:
            for connection in tracked.opened:
                yield _event(connection, opening=True)
        for connection in tracked.over:
            yield _event(connection)

    def close(self) -> Iterator[Event]:
        """The connections that the capture ended in, then what was not decoded."""
        for connection in self._tracker.close():
            yield _event(connection)
        for notice in self._notices.values():
            text = f"{notice.count:,} packet{'s' * (notice.count != 1)} {notice.text}; the first is packet {notice.packet}"
            problem = Problem(notice.kind, text, notice.packet)
            yield CaptureProblem(packets=(notice.packet,), time=None, problems=(problem,), count=notice.count)

    def _clock(self, batch: Batch) -> None:
        first, last = int(batch.time[0]), int(batch.time[-1])
        if first == NO_TIME or last == NO_TIME:
            timed = batch.time[batch.time != NO_TIME]
            if not len(timed):
                return
            first, last = int(timed[0]), int(timed[-1])
        self.start = first if self.start is None else self.start
        self.stop = last

    def _note(self, notice: Notice) -> None:
        key = notice.kind, notice.text
        before = self._notices.get(key)
        count = notice.count + (before.count if before else 0)
        packet = before.packet if before else notice.packet
        self._notices[key] = Notice(notice.kind, notice.text, count, packet)


def analyze(source: Source) -> Iterator[Event]:
    """All events of a capture."""
    return Analysis().run(source)


def course(connection: TcpConnection) -> Course:
    """What both ends of a connection did with each of its kept segments."""
    return read_course(connection.segments)


def _event(connection: Connection, *, opening: bool = False) -> TcpConnection:
    """Judge a connection by what was kept of it."""
    client, sure = _client(connection)
    segments = tuple(connection.segments)
    if client:
        segments = tuple(segment._replace(side=1 - segment.side) for segment in segments)
    handshake = read_handshake(segments)
    judged = handshake.outcome in ("established", "partial")
    closing = read_closing(segments[handshake.ends :]) if judged else None
    ends = connection.endpoints
    traffic = [Traffic(*counts) for counts in zip(connection.packets, connection.bytes, strict=True)]
    inferred = (() if sure else ("client", "server")) + (("outcome",) if handshake.inferred else ())
    probe = connection.probe
    packets = [step.segment.packet for step in handshake.steps if not step.retransmission]
    if closing is not None:
        packets += closing.packets
    return (TcpOpening if opening else TcpConnection)(
        packets=tuple(packets) or (connection.first,),
        time=connection.last_time,
        problems=find_trouble(handshake, closing, connection.icmp, segments, connection.dropped),
        connection=connection.number,
        client=ends[client],
        server=ends[1 - client],
        outcome=handshake.outcome,
        simultaneous=handshake.simultaneous,
        split=handshake.split,
        steps=handshake.steps,
        rtt=handshake.rtt,
        closing=closing,
        traffic=(traffic[client], traffic[1 - client]),
        application=probe.name,
        segments=segments,
        icmp=tuple(connection.icmp),
        start=connection.start,
        inferred=inferred + (("application",) if probe.inferred else ()),
    )


def _client(connection: Connection) -> tuple[int, bool]:
    """The side of the client, and whether the wire shows it (DESIGN: who sent the SYN, a request, else the higher port)."""
    if connection.opener >= 0:
        return connection.opener, True
    if connection.probe.client is not None:
        return connection.probe.client, not connection.probe.inferred
    first, second = (end.port for end in connection.endpoints)
    return int(second > first), False
