"""Events of WebSocket (RFC 6455), and what they are made of.

`WebSocketFrame` and `WebSocketMessage` are NamedTuples: a busy capture has millions of them.  They keep where their bytes
came from as one flat tuple (packet, start, end, packet, start, end, …), which costs least to make and to send.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal, NamedTuple

from netviz.event.base import SIDES, Endpoint, Field, Happening, Problem, Side, Slice
from netviz.event.tls import Session, TlsRecord

__all__ = [
    "CLOSE_CODES",
    "Anatomy",
    "Answer",
    "Header",
    "Origin",
    "PacketCost",
    "Peers",
    "Rule",
    "Totals",
    "WebSocketClose",
    "WebSocketFrame",
    "WebSocketMessage",
    "WebSocketUpgrade",
    "close_name",
    "frame_kind",
]

#: Where bytes came from: packet, start, end, and again for each further slice.
Origin = tuple[int, ...]

#: Registered close codes (RFC 6455 section 7.4.1 and the registry that it founded).
CLOSE_CODES = {
    1000: "normal closure", 1001: "going away", 1002: "protocol error", 1003: "unsupported data", 1004: "reserved",
    1005: "no code given", 1006: "abnormal closure", 1007: "invalid payload data", 1008: "policy violation",
    1009: "message too big", 1010: "extension missing", 1011: "internal error", 1012: "service restart",
    1013: "try again later", 1014: "bad gateway", 1015: "TLS handshake failed",
}  # fmt: skip

_KINDS = {0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}


def close_name(code: int) -> str:
    """What a close code means, in a few words.

    >>> [close_name(code) for code in (1001, 2999, 3500, 4001, 999)]
    ['going away', 'reserved', 'library or framework', 'private', 'not a close code']
    """
    if code in CLOSE_CODES:
        return CLOSE_CODES[code]
    if 1000 <= code < 3000:
        return "reserved"
    if 3000 <= code < 4000:
        return "library or framework"
    return "private" if 4000 <= code < 5000 else "not a close code"


def frame_kind(opcode: int) -> str:
    """The name of an opcode: text, binary, continuation, ping, pong, close or reserved."""
    return _KINDS.get(opcode, "reserved")


def _slices(origin: Origin) -> tuple[Slice, ...]:
    return tuple(Slice(*origin[at : at + 3]) for at in range(0, len(origin), 3))


def _packets(origin: Origin) -> tuple[int, ...]:
    return origin[:1] if len(origin) == 3 else tuple(dict.fromkeys(origin[::3]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers(Happening):
    """Who speaks in a connection of which other events follow; told before them, and no line of JSON.

    ``inferred`` where no upgrade is in the capture: that these are frames at all is a conclusion then.
    """

    name: ClassVar[str] = "connection.peers"

    connection: int
    client: Endpoint
    server: Endpoint
    inferred: bool = False


class Header(NamedTuple):
    """A header field as it was written, without the blanks around its value."""

    name: str
    value: str


class Rule(NamedTuple):
    """A rule of the upgrade: what it is about, which section, whether it holds, and what was seen.

    ``side`` is who must keep it; ``holds`` is None where the rule does not apply.
    """

    name: str
    side: Side
    section: str
    holds: bool | None
    seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocketUpgrade(Happening):
    """A request to upgrade to WebSocket, and what was answered.

    ``time`` is that of the answer (else of the request, as ``asked``); header values that are missing are None.
    ``body`` is the beginning of what came with a rejection, ``earlier`` counts the requests before on this connection,
    ``proxy`` is the target of the CONNECT that the upgrade went through, ``versions`` those of HTTP that both sides named,
    ``tls`` what is around all of it.
    """

    name: ClassVar[str] = "websocket.upgrade"

    connection: int
    method: str
    path: str
    host: str | None
    key: str | None
    version: str | None
    origin: str | None
    user_agent: str | None
    offered_subprotocols: tuple[str, ...]
    offered_extensions: tuple[str, ...]
    status: int | None
    reason: str
    accept: str | None
    accept_expected: str | None
    subprotocol: str | None
    extensions: tuple[str, ...]
    outcome: Literal["accepted", "rejected", "invalid", "unanswered"]
    request_headers: tuple[Header, ...]
    response_headers: tuple[Header, ...]
    rules: tuple[Rule, ...]
    asked: int | None
    request: tuple[Slice, ...]
    response: tuple[Slice, ...]
    body: str = ""
    earlier: int = 0
    proxy: str | None = None
    versions: tuple[str, str] = ("1.1", "1.1")
    tls: Session | None = None

    @property
    def accept_valid(self) -> bool | None:
        """Whether Sec-WebSocket-Accept is what the key demands; None where there is nothing to compare."""
        if self.accept is None or self.accept_expected is None:
            return None
        return self.accept == self.accept_expected


class WebSocketFrame(NamedTuple):
    """A frame as it was on the wire.

    ``side`` is 0 for the client; ``first`` the first byte (FIN, RSV, opcode); ``mask`` the masking key as a number, -1
    where there is none; ``head`` the length of the header, ``length`` that of the payload as the header says it.
    """

    connection: int
    number: int
    origin: Origin
    time: int | None
    side: int
    first: int
    mask: int
    head: int
    length: int
    problems: tuple[Problem, ...] = ()

    @property
    def name(self) -> str:
        """The name of the event."""
        return "websocket.frame"

    @property
    def slices(self) -> tuple[Slice, ...]:
        """Where its bytes came from: header, then payload."""
        return _slices(self.origin)

    @property
    def packets(self) -> tuple[int, ...]:
        """The packets that carried it."""
        return _packets(self.origin)

    @property
    def sender(self) -> Side:
        """Who sent it."""
        return SIDES[self.side]

    @property
    def opcode(self) -> int:
        """What kind of frame it is, as a number (RFC 6455 section 5.2)."""
        return self.first & 15

    @property
    def kind(self) -> str:
        """What kind of frame it is."""
        return _KINDS.get(self.first & 15, "reserved")

    @property
    def fin(self) -> bool:
        """Whether it is the last one of its message."""
        return self.first > 127

    @property
    def masked(self) -> bool:
        """Whether its payload is masked."""
        return self.mask >= 0


class Answer(NamedTuple):
    """The ping that a pong answers: its message number, and the ns in between (None where times are missing)."""

    number: int
    took: int | None


class WebSocketMessage(NamedTuple):
    """A message: one frame or several, unmasked and inflated.  Control frames are messages of their own.

    ``length`` is that of the whole content, None where it cannot be known; ``content`` is text, or bytes where it is not
    UTF-8 text, None where it could not be read or is larger than what is kept.  ``content`` of a close is the reason, and
    ``code`` its code.  ``frames`` are the numbers of its first and its last frame; ``after`` says for a pong which ping it
    answers.
    """

    connection: int
    number: int
    origin: Origin
    time: int | None
    side: int
    kind: str
    length: int | None
    wire_length: int
    compressed: bool
    fragments: int
    content: str | bytes | None
    code: int | None
    after: Answer | None
    frames: tuple[int, int]
    problems: tuple[Problem, ...] = ()

    @property
    def name(self) -> str:
        """The name of the event."""
        return "websocket.message"

    @property
    def slices(self) -> tuple[Slice, ...]:
        """Where its bytes came from, frame by frame, headers included."""
        return _slices(self.origin)

    @property
    def packets(self) -> tuple[int, ...]:
        """The packets that carried it."""
        return _packets(self.origin)

    @property
    def sender(self) -> Side:
        """Who sent it."""
        return SIDES[self.side]


class PacketCost(NamedTuple):
    """What a packet costs: the bytes that each layer's header takes, and those of the TCP payload."""

    packet: int
    headers: tuple[tuple[str, int], ...]
    payload: int


class Totals(NamedTuple):
    """What one side sent in a WebSocket: frames, data messages, their payload on the wire and inflated, pings, and how
    many bytes the frame headers took.
    """

    frames: int = 0
    messages: int = 0
    wire: int = 0
    content: int = 0
    pings: int = 0
    heads: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocketClose(Happening):
    """A WebSocket that ended, or (with ``ended`` false, for views only) one that the capture ended in.

    ``began`` is the time of the first frame, ``last`` that of the last one of each side; ``silence`` the ns from the last
    frame of either side to the FIN or RST; ``in_flight`` the bytes of each side that nobody had acknowledged at the end;
    ``unfinished`` says for each side what was cut off: "frame", "message" or "".
    """

    name: ClassVar[str] = "websocket.close"

    connection: int
    code: int
    reason: str
    by: Side | None
    clean: bool
    transport: Literal["fin", "reset", "open"]
    transport_by: Side | None = None
    ended: bool = True
    close_packets: tuple[int, int] = (0, 0)
    codes: tuple[int | None, int | None] = (None, None)
    began: int | None = None
    last: tuple[int | None, int | None] = (None, None)
    silence: int | None = None
    in_flight: tuple[int, int] = (0, 0)
    unfinished: tuple[str, str] = ("", "")
    unanswered: tuple[int, ...] = ()
    totals: tuple[Totals, Totals] = field(default=(Totals(), Totals()))
    inferred: tuple[str, ...] = ()

    @property
    def meaning(self) -> str:
        """The name of its code."""
        return close_name(self.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Anatomy(Happening):
    """One frame with its bytes, for drawing: header and its fields, payload as it was on the wire (its beginning), the same
    unmasked, and what it inflates to, where it was compressed (``deflate`` says how the window is kept).  ``layers`` holds
    for each of its packets the bytes that each layer below took, and how many bytes of payload the segment carries;
    ``records`` are those of TLS that it lay in.
    """

    name: ClassVar[str] = "websocket.anatomy"

    frame: WebSocketFrame
    header: bytes
    fields: tuple[Field, ...]
    payload: bytes
    unmasked: bytes
    inflated: bytes | None
    deflate: str
    layers: tuple[PacketCost, ...] = ()
    records: tuple[TlsRecord, ...] = ()

    @property
    def connection(self) -> int:
        """The connection of the frame."""
        return self.frame.connection
