"""What is known of an Engine.IO session, gathered from its events: what verdicts and views of it are made from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from netviz.event import Endpoint, EngineIoAnswer, EngineIoPacket, EngineIoSession, Event, Problem, SocketIoPacket

__all__ = ["SessionTrace"]

#: Packets, requests and problems of a session that are remembered; beyond that they are counted.
_MOST = 20_000

#: An end that nobody was told of.
_UNKNOWN = Endpoint("?", 0)


@dataclass(slots=True)
class SessionTrace:
    """A session; ``control`` holds its Engine.IO packets other than messages, ``packets`` those of Socket.IO.

    ``messages`` counts Engine.IO messages, ``engine`` all Engine.IO packets by side, ``wire`` their bytes by transport.
    ``omitted`` counts what is not remembered: all beyond ``most``.
    """

    session: EngineIoSession
    control: list[EngineIoPacket] = field(default_factory=list)
    packets: list[SocketIoPacket] = field(default_factory=list)
    answers: list[EngineIoAnswer] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    engine: list[int] = field(default_factory=lambda: [0, 0])
    wire: dict[str, int] = field(default_factory=lambda: {"polling": 0, "websocket": 0})
    counts: dict[str, int] = field(default_factory=lambda: {"polling": 0, "websocket": 0})
    first: dict[str, int | None] = field(default_factory=dict)
    last: int | None = None
    omitted: int = 0
    most: int = _MOST

    @property
    def connection(self) -> int:
        """The first connection that carried it."""
        return self.session.connection

    @property
    def client(self) -> Endpoint:
        """Who spoke for it first."""
        return self.session.client or _UNKNOWN

    @property
    def server(self) -> Endpoint:
        """Where it is."""
        return self.session.server or _UNKNOWN

    @property
    def application(self) -> str:
        """What it carries."""
        return "socket.io" if self.packets else "engine.io"

    def take(self, event: Event) -> None:
        """Take note of an event of this session."""
        self.problems += event.problems[: max(self.most - len(self.problems), 0)]
        if isinstance(event, EngineIoSession):
            self.session = event
            return
        self.last = event.time if event.time is not None else self.last
        if isinstance(event, EngineIoPacket):
            self.engine[event.side] += 1
            self.wire[event.transport] += event.wire
            self.counts[event.transport] += 1
            self.first.setdefault(event.transport, event.time)
            if event.type != "message":
                self._keep(self.control, event)
        elif isinstance(event, SocketIoPacket):
            self._keep(self.packets, event)
        elif isinstance(event, EngineIoAnswer):
            # Its packets are told one by one; bodies may be large.
            request = replace(event.request, body=event.request.body._replace(content=None))
            self._keep(self.answers, replace(event, request=request, body=event.body._replace(content=None)))

    def _keep(self, kept: list[Any], thing: Event) -> None:
        if len(kept) < self.most:
            kept.append(thing)
        else:
            self.omitted += 1
