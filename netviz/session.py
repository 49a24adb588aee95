"""Sessions: all Channels that speak for one Engine.IO session, joined, with the Socket.IO in them.

Polling requests on several TCP connections, the probe and the WebSocket that a client moves to carry one session, which its
sid names.  Packets are taken in the order of the capture, because an event and its attachments, or a question and its answer,
may travel on different connections.

https://socket.io/docs/v4/engine-io-protocol/, https://socket.io/docs/v4/socket-io-protocol/
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from netviz.conversation import Conversation, Piece
from netviz.doubt import Doubt
from netviz.event import EngineIoAnswer, EngineIoRequest, Event, Peers, WebSocketClose, WebSocketMessage, WebSocketUpgrade
from netviz.layers.engineio import Packet, Target, is_open, read_error, read_message, read_payload, read_target
from netviz.layers.websocket.frame import TEXT

if TYPE_CHECKING:
    from netviz.event import Endpoint, MessageBlock

__all__ = ["Sessions"]

#: Sessions and connections that are remembered; the ones that were silent longest go first.
_MOST = 10_000

#: Columns of a block: connection, side, first byte.
_WHOSE = (0, 6, 7)

#: Slices that are told of each packet in a body that was compressed.
_MOST_SLICES = 64

#: A client that comes back within this time, in ns, is likely the one that left.
_RETURNED = 60_000_000_000


class Sessions:
    """Give it events in their order; it gives them back, with those of Engine.IO and Socket.IO behind what carried them."""

    def __init__(self) -> None:
        self._sessions: dict[tuple[Endpoint | None, str], Conversation] = {}
        #: By number: sessions of which the sid is not known.
        self._unnamed: dict[int, Conversation] = {}
        self._wires: dict[int, Conversation | Doubt | None] = {}
        self._peers: dict[int, tuple[Endpoint, Endpoint]] = {}
        self._by_sid: dict[str, int] = {}
        #: By who and where: the last session that ended without a goodbye.
        self._gone: dict[tuple[str | None, Endpoint | None, str], Conversation] = {}
        self._count = 0

    def take(self, event: Event) -> Iterator[Event]:
        """An event, and what follows from it."""
        if isinstance(event, Peers):
            self._peers[event.connection] = event.client, event.server
            if len(self._peers) > _MOST * 5:
                del self._peers[next(iter(self._peers))]
            yield event
        elif isinstance(event, EngineIoRequest):
            yield from self._request(event)
        elif isinstance(event, EngineIoAnswer):
            yield from self._answer(event)
        else:
            yield event
            if isinstance(event, WebSocketMessage):
                yield from self._message(event)
            elif isinstance(event, WebSocketUpgrade):
                yield from self._upgrade(event)
            elif isinstance(event, WebSocketClose):
                yield from self._closed(event)

    def strangers(self, block: MessageBlock) -> bool:
        """Whether all of these messages are of WebSockets that carry something else."""
        connections, sides, first = (block.frames.columns[place] for place in _WHOSE)
        for number in set(connections.tolist()):
            wire = self._wires.get(number, block)
            if isinstance(wire, Doubt) and wire.upgraded and not wire.waiting:
                place = int((connections == number).argmax())
                if not (sides[place] == 1 and first[place] & 15 == TEXT and is_open(block.text(place))):
                    wire = self._wires[number] = None
            if wire is not None:
                return False
        return True

    def close(self) -> Iterator[Event]:
        """The capture is over."""
        for conversation in sorted({*self._sessions.values(), *self._unnamed.values()}, key=lambda known: known.number):
            yield from conversation.close()
        self._sessions.clear()
        self._unnamed.clear()
        self._wires.clear()

    # Polling

    def _request(self, event: EngineIoRequest) -> Iterator[Event]:
        target = read_target(event.target)
        if target is None or target.sid is None or event.method == "OPTIONS":
            yield event  # a handshake: whose it is, its answer tells
            return
        conversation, new = self._named(event.connection, target, target.sid)
        if new:
            yield from self._name(conversation)
        conversation.polled(event.connection, event.head, event.body.wire)
        yield replace(event, session=conversation.number)
        if new:
            yield conversation.told()
        if event.method == "POST" and event.body.wire:
            yield from self._polling(conversation, 0, event, target)

    def _answer(self, event: EngineIoAnswer) -> Iterator[Event]:
        request = event.request
        target = read_target(request.target)
        if target is None or request.method == "OPTIONS":
            yield event
            return
        if target.sid is None:
            yield from self._opened(event, target)
            return
        conversation, new = self._named(event.connection, target, target.sid)
        if new:
            yield from self._name(conversation)
        conversation.polled(event.connection, event.head, event.body.wire, answer=True)
        number = conversation.number
        yield replace(event, session=number, request=replace(request, session=number))
        if event.status != 200:
            yield conversation.refused(event)
        elif request.method == "GET" and event.body.wire:
            yield from self._polling(conversation, 1, event, target)

    def _opened(self, event: EngineIoAnswer, target: Target) -> Iterator[Event]:
        """The answer to a request without a sid: a new session, or a refusal."""
        conversation = self._new(event.connection, target)
        request = event.request
        conversation.polled(event.connection, request.head, request.body.wire)
        conversation.polled(event.connection, event.head, event.body.wire, answer=True)
        number = conversation.number
        yield replace(event, session=number, request=replace(request, session=number))
        refused = event.status != 200 or event.body.content is None or read_error(event.body.content) is not None
        if refused:
            conversation.refused(event)
            yield from conversation.close()
            return
        yield from self._polling(conversation, 1, event, target)
        yield from self._name(conversation)
        yield conversation.told()

    def _polling(
        self, conversation: Conversation, side: int, event: EngineIoRequest | EngineIoAnswer, target: Target
    ) -> Iterator[Event]:
        body = event.body
        if body.content is None:
            yield conversation.trouble(event, "body-unread", body.trouble)
            return
        jsonp = target.jsonp is not None
        if body.trouble:
            yield conversation.trouble(event, "body-unread", body.trouble)
        packets = read_payload(body.content, conversation.version, jsonp=jsonp, request=side == 0)
        if conversation.version == 4 and conversation.sid is None and packets and packets[0].type == "unknown":
            older = read_payload(body.content, 3, jsonp=jsonp)
            if older and older[0].type == "open":
                packets, conversation.version = older, 3
                text = "the request says Engine.IO 4 (EIO=4), the server answers in version 3: this client cannot read it"
                yield conversation.trouble(event, "version-mismatch", text)
        # Of content that is not a copy, each packet came from all of them; many times many would be too many.
        whole = body.origin if len(body.origin) <= 3 * _MOST_SLICES else (*body.origin[:3], *body.origin[-3:])
        for packet in packets:
            origin = whole if jsonp or not body.places else body.part(packet.start, packet.end) or whole
            piece = Piece(event.connection, side, "polling", packet, packet.end - packet.start, origin, event.time, 0)
            yield from conversation.take(piece)

    # WebSockets

    def _upgrade(self, event: WebSocketUpgrade) -> Iterator[Event]:
        self._wire(event.connection, None)
        target = read_target(event.path)
        if target is None:
            if event.outcome in ("accepted", "invalid"):
                self._wires[event.connection] = Doubt(upgraded=True)
            return
        if target.sid is None:
            conversation = self._new(event.connection, target)
        else:
            conversation, new = self._named(event.connection, target, target.sid)
            if new:
                yield from self._name(conversation)
        opened = event.outcome in ("accepted", "invalid")
        yield conversation.attempted(event, opened=opened)
        if opened:
            self._wires[event.connection] = conversation
            if target.sid is None:
                yield from self._name(conversation)
        elif target.sid is None:
            yield from conversation.close()

    def _wire(self, connection: int, carries: Conversation | Doubt | None) -> None:
        self._wires[connection] = carries
        if len(self._wires) > _MOST * 5:
            del self._wires[next(iter(self._wires))]

    def _message(self, event: WebSocketMessage) -> Iterator[Event]:
        if event.kind not in ("text", "binary"):
            return
        wire = self._wires.get(event.connection)
        if wire is None:
            if event.connection in self._wires:
                return
            wire = Doubt(upgraded=False)
            self._wire(event.connection, wire)
        if isinstance(wire, Doubt):
            yield from self._doubted(event, wire)
            return
        yield from self._carried(event, wire)

    def _doubted(self, event: WebSocketMessage, doubt: Doubt) -> Iterator[Event]:
        """A WebSocket of which the request does not say what it carries: its messages may."""
        answer = doubt.take(event)
        if answer is None:
            return
        if not answer:
            self._wires[event.connection] = None
            return
        text = event.content
        certain = event.side == 1 and isinstance(text, str) and is_open(text)
        conversation = self._new(event.connection, Target("", None, "websocket", None, None), inferred=not certain)
        self._wires[event.connection] = conversation
        yield from self._name(conversation)
        yield conversation.found(event.connection)
        for message in doubt.waiting:
            yield from self._carried(message, conversation)

    def _carried(self, event: WebSocketMessage, conversation: Conversation) -> Iterator[Event]:
        content = event.content
        if content is None:
            packet = Packet("unknown", None, 0, 0, "its message could not be read")
        elif event.kind == "text" and isinstance(content, bytes):
            packet = Packet("unknown", content, 0, len(content), "its text is not UTF-8")
        else:
            packet = read_message(content, conversation.version)
        # An attachment is a message of its own: nothing but its length is on the wire for it.
        wire = event.wire_length
        piece = Piece(event.connection, event.side, "websocket", packet, wire, event.origin, event.time, event.number)
        unnamed = conversation.sid is None
        yield from conversation.take(piece, attachment=content is None and event.kind == "binary")
        if unnamed and conversation.sid is not None:
            yield from self._name(conversation)
            yield conversation.told()

    def _closed(self, event: WebSocketClose) -> Iterator[Event]:
        conversation = self._wires.pop(event.connection, None)
        if isinstance(conversation, Conversation):
            yield from conversation.closed(event)
            if conversation.ended:
                self._unnamed.pop(conversation.number, None)
            if conversation.over and not conversation.left and conversation.hop is None:
                self._gone[_place(conversation)] = conversation
                if len(self._gone) > _MOST:
                    del self._gone[next(iter(self._gone))]

    # Whose it is

    def _new(self, connection: int, target: Target, *, inferred: bool = False) -> Conversation:
        client, server = self._peers.get(connection, (None, None))
        conversation = Conversation(self._count, connection, client, server, target.path, target.version, inferred=inferred)
        self._count += 1
        return conversation

    def _named(self, connection: int, target: Target, sid: str) -> tuple[Conversation, bool]:
        """The session of this sid at the server of a connection; where it began before the capture it is new."""
        server = self._peers.get(connection, (None, None))[1]
        known = self._sessions.pop((server, sid), None)
        if known is not None:
            self._sessions[server, sid] = known
            return known, False
        conversation = self._new(connection, target)
        conversation.sid = sid
        return conversation, True

    def _name(self, conversation: Conversation) -> Iterator[Event]:
        """A session has its sid, if there is one: other hops, and sessions before it, can be told; what must give way ends."""
        self._unnamed.pop(conversation.number, None)
        sid, server = conversation.sid, conversation.server
        if sid is None:
            self._unnamed[conversation.number] = conversation
            if len(self._unnamed) > _MOST:
                yield from self._unnamed.pop(next(iter(self._unnamed))).close()
            return
        conversation.hop = self._by_sid.setdefault(sid, conversation.number)
        if conversation.hop == conversation.number:
            conversation.hop = None
        gone = self._gone.pop(_place(conversation), None)
        if gone is not None and gone.last is not None and conversation.began is not None:
            conversation.again = gone.number if 0 <= conversation.began - gone.last < _RETURNED else None
        former = self._sessions.pop((server, sid), None)
        if former is not None and former is not conversation:
            yield from former.close()
        self._sessions[server, sid] = conversation
        if len(self._sessions) > _MOST:
            yield from self._sessions.pop(next(iter(self._sessions))).close()
        if len(self._by_sid) > _MOST:
            del self._by_sid[next(iter(self._by_sid))]


def _place(conversation: Conversation) -> tuple[str | None, Endpoint | None, str]:
    """Who speaks with whom, and where there."""
    client = conversation.client
    return None if client is None else client.address, conversation.server, conversation.path
