"""The one loop: Batches in, events out.

>>> from netviz.capture.source import open_capture
>>> [event.outcome for event in analyze(open_capture("captures/refused.pcapng"))]
['refused']
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from netviz.ahead import Message, read_ahead, read_together, worthwhile
from netviz.capture.source import Source
from netviz.found import Found, Kept, Tally

if TYPE_CHECKING:
    from netviz.capture.batch import Batch
    from netviz.event import Course, Event, TcpConnection
    from netviz.layers.layer import Wanted
    from netviz.session import Sessions
    from netviz.tracking import Tracking

__all__ = ["Analysis", "analyze", "course", "trace"]


class Analysis:
    """Feed it Batches, then close it; or let it `run` over a Source.

    With ``openings`` an event is told as soon as a handshake is decided, too; with ``whole`` a connection holds every
    segment.  With ``wanted`` (see
    `netviz.layers.layer.Wanted`) the payload of connections is read, and what WebSockets say is told instead of the
    connections; where that is nothing but frames, ``blocks`` gives many of them at once.
    """

    def __init__(
        self, *, openings: bool = False, whole: bool = False, wanted: Wanted | None = None, blocks: bool = False
    ) -> None:
        self._wanted = wanted
        self._kept = Kept(openings=openings, whole=whole)
        self._made: Tracking | None = None
        self._tally: Tally | None = None
        self._blocks = blocks
        self._sessions: Sessions | None = None

    @property
    def tally(self) -> Tally:
        """What was counted so far."""
        return self._tally or (self._made.tally if self._made else Tally())

    @property
    def _tracking(self) -> Tracking:
        if self._made is None:
            from netviz.tracking import Tracking  # with it comes numpy, which is not needed where another process reads

            self._made = Tracking(self._wanted, kept=self._kept)
        return self._made

    @property
    def start(self) -> int | None:
        """The time of the first packet that has one."""
        return self.tally.start

    def run(self, source: Source, progress: Callable[[float | None], None] | None = None) -> Iterator[Event]:
        """All events of a Source; ``progress`` is told how much has been read.

        A large file is read and tracked in a process of its own while this one judges and draws; that one starts at once,
        while this one still imports what it needs.
        """
        if self._wanted is not None:
            self._wanted.keys.growing = source.streaming
        events = self._receive(self._messages(source), progress) if worthwhile(source) else self._read(source, progress)
        if self._wanted is None or not self._wanted.contents or source.streaming:
            return events
        from netviz.awaiting import acknowledged

        return acknowledged(events)

    def _receive(self, messages: Iterator[Message], progress: Callable[[float | None], None] | None) -> Iterator[Event]:
        for done, tally, found in messages:
            self._tally = tally
            yield from self._events(found)
            if progress is not None:
                progress(done)
        if self._sessions is not None:
            yield from self._sessions.close()

    def _read(self, source: Source, progress: Callable[[float | None], None] | None) -> Iterator[Event]:
        for batch in source:
            yield from self.feed(batch)
            if progress is not None:
                progress(source.progress)
        yield from self.close()

    def _messages(self, source: Source) -> Iterator[Message]:
        wanted = self._wanted
        several = wanted is not None and (wanted.bulk or not wanted.contents)
        if wanted is not None and several and (again := source.again()) is not None:
            return read_together(source, again, wanted)
        return read_ahead(source, wanted, self._kept)

    def feed(self, batch: Batch) -> Iterator[Event]:
        """The events that a Batch completes, in the order of the packets that complete them."""
        return self._events(self._tracking.feed(batch))

    def close(self) -> Iterator[Event]:
        """The connections that the capture ended in, then what was not decoded."""
        yield from self._events(self._tracking.close())
        if self._sessions is not None:
            yield from self._sessions.close()

    def _events(self, found: list[Found]) -> Iterator[Event]:
        if self._wanted is not None:
            yield from self._told(found)
            return
        from netviz.judge import judge

        for kind, value in found:
            if kind == "over":
                yield judge(value)
            else:
                yield judge(value, opening=True) if kind == "opened" else value

    def _told(self, found: list[Found]) -> Iterator[Event]:
        """What layers told."""
        from netviz.event import Answer, Peers, WebSocketFrame, WebSocketMessage
        from netviz.session import Sessions

        if self._sessions is None:
            self._sessions = Sessions()
        further = self._sessions.take
        for kind, value in found:
            if kind == "block":
                if self._blocks:
                    yield value
                else:
                    yield from value.frames()
            elif kind == "talk":
                if self._blocks and self._sessions.strangers(value):
                    yield value
                else:
                    for event in value.events():
                        yield from (event,) if isinstance(event, WebSocketFrame) else further(event)
            elif kind == "frame":
                yield WebSocketFrame._make(value)
            elif kind == "message":
                message = WebSocketMessage._make(value)
                yield from further(message if message.after is None else message._replace(after=Answer(*message.after)))
            elif kind == "peers":
                number, client, server, inferred = value
                yield from further(
                    Peers(packets=(), time=None, connection=number, client=client, server=server, inferred=inferred)
                )
            else:
                yield from further(value)


def analyze(source: Source) -> Iterator[Event]:
    """All events of a capture."""
    return Analysis().run(source)


def trace(source: Source) -> Iterator[Event]:
    """All that WebSockets of a capture say: upgrades, frames, messages, closes.

    >>> from netviz.capture.source import open_capture
    >>> [event.content for event in trace(open_capture("captures/websocket.pcapng")) if event.name == "websocket.message"][0]
    'the ferry leaves pier 4 at 07:35'
    """
    from netviz.layers.layer import Wanted

    return Analysis(wanted=Wanted()).run(source)


def course(connection: TcpConnection) -> Course:
    """What both ends of a connection did with each of its kept segments."""
    from netviz.layers.tcp.course import read_course

    return read_course(connection.segments)
