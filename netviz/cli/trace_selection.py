"""Which WebSockets, messages and frames a user asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from netviz.cli.selection import address
from netviz.errors import NetvizError
from netviz.event import (
    CaptureProblem,
    Endpoint,
    EngineIoAnswer,
    EngineIoPacket,
    EngineIoRequest,
    EngineIoSession,
    Event,
    Peers,
    SocketIoPacket,
    WebSocketClose,
    WebSocketFrame,
    WebSocketMessage,
)

__all__ = ["TraceSelection"]

#: Connections of which the ends are remembered: a stream may go on for ever.
_MOST = 50_000


@dataclass(slots=True)
class TraceSelection:
    """The filters of ``ws-trace``; an event that is not tied to a connection passes them all.

    ``only`` holds names of events, or what those begin with.  ``problems_seen`` is set once something that passed had a
    problem.
    """

    connection: int | None = None
    host: str | None = None
    port: int | None = None
    grep: str | None = None
    kind: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    problems: bool = False
    problems_seen: bool = False
    highest: int = -1
    peers: dict[int, tuple[Endpoint, Endpoint]] = field(default_factory=dict)
    pattern: re.Pattern[str] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.host = None if self.host is None else address(self.host)
        if self.grep is not None:
            try:
                self.pattern = re.compile(self.grep, re.IGNORECASE)
            except (re.error, OverflowError, RecursionError) as error:
                raise NetvizError(f"--grep {self.grep!r} is no regular expression: {error}") from error

    @property
    def everything(self) -> bool:
        """Whether nothing is left out but by name."""
        given = (self.connection, self.host, self.port, self.grep)
        return given == (None, None, None, None) and not (self.kind or self.problems)

    @property
    def narrow(self) -> bool:
        """Whether only some messages are wanted."""
        return bool(self.grep is not None or self.kind or self.problems)

    def passes(self, event: Event) -> bool:
        """Whether to show an event."""
        if isinstance(event, Peers):
            self.peers[event.connection] = event.client, event.server
            if len(self.peers) > _MOST and self.connection is None:
                del self.peers[next(iter(self.peers))]
            self.highest = max(self.highest, event.connection)
            return self._connected(event.connection)
        if isinstance(event, WebSocketClose) and not event.ended and not event.problems:
            return False
        if isinstance(event, EngineIoRequest | EngineIoAnswer):
            return False  # what they carry is told
        if isinstance(event, EngineIoSession) and not (event.over or event.problems):
            return False
        if not self.wants(event.name):
            return False
        shown = isinstance(event, CaptureProblem) or (self._connected(event.connection) and self._told(event))  # type: ignore[union-attr]
        if shown and event.problems:
            self.problems_seen = True
        return shown

    def wants(self, event: str) -> bool:
        """Whether events of this name are asked for."""
        return not self.only or any(event == name or event.startswith(f"{name}.") for name in self.only)

    def selects(self, event: WebSocketMessage) -> bool:
        """Whether a message is one that was asked for, whatever names of events are printed."""
        return self._connected(event.connection) and self._told(event)

    def connected(self, connection: int) -> bool:
        """Whether this connection was asked for."""
        return self._connected(connection)

    def _connected(self, connection: int) -> bool:
        if self.connection is not None and connection != self.connection:
            return False
        if self.host is None and self.port is None:
            return True
        ends = self.peers.get(connection, ())
        return (self.host is None or any(end.address == self.host for end in ends)) and (
            self.port is None or any(end.port == self.port for end in ends)
        )

    def _told(self, event: Event) -> bool:
        if self.problems and not event.problems:
            return False
        if self.kind and (not isinstance(event, WebSocketFrame | WebSocketMessage) or event.kind not in self.kind):
            return False
        if self.pattern is None:
            return True
        if isinstance(event, SocketIoPacket):
            said = " ".join((event.event or event.type, *map(str, event.args)))
        elif isinstance(event, WebSocketMessage | EngineIoPacket):
            content = event.content if isinstance(event, WebSocketMessage) else event.data
            said = "" if content is None else content if isinstance(content, str) else content.decode("latin-1")
        else:
            return False
        return bool(said) and self.pattern.search(said) is not None

    def require(self) -> None:
        """Complain where the one connection that was asked for is no WebSocket."""
        if self.connection is not None and self.connection not in self.peers:
            there = ", ".join(map(str, list(self.peers)[:20])) or "none"
            more = ", …" if len(self.peers) > 20 else ""
            raise NetvizError(f"connection {self.connection} holds no WebSocket; connections that do: {there}{more}")
