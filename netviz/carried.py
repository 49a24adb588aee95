"""What a TCP segment carries, as layers of a packet: WebSocket frames, heads of HTTP, records of TLS, or bytes."""

from __future__ import annotations

from netviz.envelope import engine_of, envelope, polled
from netviz.event import (
    EngineIoAnswer,
    EngineIoRequest,
    Event,
    Field,
    PacketLayer,
    TlsRecord,
    WebSocketFrame,
    WebSocketMessage,
    WebSocketUpgrade,
)
from netviz.layers.head import REQUEST, STATUS, head_end, text
from netviz.layers.header.field import Header
from netviz.layers.header.hello import hello
from netviz.layers.header.tls import record
from netviz.layers.websocket.frame import CLOSE, describe
from netviz.layers.websocket.message import unmask
from netviz.quantity import plural

__all__ = ["carried", "clear_tls", "nothing"]

#: No packet that is shown has more records or header lines.
_MOST = 400


def carried(
    data: bytes, start: int, end: int, wire_end: int, packet: int, events: tuple[Event, ...], application: str,
    asked: tuple[int, bytes] | None,
) -> list[PacketLayer]:  # fmt: skip
    """The layers above TCP; ``start`` and ``end`` are where the captured payload lies, ``wire_end`` where it ended."""
    if start >= wire_end:
        return [nothing("this segment carries no data: it is TCP talking to TCP")]
    if records := [event for event in events if isinstance(event, TlsRecord)]:
        from netviz.sealed import sealed

        return sealed(data, start, end, packet, events, records)
    found: list[PacketLayer] = []
    for event in events:
        if isinstance(event, WebSocketUpgrade):
            found += _upgrade(event, data, packet)
        elif isinstance(event, WebSocketFrame):
            found += _frame(event, events, data, packet)
        elif isinstance(event, EngineIoRequest | EngineIoAnswer):
            found += _polling(event, events, data, packet)
    found.sort(key=lambda layer: (layer.start, layer.osi, layer.depth))
    if not found:
        found = _otherwise(data, start, end, application, asked)
    return found + _rest(found, start, end, wire_end, "chunks" if _chunked(events) else application)


def nothing(why: str) -> PacketLayer:
    """Says that nobody plays the roles above."""
    return PacketLayer(key="nothing", name="nothing", osi=5, start=0, end=0, size=0, note=why)


def _rest(found: list[PacketLayer], start: int, end: int, wire_end: int, application: str) -> list[PacketLayer]:
    """Bytes between and behind what is known, and what was not captured."""
    rest = []
    at, before = start, ""
    for layer in sorted((layer for layer in found if layer.end > layer.start), key=lambda layer: layer.start):
        if layer.start > at:
            rest.append(_bytes(at, layer.start, layer.start - at, before, application))
        at, before = max(at, layer.end), layer.key
    if at < wire_end and sum(layer.size for layer in found) < wire_end - start:
        rest.append(_bytes(min(at, end), end, wire_end - at, before, application))
    return rest


def _bytes(start: int, end: int, size: int, before: str, application: str) -> PacketLayer:
    if before == "http" and size == end - start:
        return PacketLayer(key="body", name="HTTP body", osi=7, start=start, end=end, size=size, useful=True,
                           facts=("its beginning, or all of it",))  # fmt: skip
    if application == "chunks" and size == end - start:
        return PacketLayer(key="chunk", name="HTTP chunk sizes", osi=7, start=start, end=end, size=size,
                           facts=("how long the next piece of the body is; 0 ends it",))  # fmt: skip
    known = "" if application == "unknown" else f" of {application}"
    facts = [f"{plural(size, 'byte')}{known} that netviz does not decode"]
    if size > end - start:
        facts = [*facts, f"{size - end + start:,} of them are not in the capture"] if end > start else ["not in the capture"]
    # Of what was not recorded nobody knows how much is header.
    return PacketLayer(key="data", name="data", osi=7, start=start, end=end, size=size, facts=tuple(facts), useful=end > start)


def _chunked(events: tuple[Event, ...]) -> bool:
    """Whether a body of polling comes in chunks, with their sizes in between (RFC 9112 section 7.1)."""
    return any(isinstance(event, EngineIoRequest | EngineIoAnswer)
               and any(name.lower() == "transfer-encoding" for name, _ in event.headers) for event in events)  # fmt: skip


def _message_of(frame: WebSocketFrame, events: tuple[Event, ...]) -> WebSocketMessage | None:
    return next(
        (m for m in events if isinstance(m, WebSocketMessage) and m.side == frame.side and _belongs(frame, m)), None
    )  # fmt: skip


def _belongs(frame: WebSocketFrame, message: WebSocketMessage) -> bool:
    """Whether a frame is one of a message: between its first and last frame lie control frames, too."""
    first, last = message.frames
    if frame.opcode >= CLOSE or message.kind in ("ping", "pong", "close"):
        return first == last == frame.number
    return first <= frame.number <= last


def _frame(frame: WebSocketFrame, events: tuple[Event, ...], data: bytes, packet: int) -> list[PacketLayer]:
    """The header, what was done to the payload, and the payload: as far as they lie in this packet."""
    found = []
    before = 0
    for number, start, end in frame.slices:
        if number == packet:
            found += _piece(frame, events, data, start, end, before)
        before += end - start
    return found


def _piece(
    frame: WebSocketFrame, events: tuple[Event, ...], data: bytes, start: int, end: int, before: int
) -> list[PacketLayer]:
    message = _message_of(frame, events)
    head = start + min(max(frame.head - before, 0), end - start)
    control = frame.opcode >= CLOSE
    whole = before == 0 and head - start == frame.head
    name = f"WebSocket frame {frame.number}"
    facts = [f"{frame.kind}{', a control frame' if control else ''}", _fin(frame),
             "masked" if frame.masked else "not masked", f"{plural(frame.length, 'byte')} of payload"]  # fmt: skip
    all_packets = frame.packets
    if len(all_packets) > 1:
        total = frame.head + frame.length
        facts.append(
            f"bytes {before + 1:,} to {before + end - start:,} of the frame’s {total:,} are here; "
            f"{_range(all_packets)} carry it"
        )
    facts += [problem.text.split(": ", 1)[-1] for problem in frame.problems]
    found = [
        PacketLayer(
            key="websocket", name=name, osi=5, start=start, end=head, size=head - start, facts=tuple(facts),
            fields=describe(data[start:head]) if whole else (),
            note="frames order the dialogue, so session (5) comes closest",
        )
    ]  # fmt: skip
    phase = max(before - frame.head, 0)
    clear = unmask(data[head:end], frame.mask, phase)
    if control:
        if end > head:
            found.append(PacketLayer(key="control", name=f"{frame.kind} payload", osi=5, start=head, end=end, size=end - head,
                                     facts=_control(frame, message), inside=clear))  # fmt: skip
        return found
    found.append(_presentation(frame, message, head))
    content = message.content if message is not None and message.fragments == 1 and len(all_packets) == 1 else None
    inflated = content.encode() if isinstance(content, str) else content
    compressed = message is not None and message.compressed
    inside = inflated if compressed else clear
    engine = None if message is None else engine_of(events, message.side, message.number)
    if engine is not None and message is not None and inside is not None:
        begins = phase == 0 and frame.number == message.frames[0]
        return found + envelope(
            engine, events, inside, head, end, binary=message.kind == "binary", begins=begins,
            whole=compressed or end - head == message.wire_length, placed=not compressed,
            facts=_whole(frame, message, end - head, phase),
        )  # fmt: skip
    found.append(PacketLayer(key="message", name=_title(message), osi=7, start=head, end=end, size=end - head, useful=True,
                             facts=_whole(frame, message, end - head, phase), inside=inside))  # fmt: skip
    return found


def _fin(frame: WebSocketFrame) -> str:
    if frame.kind == "continuation":
        return "last piece of its message" if frame.fin else "a middle piece of its message"
    return "the whole message" if frame.fin else "first piece of its message"


def _title(message: WebSocketMessage | None) -> str:
    return "a message without end" if message is None else f"message {message.number}, {message.kind}"


def _whole(frame: WebSocketFrame, message: WebSocketMessage | None, here: int, phase: int) -> tuple[str, ...]:
    if message is None:
        return ("its end is not in the capture",)
    facts = []
    if here != message.wire_length:
        inside = f"{message.wire_length:,} bytes"
        of_frame = f"bytes {phase + 1:,} to {phase + here:,} of {'it' if message.fragments == 1 else f'frame {frame.number}'}"
        pieces = f", {plural(message.fragments, 'frame')}" if message.fragments > 1 else ""
        facts.append(f"{of_frame} are here; the message has {inside}{pieces}, in {_range(message.packets)}")
    if message.compressed:
        facts.append("cannot be inflated" if message.length is None else
                     f"{message.wire_length:,} bytes on the wire are {message.length:,} inflated")  # fmt: skip
    return tuple(facts)


def _control(frame: WebSocketFrame, message: WebSocketMessage | None) -> tuple[str, ...]:
    if frame.opcode == CLOSE and message is not None and message.code is not None:
        from netviz.event import close_name

        return (f"code {message.code}: {close_name(message.code)}",)
    if message is not None and message.after is not None:
        return (f"answers ping {message.after.number}",)
    return ()


def _presentation(frame: WebSocketFrame, message: WebSocketMessage | None, at: int) -> PacketLayer:
    """What was done to the bytes on their way: layer 6 has no header here, only work."""
    names, facts = [], []
    if frame.masked:
        names.append("mask")
        facts.append(f"XOR with {frame.mask:08x}, over and over")
    if message is not None and message.compressed:
        names.append("deflate")
        facts.append("permessage-deflate (RFC 7692)")
    if message is not None and message.kind == "text":
        names.append("UTF-8")
        good = not any(problem.kind == "invalid-utf-8" for problem in message.problems)
        facts.append("text in UTF-8" if good else "should be UTF-8, and is not")
    elif message is not None:
        names.append("none" if not names else "bytes")
        facts.append("bytes: only the programs know what they mean")
    note = "work on the bytes, without a header of its own"
    return PacketLayer(key="presentation", name=", ".join(names) or "unknown", osi=6, start=at, end=at, size=0,
                       facts=tuple(facts), note=note)  # fmt: skip


def _upgrade(event: WebSocketUpgrade, data: bytes, packet: int) -> list[PacketLayer]:
    found: list[PacketLayer] = []
    answer = "" if event.status is None else f"{event.status} {event.reason}".rstrip()
    for slices, name, words in (
        (event.request, "HTTP request", f"{event.method} {event.path}: asks to go on as a WebSocket"),
        (event.response, "HTTP response", f"{answer}: the upgrade is {event.outcome}"),
    ):
        for number, start, end in slices:
            if number == packet:
                packets = tuple(dict.fromkeys(piece.packet for piece in slices))
                facts = (words,) if len(packets) == 1 else (words, f"its head lies in {_range(packets)}")
                session = PacketLayer(
                    key="session", name="WebSocket upgrade", osi=5, start=start, end=start, size=0,
                    facts=("from 101 on this is a WebSocket" if event.outcome == "accepted" else "no WebSocket comes of it",),
                    note="set up by HTTP, an application (7): an upgrade goes against the order of the layers",
                )  # fmt: skip
                found += [session, _text_of(start), _head(name, data, start, end, facts)]
    return found


def _polling(event: EngineIoRequest | EngineIoAnswer, events: tuple[Event, ...], data: bytes, packet: int) -> list[PacketLayer]:
    """The head and the body of a polling request, or of its answer."""
    found: list[PacketLayer] = []
    asks = isinstance(event, EngineIoRequest)
    for at in range(0, len(event.head), 3):
        number, start, end = event.head[at : at + 3]
        if number != packet:
            continue
        if isinstance(event, EngineIoRequest):
            words = f"{event.method} {event.target}: " + ("brings packets" if event.body.wire else "waits for packets")
        else:
            asked = event.request.packets[:1]
            words = f"{event.status} {event.reason}".rstrip() + (f": answers packet {asked[0]}" if asked else "")
        session = PacketLayer(key="session", name="Engine.IO session", osi=5, start=start, end=start, size=0,
                              facts=("the sid in the query joins requests that HTTP keeps apart",),
                              note="kept by an application protocol (7), which carries it along in every request")  # fmt: skip
        found += [session, _text_of(start), _head("HTTP request" if asks else "HTTP response", data, start, end, (words,))]
    return [*found, *polled(event, events, data, packet)]


def _otherwise(data: bytes, start: int, end: int, application: str, asked: tuple[int, bytes] | None) -> list[PacketLayer]:
    payload = data[start:end]
    request = REQUEST.match(payload)
    if request or STATUS.match(payload):
        stop = head_end(payload, 0, len(payload))
        stop = start + (stop if stop > 0 else len(payload))
        line = text(payload.split(b"\n", 1)[0].rstrip(b"\r"))
        facts = [line] if request or asked is None else [line, f"answers packet {asked[0]}: {text(asked[1])}"]
        found = [nothing("HTTP needs no session: every request stands alone (cookies are a stand-in)"), _text_of(start),
                 _head("HTTP request" if request else "HTTP response", data, start, stop, tuple(facts))]  # fmt: skip
        if stop < end:
            found.append(PacketLayer(key="body", name="HTTP body", osi=7, start=stop, end=end, size=end - stop, useful=True,
                                     facts=("its beginning, or all of it",)))  # fmt: skip
        return found
    if application == "tls" or record(payload) is not None:
        return clear_tls(data, start, end)
    if application in ("http", "socket.io", "engine.io"):
        return [PacketLayer(key="body", name="HTTP, continued", osi=7, start=start, end=end, size=end - start, useful=True,
                            facts=("a piece that goes on from an earlier packet",))]  # fmt: skip
    return []


def _head(name: str, data: bytes, start: int, end: int, facts: tuple[str, ...]) -> PacketLayer:
    """A head of HTTP: a field for each line."""
    fields = []
    at = start
    for line in data[start:end].split(b"\n")[:_MOST]:
        size = len(line) + 1
        words = line.rstrip(b"\r")
        if words:
            before, colon, after = words.partition(b":")
            label = "first line" if at == start else text(before) if colon else "continued"
            value = words if at == start or not colon else after.strip()
            fields.append(Field(label, 8 * (at - start), 8 * min(size, end - at), 0, "", text(value)))
        at += size
    return PacketLayer(key="http", name=name, osi=7, start=start, end=end, size=end - start, fields=tuple(fields),
                       facts=facts)  # fmt: skip


def _text_of(at: int) -> PacketLayer:
    return PacketLayer(key="presentation", name="text", osi=6, start=at, end=at, size=0,
                       facts=("a head of HTTP is ASCII, line by line; of its body the head says what it is",))  # fmt: skip


def clear_tls(data: bytes, start: int, end: int) -> list[PacketLayer]:
    """Records of TLS as far as they can be read without keys."""
    found = [PacketLayer(key="session", name="TLS", osi=5, start=start, end=start, size=0,
                         facts=("its handshake agrees on keys, and those are the session",))]  # fmt: skip
    at = start
    while at < end and len(found) < _MOST:
        head = record(data[at:end])
        if head is None:
            break
        stop = min(at + 5 + head.value("length"), end)
        facts = head.facts
        if stop - at - 5 < head.value("length"):
            facts += (f"{stop - at - 5:,} of them here, the rest in later packets",)
        found.append(PacketLayer(key="tls", name="TLS record", osi=6, start=at, end=min(at + 5, end), size=5, facts=facts,
                                 fields=head.fields,
                                 note="encryption: presentation comes closest, though it lies right on TCP"))  # fmt: skip
        secret = head.value("content type") == 23
        name, osi = ("encrypted data", 7) if secret else ("TLS message", 6)
        words, fields = (("netviz cannot read inside without keys",), ()) if secret else _message(head, data[at + 5 : stop])
        found.append(PacketLayer(key="encrypted" if secret else "handshake", name=name, osi=osi, start=at + 5, end=stop,
                                 size=stop - at - 5, facts=words, fields=fields, useful=secret))  # fmt: skip
        at = stop
    if at == start:
        words = ("a piece of a TLS record that began in an earlier packet; unreadable without keys",)
        found.append(PacketLayer(key="encrypted", name="TLS, continued", osi=7, start=start, end=end, size=end - start,
                                 facts=words, useful=True))  # fmt: skip
    return found


def _message(head: Header, content: bytes) -> tuple[tuple[str, ...], tuple[Field, ...]]:
    """What a handshake message in the clear says."""
    return hello(content) if head.facts[0].startswith("handshake: ") else ((), ())


def _range(packets: tuple[int, ...]) -> str:
    """Packet numbers, in short."""
    return f"packet {packets[0]}" if len(packets) == 1 else f"packets {packets[0]}–{packets[-1]}"
