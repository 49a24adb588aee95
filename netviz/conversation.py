"""A Conversation: one Engine.IO session while it goes on, over whatever connections carry it.

It gives Engine.IO packets their number and pairs pings with pongs, has Socket.IO decoded, pairs acks with what they answer, and
knows the sockets of its namespaces.

https://socket.io/docs/v4/engine-io-protocol/, https://socket.io/docs/v4/socket-io-protocol/
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from netviz.event import (
    Acknowledged,
    EngineIoAnswer,
    EngineIoPacket,
    EngineIoRequest,
    EngineIoSession,
    Event,
    Handshake,
    Origin,
    Problem,
    SocketIoPacket,
    Transport,
    WebSocketClose,
    WebSocketUpgrade,
)
from netviz.event.base import Endpoint
from netviz.layers.engineio import Packet, read_open
from netviz.layers.socketio import Decoded, Decoder

__all__ = ["Conversation", "Piece"]

#: Events that wait for an ack, namespaces of one session, connections and refusals that are remembered.
_MOST, _MOST_NAMESPACES, _MOST_CONNECTIONS, _MOST_KEPT = 10_000, 1_000, 1_000, 20

#: Bytes that are kept of what a refused request was answered.
_SAID = 4096


class Piece(NamedTuple):
    """An Engine.IO packet and where it was: its connection, side, transport, bytes, and the message that it is (or 0)."""

    connection: int
    side: int
    transport: Transport
    packet: Packet
    wire: int
    origin: Origin
    time: int | None
    message: int


class _Pending(NamedTuple):
    """Engine.IO packets that wait for the attachments that make them whole."""

    first: int
    wire: int
    packets: tuple[int, ...]


class Conversation:
    """One session; ``left`` tells that the client said goodbye, ``last`` is the time of its last packet."""

    def __init__(
        self, number: int, connection: int, client: Endpoint | None, server: Endpoint | None, path: str,
        version: int | None, *, inferred: bool = False,
    ) -> None:  # fmt: skip
        self.number = number
        self.client, self.server = client, server
        self.path, self.version = path, version
        self.sid: str | None = None
        self.hop: int | None = None
        self.again: int | None = None
        self.over = self.left = False
        self.began: int | None = None
        self.last: int | None = None
        self._inferred = inferred
        self._connections: dict[int, None] = {connection: None}
        self._opened: Handshake | None = None
        self._transports: dict[Transport, None] = {}
        self._upgraded = False
        self._attempts: list[WebSocketUpgrade] = []
        self._websockets: list[int] = []
        self._closes: list[WebSocketClose] = []
        self._refusals: list[EngineIoAnswer] = []
        self._polls = self._heads = self._bodies = 0
        self._engine = 0
        self._decoders: tuple[Decoder, Decoder] | None = None
        self._pending: list[_Pending | None] = [None, None]
        self._speaks: bool | None = None
        self._sockets: dict[str, str] = {}
        self._asked: dict[tuple[int, str, int], tuple[int, int | None]] = {}
        self._pings: list[dict[int, int | None]] = [{}, {}]
        #: Whether something of it is not known, so that nobody can say what was not asked for.
        self._missed = False
        #: The origin of the packet before, and its packets: in a compressed body they are those of all.
        self._shared: tuple[Origin, tuple[int, ...]] = ((), ())
        self.ended = False

    # What carried it

    def polled(self, connection: int, head: Origin, body: int, *, answer: bool = False) -> None:
        """Count a polling request, or its answer."""
        self.carried(connection)
        self._transports.setdefault("polling")
        self._polls += not answer
        self._heads += sum(head[2::3]) - sum(head[1::3])
        self._bodies += body

    def carried(self, connection: int) -> None:
        """A connection speaks for it."""
        if len(self._connections) < _MOST_CONNECTIONS:
            self._connections.setdefault(connection)

    def attempted(self, upgrade: WebSocketUpgrade, *, opened: bool) -> EngineIoSession:
        """The client asked to move to a WebSocket, or to begin with one."""
        self.carried(upgrade.connection)
        self._begin(upgrade.asked)
        if len(self._attempts) < _MOST_KEPT:
            self._attempts.append(upgrade)
        if opened and len(self._websockets) < _MOST_KEPT:
            self._websockets.append(upgrade.connection)
        return self.told()

    def found(self, connection: int) -> EngineIoSession:
        """A WebSocket turned out to carry it, of which the request does not say so."""
        self._websockets.append(connection)
        return self.told()

    def refused(self, answer: EngineIoAnswer) -> EngineIoSession:
        """A polling request was answered with something that carries no packets, or never."""
        if len(self._refusals) < _MOST_KEPT:
            said = answer.body.content
            if said is not None and len(said) > _SAID:
                answer = replace(answer, body=answer.body._replace(content=said[:_SAID]))
            self._refusals.append(answer)
        self._begin(answer.time)
        return self.told()

    def trouble(self, event: EngineIoRequest | EngineIoAnswer, kind: str, text: str) -> EngineIoSession:
        """Something of it could not be read."""
        self._missed = True
        return self.told(event, Problem(kind, f"packet {event.packets[-1]}: {text}", event.packets[-1]))

    def closed(self, close: WebSocketClose) -> Iterator[Event]:
        """A WebSocket of it ended; where that was how it spoke, so did the session."""
        if len(self._closes) < _MOST_KEPT:
            self._closes.append(close)
        if next(reversed(self._transports), "websocket") == "websocket" or self._upgraded:
            yield from self._unfinished(close.packets, close.time)
            self.over = close.ended
            # Who gives up because nobody answers says so, too, and gets no answer.
            self.left |= close.clean and close.by == "client"
            if not self.ended:
                self.ended = True
                yield self.told(over=True)
        else:
            yield self.told()

    def close(self) -> Iterator[Event]:
        """Nothing comes any more."""
        if not self.ended:
            yield from self._unfinished((), None)
            self.ended = True
            yield self.told(over=True)

    def told(
        self, event: EngineIoRequest | EngineIoAnswer | None = None, *problems: Problem, over: bool = False
    ) -> EngineIoSession:
        """The session as it is now."""
        return EngineIoSession(
            packets=() if event is None else event.packets,
            time=self.last if event is None else event.time,
            problems=problems,
            number=self.number,
            connection=next(iter(self._connections)),
            connections=tuple(self._connections),
            client=self.client,
            server=self.server,
            path=self.path,
            sid=self.sid,
            version=self.version,
            opened=self._opened,
            transports=tuple(self._transports),
            upgraded=self._upgraded,
            over=over,
            hop=self.hop,
            again=self.again,
            attempts=tuple(self._attempts),
            websockets=tuple(self._websockets),
            closes=tuple(self._closes),
            refusals=tuple(self._refusals),
            polls=self._polls,
            heads=self._heads,
            bodies=self._bodies,
            began=self.began,
            inferred=("event",) * self._inferred + ("follows",) * (self.again is not None),
        )

    # Packets

    def take(self, piece: Piece, *, attachment: bool = False) -> Iterator[Event]:
        """An Engine.IO packet, and the Socket.IO packet that it completes; ``attachment`` where it is binary and not kept."""
        packet, side = piece.packet, piece.side
        self.carried(piece.connection)
        self._begin(piece.time)
        self.last = piece.time if piece.time is not None else self.last
        self._engine += 1
        number = self._engine
        took = self._pong(piece)
        if packet.type == "open":
            self._open(packet)
        elif packet.type == "upgrade":
            self._upgraded = True
            self._transports.setdefault("websocket")
        elif packet.type == "close":
            self.left |= side == 0
        if piece.transport == "websocket" and packet.data != "probe" and packet.type != "upgrade":
            self._transports.setdefault("websocket")
        where = piece.origin[-3] if piece.origin else 0
        problems = (Problem("engineio-malformed", f"packet {where}: {packet.trouble}", where),) if packet.trouble else ()
        if piece.origin is not self._shared[0]:
            self._shared = piece.origin, tuple(dict.fromkeys(piece.origin[::3]))
        packets = self._shared[1]
        yield EngineIoPacket(
            packets=packets,
            time=piece.time,
            problems=problems,
            connection=piece.connection,
            session=self.number,
            number=number,
            side=side,
            type=packet.type,
            transport=piece.transport,
            sid=self.sid,
            version=self.version,
            data=packet.data,
            wire=piece.wire,
            message=piece.message,
            took=took,
            origin=piece.origin,
            inferred=("event",) * self._inferred,
        )
        if packet.type == "message" and packet.data is not None:
            yield from self._socketio(piece, packet.data, number, packets)
        elif attachment and self._decoders is not None and self._decoders[side].waiting:
            yield from self._socketio(piece, None, number, packets)
        elif packet.type == "unknown":
            self._missed = True

    def _begin(self, time: int | None) -> None:
        if self.began is None:
            self.began = time

    def _open(self, packet: Packet) -> None:
        known = read_open(packet.data)
        if known is not None:
            sid, self._opened = known
            self.sid = self.sid or sid

    def _pong(self, piece: Piece) -> int | None:
        """Pair pings with pongs; each transport has its own."""
        kind, side, time = piece.packet.type, piece.side, piece.time
        if kind == "ping":
            self._pings[side][piece.connection if piece.transport == "websocket" else -1] = time
            if len(self._pings[side]) > _MOST_KEPT:
                del self._pings[side][next(iter(self._pings[side]))]
        elif kind == "pong":
            asked = self._pings[1 - side].pop(piece.connection if piece.transport == "websocket" else -1, None)
            return None if asked is None or time is None else time - asked
        return None

    # Socket.IO

    def _socketio(self, piece: Piece, data: str | bytes | None, number: int, packets: tuple[int, ...]) -> Iterator[Event]:
        if self._speaks is False:
            return
        if self._decoders is None:
            self._decoders = Decoder(self.version), Decoder(self.version)
        side = piece.side
        found = self._decoders[side].take(data)
        before, self._pending[side] = self._pending[side], None
        here = _Pending(number, piece.wire, packets)
        joined = here if before is None else _Pending(before.first, before.wire + piece.wire, (*before.packets, *packets))
        if not found:
            self._pending[side] = joined
            return
        if self._speaks is None:
            self._speaks = any(decoded.type != "unknown" for decoded in found)
            if not self._speaks:
                return  # Engine.IO carries whatever a program likes; nothing here says that it is Socket.IO
        for place, decoded in enumerate(found):
            last = place == len(found) - 1
            whole = joined if len(found) == 1 else here if last else before or here
            yield self._packet(piece, decoded, whole, number if last else whole.first)
        if self._decoders[side].waiting:
            self._pending[side] = here

    def _unfinished(self, packets: tuple[int, ...], time: int | None) -> Iterator[Event]:
        """What never became whole."""
        if self._decoders is None or self._speaks is False:
            return
        for side, decoder in enumerate(self._decoders):
            pending = self._pending[side] or _Pending(self._engine, 0, packets)
            transport: Transport = next(reversed(self._transports), "polling")
            piece = Piece(next(reversed(self._connections)), side, transport, Packet("message", "", 0, 0), 0, (), time, 0)
            for decoded in decoder.close():
                yield self._packet(piece, decoded, pending, self._engine)

    def _packet(self, piece: Piece, decoded: Decoded, whole: _Pending, last: int) -> SocketIoPacket:
        side, namespace = piece.side, decoded.namespace
        packets = tuple(dict.fromkeys(whole.packets))
        where = packets[-1] if packets else 0
        troubles = list(decoded.troubles)
        answers = self._acknowledge(piece, decoded, where, troubles)
        if decoded.type == "CONNECT" and side == 1:
            self._connected(decoded)
        sid = self._sockets.get(namespace)
        if decoded.type == "DISCONNECT":
            self._sockets.pop(namespace, None)
            self.left |= namespace == "/" and side == 0
        return SocketIoPacket(
            packets=packets,
            time=piece.time,
            problems=tuple(Problem(kind, f"packet {where}: {text}", where) for kind, text in troubles),
            connection=piece.connection,
            session=self.number,
            side=side,
            type=decoded.type,
            namespace=namespace,
            event=decoded.event,
            args=decoded.args,
            id=decoded.id,
            attachments=decoded.attachments,
            sid=sid,
            engineio_sid=self.sid,
            transport=piece.transport,
            wire=whole.wire,
            engine=(whole.first, last),
            parser="msgpack" if decoded.parser == "msgpack" else "json",
            answers=answers,
            inferred=("event",) * self._inferred,
        )

    def _connected(self, decoded: Decoded) -> None:
        said = decoded.args[0] if decoded.args else None
        sid = said.get("sid") if isinstance(said, dict) else None
        if sid is None and self.version == 3 and self.sid is not None:
            # In Socket.IO 2 the id of a socket follows from the session's.
            sid = self.sid if decoded.namespace == "/" else f"{decoded.namespace}#{self.sid}"
        if isinstance(sid, str) and len(self._sockets) < _MOST_NAMESPACES:
            self._sockets[decoded.namespace] = sid

    def _acknowledge(self, piece: Piece, decoded: Decoded, packet: int, troubles: list[tuple[str, str]]) -> Acknowledged | None:
        """Remember who asked for an ack, and find what an ack answers."""
        if decoded.id is None:
            return None
        side, time = piece.side, piece.time
        if decoded.type in ("EVENT", "BINARY_EVENT"):
            self._asked[side, decoded.namespace, decoded.id] = packet, time
            if len(self._asked) > _MOST:
                del self._asked[next(iter(self._asked))]
                self._missed = True
        elif decoded.type in ("ACK", "BINARY_ACK"):
            asked = self._asked.pop((1 - side, decoded.namespace, decoded.id), None)
            if asked is not None:
                return Acknowledged(asked[0], None if time is None or asked[1] is None else time - asked[1])
            if self._opened is not None and not self._missed:
                troubles.append(("ack-for-nothing", f"an ack with id {decoded.id}, for which nobody asked"))
        return None
