"""Events of Engine.IO (versions 3 and 4) and Socket.IO (protocols 4 and 5), and of the HTTP requests that carry them.

https://socket.io/docs/v4/engine-io-protocol/, https://socket.io/docs/v4/socket-io-protocol/
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

from netviz.event.base import SIDES, Endpoint, Happening, Side
from netviz.event.websocket import Header, Origin, WebSocketClose, WebSocketUpgrade

__all__ = [
    "ENGINE_ERRORS",
    "Acknowledged",
    "Carried",
    "EngineIoAnswer",
    "EngineIoPacket",
    "EngineIoRequest",
    "EngineIoSession",
    "Handshake",
    "SocketIoPacket",
    "Transport",
]

Transport = Literal["polling", "websocket"]

#: What a server of Engine.IO answers to a request that it refuses, by code.
ENGINE_ERRORS = {
    0: "Transport unknown",
    1: "Session ID unknown",
    2: "Bad handshake method",
    3: "Bad request",
    4: "Forbidden",
    5: "Unsupported protocol version",
}


class Carried(NamedTuple):
    """A body of HTTP: its content, with chunks joined and codings undone (None where it could not be read), its bytes on
    the wire, and where these came from.

    ``places`` says at which byte of the content each slice of ``origin`` begins; it is empty where the content is not a copy
    of the bytes on the wire.
    """

    content: bytes | None
    wire: int
    origin: Origin = ()
    places: tuple[int, ...] = ()
    trouble: str = ""

    def part(self, start: int, end: int) -> Origin:
        """Where the bytes of the content from ``start`` to ``end`` came from."""
        if not self.places:
            return self.origin
        found: list[int] = []
        for index in range(max(bisect_right(self.places, start) - 1, 0), len(self.places)):
            place, (packet, first, last) = self.places[index], self.origin[3 * index : 3 * index + 3]
            if place >= end:
                break
            begin, stop = max(start, place), min(end, place + last - first)
            if begin < stop:
                found += packet, first + begin - place, first + stop - place
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineIoRequest(Happening):
    """An HTTP request of Engine.IO's polling transport (or a preflight of it), told when its body is complete; no line of JSON.

    ``target`` is what was asked for, ``number`` counts the requests of its connection; ``session`` is None where no session
    is known (yet).
    """

    name: ClassVar[str] = "engineio.request"

    connection: int
    number: int
    method: str
    target: str
    headers: tuple[Header, ...]
    head: Origin
    body: Carried
    session: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineIoAnswer(Happening):
    """What was answered to such a request, told when its body is complete; ``status`` is None where nothing was."""

    name: ClassVar[str] = "engineio.answer"

    connection: int
    request: EngineIoRequest
    status: int | None
    reason: str
    headers: tuple[Header, ...]
    head: Origin
    body: Carried
    session: int | None = None


class Acknowledged(NamedTuple):
    """The other half of an acknowledgement: the packet that completed it, and the ns in between (None without times)."""

    packet: int
    took: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineIoPacket(Happening):
    """An Engine.IO packet, in a polling body or as a WebSocket message.

    ``session`` is the number of its session, counted from 0 in this capture; ``data`` is the text behind its type, or bytes
    where it is binary; ``wire`` its bytes in what carried it; ``message`` the number of the WebSocket message, 0 in polling.
    ``took`` is for a pong the ns since its ping.
    """

    name: ClassVar[str] = "engineio.packet"

    connection: int
    session: int
    number: int
    side: int
    type: str
    transport: Transport
    sid: str | None
    version: int | None
    data: str | bytes | None
    wire: int
    message: int = 0
    took: int | None = None
    origin: Origin = ()
    inferred: tuple[str, ...] = ()

    @property
    def sender(self) -> Side:
        """Who sent it."""
        return SIDES[self.side]


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketIoPacket(Happening):
    """A Socket.IO packet, with all its attachments.

    ``args`` are JSON values, in which bytes stand for attachments; those of an EVENT go without its name, which is ``event``.
    ``sid`` is the socket's own, from the CONNECT of its namespace; ``ack`` tells of an EVENT by which packet it was answered,
    ``answers`` of an ACK which it answers.  ``engine`` are the numbers of its Engine.IO packets (first and last), ``wire``
    their bytes; ``parser`` is "json" or "msgpack".
    """

    name: ClassVar[str] = "socketio.packet"

    connection: int
    session: int
    side: int
    type: str
    namespace: str
    event: str | None
    args: tuple[Any, ...]
    id: int | None
    attachments: int
    sid: str | None
    engineio_sid: str | None
    transport: Transport
    wire: int
    engine: tuple[int, int]
    parser: Literal["json", "msgpack"] = "json"
    ack: Acknowledged | None = None
    answers: Acknowledged | None = None
    inferred: tuple[str, ...] = ()

    @property
    def sender(self) -> Side:
        """Who sent it."""
        return SIDES[self.side]


class Handshake(NamedTuple):
    """What the server said when it opened a session: times in ms, None where it said none."""

    upgrades: tuple[str, ...]
    ping_interval: int | None
    ping_timeout: int | None
    max_payload: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineIoSession(Happening):
    """A session of Engine.IO: told when it becomes known (``over`` false, for views) and when it, or the capture, is over.

    ``client`` is the first endpoint that spoke for it; ``hop`` the number of the session with the same sid that it seems to
    be another hop of (a proxy is between); ``again`` that of the session of the same client that it seems to follow.
    ``connections`` are the TCP connections that carried it; ``transports`` in the order of their use; ``upgraded`` whether it
    moved from polling to a WebSocket.  ``attempts`` are its requests to upgrade, with the answers, ``websockets`` the
    connections of those that were accepted, ``closes`` how these ended; ``refusals`` what its polling requests were answered
    in place of packets (or never); of each the first few are kept.  ``polls`` counts its polling requests, ``heads`` and
    ``bodies`` their bytes on the wire, both ways.
    """

    name: ClassVar[str] = "engineio.session"

    number: int
    connection: int
    connections: tuple[int, ...]
    client: Endpoint | None
    server: Endpoint | None
    path: str
    sid: str | None
    version: int | None
    opened: Handshake | None
    transports: tuple[Transport, ...]
    upgraded: bool
    over: bool
    hop: int | None = None
    again: int | None = None
    attempts: tuple[WebSocketUpgrade, ...] = ()
    websockets: tuple[int, ...] = ()
    closes: tuple[WebSocketClose, ...] = ()
    refusals: tuple[EngineIoAnswer, ...] = ()
    polls: int = 0
    heads: int = 0
    bodies: int = 0
    began: int | None = None
    inferred: tuple[str, ...] = ()
