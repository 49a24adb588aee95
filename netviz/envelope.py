"""Engine.IO and Socket.IO as layers of a packet: what stands before the arguments in a message or a polling body."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

from netviz.event import Carried, EngineIoAnswer, EngineIoPacket, EngineIoRequest, Event, PacketLayer, Slice, SocketIoPacket
from netviz.layers.engineio import TYPES, read_error, read_target
from netviz.layers.header.socketio import Prefix, engineio_prefix, socketio_prefix
from netviz.quantity import plural, span

__all__ = ["engine_of", "envelope", "polled", "told", "unfinished"]

#: What somebody wanted to say; the payload of a CONNECT serves the connection.
_SAYING = ("EVENT", "ACK", "BINARY_EVENT", "BINARY_ACK", "CONNECT_ERROR", "ERROR")

_ENGINE_NOTE = "a session (5) of its own inside an application protocol (7)"
_SOCKET_NOTE = "events, namespaces and acks are all that it adds"

#: What client and server do with a namespace.
_WORDS = {"CONNECT": ("asks to join", "lets the client into"), "DISCONNECT": ("leaves", "puts the client out of"),
          "CONNECT_ERROR": ("refuses", "refuses the client at")}  # fmt: skip

#: No more packets of a body that is compressed are shown.
_MOST = 100


def engine_of(events: Sequence[Event], side: int, message: int) -> EngineIoPacket | None:
    """The Engine.IO packet that a WebSocket message is."""
    return next((event for event in events if isinstance(event, EngineIoPacket) and event.message == message
                 and event.side == side and event.transport == "websocket"), None)  # fmt: skip


def envelope(
    engine: EngineIoPacket, events: Sequence[Event], clear: bytes, start: int, end: int, *, binary: bool, begins: bool,
    whole: bool, placed: bool, facts: tuple[str, ...] = (),
) -> list[PacketLayer]:  # fmt: skip
    """The layers of a WebSocket message, or a piece of it: ``clear`` as it reads, its bytes from ``start`` to ``end``.

    ``begins`` is whether the message begins here, ``whole`` whether nothing of it is elsewhere, ``placed`` whether each byte
    of it is one on the wire (if masked); ``facts`` are what is known of its content.
    """
    if not begins:
        return [_content(engine, _socket_of(events, engine), clear, start, end, facts)]
    how: Literal["binary", "text"] = "binary" if binary else "text"
    return _layers(engine, events, clear, engineio_prefix(clear, engine.version, how), start, end, whole, placed, facts)


def _layers(
    engine: EngineIoPacket, events: Sequence[Event], clear: bytes, prefix: Prefix, start: int, end: int, whole: bool,
    placed: bool, facts: tuple[str, ...],
) -> list[PacketLayer]:  # fmt: skip
    socket = _socket_of(events, engine)
    at = start + prefix.size if placed else start
    found = [_engine(engine, prefix, clear, start, at)]
    rest = clear[prefix.size :]
    first = socket is not None and engine.number == socket.engine[0]
    inner = None
    if socket is not None and first and socket.parser == "json" and isinstance(engine.data, str):
        inner = socketio_prefix(rest, engine.version)
        if inner is not None and inner.size == len(rest) and not whole:
            inner = None  # where it ends is in another packet
    if socket is not None and inner is not None:
        after = at + inner.size if placed else at
        found.append(_socket(socket, inner.word, inner, rest, at, after))
        at, rest = after, rest[inner.size :]
    elif socket is not None and first and socket.parser == "msgpack":
        found.append(_socket(socket, socket.type, Prefix("", 0, ()), b"", at, at))
    if rest or end > at:
        found.append(_content(engine, socket, rest, at, end, facts))
    return found


def told(events: Sequence[Event]) -> Iterator[str]:
    """What the programs did, a sentence each."""
    for event in events:
        if not isinstance(event, SocketIoPacket):
            continue
        where = "" if event.namespace == "/" else f" in {event.namespace}"
        if event.event is not None:
            wants = ", and wants an ack" if event.id is not None else ""
            yield f"Socket.IO: the {event.sender} emits “{event.event}”{where}{wants}"
        elif event.answers is not None:
            yield f"Socket.IO: the {event.sender} acknowledges packet {event.answers.packet}{where}"
        elif event.type in _WORDS:
            yield f"Socket.IO: the {event.sender} {_WORDS[event.type][event.side]} {event.namespace}"


def unfinished(events: Sequence[Event]) -> bool:
    """Whether a Socket.IO packet begins or goes on here that was not told: others of its messages are still to come."""
    for event in events:
        if isinstance(event, EngineIoPacket) and event.type == "message" and _socket_of(events, event) is None:
            data = event.data
            if isinstance(data, bytes) or (isinstance(data, str) and data[:1] in ("5", "6")):
                return True
    return False


def _socket_of(events: Sequence[Event], engine: EngineIoPacket) -> SocketIoPacket | None:
    return next((event for event in events if isinstance(event, SocketIoPacket) and event.session == engine.session
                 and event.side == engine.side and event.engine[0] <= engine.number <= event.engine[1]), None)  # fmt: skip


def _engine(engine: EngineIoPacket, prefix: Prefix, clear: bytes, start: int, end: int) -> PacketLayer:
    facts = _spelling(prefix)
    if engine.version is not None:
        facts.append(f"version {engine.version}")
    if engine.sid is not None:
        facts.append(f"sid {engine.sid}")
    if engine.took is not None:
        facts.append(f"answers its ping after {span(engine.took)}")
    if not prefix.size:
        facts.append("a binary message has no prefix")
    facts += [problem.text.split(": ", 1)[-1] for problem in engine.problems]
    return PacketLayer(
        key="engine.io", name=f"Engine.IO {prefix.word}", osi=7, depth=1, start=start, end=end, size=end - start,
        facts=tuple(facts), fields=prefix.fields, note=_ENGINE_NOTE, inside=clear[: prefix.size] or None,
    )  # fmt: skip


def _spelling(prefix: Prefix) -> list[str]:
    """Which character is the type."""
    return [f"{field.text} = {prefix.word}" for field in prefix.fields if field.name == "packet type"]


def _socket(socket: SocketIoPacket, word: str, prefix: Prefix, rest: bytes, start: int, end: int) -> PacketLayer:
    facts = _spelling(prefix)
    facts += [] if socket.event is None else [f"event “{socket.event}”"]
    facts.append(f"namespace {socket.namespace}")
    if socket.id is not None:
        facts.append(f"ack id {socket.id}" if socket.event is None else f"wants an ack: id {socket.id}")
    if socket.attachments:
        facts.append(f"{plural(socket.attachments, 'attachment')}, each a binary message behind it")
    if socket.answers is not None:
        after = "" if socket.answers.took is None else f" after {span(socket.answers.took)}"
        facts.append(f"answers packet {socket.answers.packet}{after}")
    if socket.sid is not None:
        facts.append(f"socket {socket.sid}")
    if socket.parser == "msgpack":
        facts.append("packed with MessagePack: type, namespace and data are one map, without a prefix")
    facts += [problem.text.split(": ", 1)[-1] for problem in socket.problems]
    return PacketLayer(
        key="socket.io", name=f"Socket.IO {word}", osi=7, depth=2, start=start, end=end, size=end - start,
        facts=tuple(facts), fields=prefix.fields, note=_SOCKET_NOTE, inside=rest[: prefix.size] or None,
    )  # fmt: skip


def _content(
    engine: EngineIoPacket, socket: SocketIoPacket | None, rest: bytes, start: int, end: int, facts: tuple[str, ...]
) -> PacketLayer:
    key, name, useful = "content", "content", engine.type == "message"
    if socket is not None:
        useful = socket.type in _SAYING
        if engine.number > socket.engine[0]:
            number = engine.number - socket.engine[0]
            key, name = "attachment", f"attachment {number} of {socket.attachments}"
            facts = (f"belongs to {socket.type} {'' if socket.event is None else f'“{socket.event}” '}"
                     f"in packet {socket.packets[0]}", *facts)  # fmt: skip
        elif useful:
            key, name = "arguments", "arguments"
    elif engine.type == "open":
        name = "what the server offers"
    return PacketLayer(key=key, name=name, osi=7, depth=3, start=start, end=end, size=end - start, facts=facts,
                       inside=rest, useful=useful)  # fmt: skip


def polled(event: EngineIoRequest | EngineIoAnswer, events: Sequence[Event], data: bytes, packet: int) -> Iterator[PacketLayer]:
    """The layers of what lies in this packet of a polling body."""
    body, side = event.body, int(isinstance(event, EngineIoAnswer))
    packets = [one for one in events if isinstance(one, EngineIoPacket) and one.transport == "polling" and one.side == side
               and one.connection == event.connection and _overlap(one.origin, body)]  # fmt: skip
    if not packets:
        yield from _without(event, data, packet)
        return
    target = read_target(event.request.target if isinstance(event, EngineIoAnswer) else event.target)
    if not body.places or (target is not None and target.jsonp is not None):
        yield from _unplaced(body, packets, events, packet)
        return
    for engine in packets:
        triples = [engine.origin[at : at + 3] for at in range(0, len(engine.origin), 3)]
        for index, (number, start, end) in enumerate(triples):
            if number != packet:
                continue
            if index:
                facts = (f"goes on from packet {triples[0][0]}",)
                yield _content(engine, _socket_of(events, engine), data[start:end], start, end, facts)
                continue
            begin = start - 1 if _separated(body, data, packet, start) else start
            clear = data[begin:end]
            prefix = engineio_prefix(clear, engine.version, "polling")
            for layer in _layers(engine, events, clear, prefix, begin, end, len(triples) == 1, True, ()):
                # Base64 is undone: what it says is what was meant.
                plain = layer.key in ("content", "attachment", "arguments") and isinstance(engine.data, bytes)
                yield replace(layer, inside=engine.data) if plain and isinstance(engine.data, bytes) else layer


def _without(event: EngineIoRequest | EngineIoAnswer, data: bytes, packet: int) -> Iterator[PacketLayer]:
    """A body that is no packets: a receipt, or a refusal."""
    content = event.body.content
    refusal = None if content is None or isinstance(event, EngineIoRequest) else read_error(content)
    if content == b"ok":
        facts: tuple[str, ...] = ("ok: the server has what was posted",)
    elif refusal is not None:
        code, words = refusal
        facts = (f"Engine.IO refuses: {words}" if code is None else f"Engine.IO refuses, code {code}: {words}",)
    else:
        facts = ("no packets of Engine.IO",)
    for number, start, end in _slices(event.body):
        if number == packet:
            yield PacketLayer(key="body", name="HTTP body", osi=7, start=start, end=end, size=end - start, facts=facts,
                              depth=1, inside=data[start:end], useful=True)  # fmt: skip


def _slices(body: Carried) -> list[Slice]:
    return [Slice(*body.origin[at : at + 3]) for at in range(0, len(body.origin), 3)]


def _overlap(origin: Sequence[int], body: Carried) -> bool:
    """Whether a packet lies in a body: where its first byte is, the body is, too."""
    if len(origin) < 3:
        return False
    packet, start = origin[0], origin[1]
    return any(piece.packet == packet and piece.start <= start < piece.end for piece in _slices(body))


def _separated(body: Carried, data: bytes, packet: int, start: int) -> bool:
    """Whether the byte before is the separator that stands before all packets of a body but the first."""
    return data[max(start - 1, 0) : start] == b"\x1e" and _overlap((packet, start - 1, start), body)


def _unplaced(body: Carried, packets: list[EngineIoPacket], events: Sequence[Event], packet: int) -> Iterator[PacketLayer]:
    """A body that is compressed, or a script: its packets have no bytes of their own on the wire."""
    first = None
    size = "" if body.content is None else f" are {len(body.content):,} read"
    for number, start, end in _slices(body):
        if number == packet:
            first = end if first is None else first
            yield PacketLayer(key="body", name="HTTP body", osi=7, start=start, end=end, size=end - start, useful=True,
                              facts=(f"{body.wire:,} bytes on the wire{size}",))  # fmt: skip
    if first is None or body.origin[0] != packet:
        return
    for engine in packets[:_MOST]:
        clear = _spelled(engine)
        how: Literal["binary", "text"] = "binary" if isinstance(engine.data, bytes) else "text"
        prefix = engineio_prefix(clear, engine.version, how)
        yield from _layers(engine, events, clear, prefix, first, first, True, False, ())


def _spelled(engine: EngineIoPacket) -> bytes:
    """A packet as it would stand in a WebSocket message."""
    number = TYPES.index(engine.type) if engine.type in TYPES else None
    if isinstance(engine.data, bytes):
        return engine.data if engine.version is None or engine.version > 3 or number is None else bytes([number]) + engine.data
    digit = "" if number is None else str(number)
    return (digit + (engine.data or "")).encode("utf-8", "surrogatepass")
