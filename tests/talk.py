"""WebSockets for tests: scripted on a Wire as a file would hold them, or as events without one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from netviz.analysis import Analysis
from netviz.event import (
    Anatomy,
    Endpoint,
    Event,
    Header,
    Problem,
    Rule,
    Side,
    Totals,
    WebSocketClose,
    WebSocketFrame,
    WebSocketMessage,
    WebSocketUpgrade,
)
from netviz.layers.layer import Wanted
from netviz.verdicts.websocket import Trace
from tests.frames import MASK, accepted, closing, frame, request
from tests.wire import ACK, CLIENT, PSH, SERVER, START, Wire, batches

__all__ = [
    "CHAT", "SECOND", "anatomy_of", "broken", "c", "close", "frame_event", "message", "opened", "s", "say", "talk", "told",
    "told_one", "trace", "upgrade",
]  # fmt: skip

SECOND = 1_000_000_000

#: Payload bytes that still fit into an IP datagram.
_SEGMENT = 60_000

#: One side and the bytes of a segment of it.
Line = tuple[int, bytes]

_E = TypeVar("_E", bound=Event)


def c(opcode: int, payload: bytes | str = b"", **how: Any) -> Line:
    """A frame of the client."""
    return CLIENT, frame(opcode, payload, how.pop("mask", MASK), **how)


def s(opcode: int, payload: bytes | str = b"", **how: Any) -> Line:
    """A frame of the server."""
    return SERVER, frame(opcode, payload, **how)


def say(wire: Wire, lines: Iterable[Line]) -> Wire:
    """Send these segments (longer ones as several)."""
    for side, data in lines:
        for at in range(0, len(data), _SEGMENT):
            wire.send(side, PSH | ACK, data[at : at + _SEGMENT])
    return wire


def opened(wire: Wire | None = None, *, asks: bytes | None = None, answers: bytes | None = None) -> Wire:
    """A TCP connection and the upgrade on it."""
    wire = (wire or Wire()).open()
    return say(wire, [(CLIENT, asks or request()), (SERVER, answers or accepted())])


def talk(lines: Iterable[Line], wire: Wire | None = None, *, end: bool = True) -> Wire:
    """An upgrade, these segments, and with ``end`` both close frames and both FINs."""
    found = say(opened(wire), lines)
    if end:
        say(found, [(CLIENT, closing(1000, "bye", MASK)), (SERVER, closing(1000, "bye"))]).close(SERVER)
    return found


#: Text, binary, ping and pong, fragments with a ping between them, an empty message; 12 frames without the close.
CHAT: Sequence[Line] = (
    c(1, "hello Needle"), s(2, b"\x00\xffneedle\x80"), c(9, "beat"), s(10, "beat"), s(1, '{"a": 1, "b": [true, null]}'),
    c(1, "frag", fin=False), c(0, "men", fin=False), c(9, "mid"), c(0, "ted"), s(10, "mid"), s(1, ""), s(1, "grüße\n温度"),
)  # fmt: skip


def told(wire: Wire, wanted: Wanted | None = None, size: int = 0) -> list[Event]:
    """What netviz tells of a Wire."""
    analysis = Analysis(wanted=wanted or Wanted())
    found = [event for batch in batches(wire.packets, size) for event in analysis.feed(batch)]
    return [*found, *analysis.close()]


def told_one(wire: Wire, kind: type[_E], wanted: Wanted | None = None) -> _E:
    """The one event of this type that netviz tells of a Wire."""
    (event,) = (event for event in told(wire, wanted) if isinstance(event, kind))
    return event


def broken(name: str, side: Side, seen: str = "missing") -> Rule:
    """A rule of the upgrade that does not hold."""
    return Rule(name, side, "RFC 6455 section 4.1", False, seen)


_UPGRADE = told_one(opened(), WebSocketUpgrade)


def upgrade(**changes: Any) -> WebSocketUpgrade:
    """An upgrade that was accepted in packets 4 and 5, with changes; ``response_headers`` may be a dict."""
    if isinstance(headers := changes.get("response_headers"), dict):
        changes["response_headers"] = tuple(Header(*item) for item in headers.items())
    if changes.get("status", 101) != 101 and "outcome" not in changes:
        changes = {"outcome": "rejected", "accept": None, "reason": "", **changes}
        changes.setdefault("problems", (Problem("upgrade-rejected", "the server answered otherwise", 5),))
    return replace(_UPGRADE, **changes)


_FRAME = WebSocketFrame(0, 1, (6, 40, 51), START + 5_000_000, 0, 0x81, MASK, 6, 5)
_MESSAGE = WebSocketMessage(
    0, 1, (6, 40, 51), START + 5_000_000, 0, "text", 5, 5, False, 1, "Hello", None, None, (1, 1)
)  # fmt: skip
_CLOSE = WebSocketClose(
    packets=(8, 9, 10), time=START + SECOND, connection=0, code=1000, reason="", by="client", clean=True, transport="fin",
    transport_by="server", close_packets=(8, 9), codes=(1000, 1000), began=START + 5_000_000,
    last=(START + 8_000_000, START + 9_000_000), silence=1_000_000,
    totals=(Totals(2, 1, 5, 5, 0, 12), Totals(1, 0, 0, 0, 0, 2)),
)  # fmt: skip


def frame_event(**changes: Any) -> WebSocketFrame:
    """A text frame of the client, with changes."""
    return _FRAME._replace(**changes)


def message(**changes: Any) -> WebSocketMessage:
    """A text message of the client, with changes; lengths follow from the content."""
    content = changes.get("content")
    if content is not None:
        size = len(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
        changes = {"length": size, "wire_length": size, **changes}
    return _MESSAGE._replace(**changes)


def close(**changes: Any) -> WebSocketClose:
    """A clean close with 1000 by the client in packet 8, answered in 9, FIN by the server in 10; with changes."""
    return replace(_CLOSE, **changes)


def trace(found: WebSocketUpgrade | None = None, end: WebSocketClose | None = None, **more: Any) -> Trace:
    """What is known of one WebSocket."""
    return Trace(0, Endpoint("10.0.0.1", 40000), Endpoint("10.0.0.2", 80), found, end, **more)


def anatomy_of(data: bytes, *, answers: bytes | None = None, asks: bytes | None = None, side: int = SERVER) -> Anatomy:
    """The drawing of the first frame, which is the only one."""
    wire = say(opened(asks=asks, answers=answers), [(side, data)])
    return told_one(wire, Anatomy, Wanted(anatomy=(None, 1)))
