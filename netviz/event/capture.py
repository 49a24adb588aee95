"""What a whole capture is: the event of ``netviz summary``, and what it is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal, NamedTuple

from netviz.event.base import Happening
from netviz.event.tcp import TcpConnection

__all__ = ["CaptureInterface", "CapturePart", "CaptureSummary", "SessionCounts", "Share", "Span", "Trouble", "WebSockets"]


class CapturePart(NamedTuple):
    """A pcap file, or a section of a pcapng file: how it was written, and by what.

    ``packed`` says what the file is compressed with ("" where it is not), ``unpacked`` how many bytes came out of it.
    """

    file: str
    format: Literal["pcap", "pcapng"]
    version: tuple[int, int]
    byte_order: Literal["little", "big"]
    hardware: str = ""
    system: str = ""
    program: str = ""
    packed: str = ""
    unpacked: int = 0


class CaptureInterface(NamedTuple):
    """Where packets were captured: their link type, by number and in words, and how many of them there are.

    ``snaplen`` is 0 where packets are kept whole, ``unit`` that of its timestamps in words.  ``dropped`` is what the
    interface, the system and the filter never let through to the file, None where nobody counted.
    """

    name: str
    description: str
    filter: str
    link: int
    link_name: str
    snaplen: int
    unit: str
    packets: int
    dropped: int | None = None


class Share(NamedTuple):
    """How much of a capture is of one protocol; ``bytes`` are those of whole packets, on the wire.  A packet counts once for
    each protocol in it, also for those within a tunnel; of what came in pieces the one counts that completed it.

    ``under`` is the protocol that carries it ("" at the bottom), ``first`` the number of the first such packet.  ``known``
    says by what it is told: by fields that say so, by its own bytes, or only by its port.  What TCP carries is told by
    connection: then ``bytes`` are payload, and ``connections`` says how many.
    """

    name: str
    under: str
    packets: int
    bytes: int
    first: int = 0
    known: Literal["field", "bytes", "port"] = "field"
    connections: int | None = None


class Trouble(NamedTuple):
    """All problems of one kind: whose they are, how many, and the first of them with its place.

    ``packet`` is 0 and ``connection`` None where none can be named.
    """

    of: Literal["capture", "tcp", "websocket", "session"]
    kind: str
    text: str
    times: int
    packet: int
    connection: int | None


class WebSockets(NamedTuple):
    """The WebSockets of a capture by what became of them; ``numbers`` are the connections of the first of them.

    ``whole`` tells that all payload was read; else only connections that begin with an upgrade that was taken are counted,
    and the other fields are zero.  ``headless`` counts those of which the upgrade is not in the capture, ``troubled`` is the
    connection of the first that has a problem.
    """

    whole: bool
    numbers: tuple[int, ...] = ()
    opened: int = 0
    accepted: int = 0
    rejected: int = 0
    invalid: int = 0
    unanswered: int = 0
    headless: int = 0
    messages: int = 0
    troubled: int | None = None
    refused: int | None = None


class SessionCounts(NamedTuple):
    """The sessions of Engine.IO in a capture; ``numbers`` are the first connections of the first of them.

    ``socketio`` counts those that speak Socket.IO, ``moved`` those that came from polling to WebSocket, ``polling`` and
    ``websocket`` those that used nothing else, ``refused`` those that never began; ``events`` are Socket.IO's.  ``troubled`` is
    the connection of the first that was refused or has a problem.
    """

    total: int = 0
    socketio: int = 0
    moved: int = 0
    polling: int = 0
    websocket: int = 0
    refused: int = 0
    events: int = 0
    numbers: tuple[int, ...] = ()
    troubled: int | None = None


class Span(NamedTuple):
    """The times of a capture in ns: of its first packet in the file, the earliest and the latest of all, None without any.

    ``unordered`` counts packets that are earlier than the one before, ``untimed`` those without a time.
    """

    start: int | None = None
    earliest: int | None = None
    latest: int | None = None
    unordered: int = 0
    untimed: int = 0

    @property
    def length(self) -> int | None:
        """Nanoseconds from the earliest packet to the latest."""
        return None if self.earliest is None or self.latest is None else self.latest - self.earliest


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureSummary(Happening):
    """What is in a capture.

    ``size`` is that of its files in bytes, 0 where that is not known; ``captured`` and ``wire`` count the bytes of packets
    in the file and as they were; ``cut`` the packets of which only the beginning is there.  ``outcomes`` count the
    connections, ``one_way`` those of which only one direction was captured, ``late`` the segments of connections already
    over; ``busiest`` are those with most payload, ``flawed`` the numbers of those among them of which the WebSocket has a
    problem, ``failed`` the first that never came to be.  ``repeated`` tells how many of so many TCP segments were captured
    twice.  ``keys`` counts blocks of decryption secrets, ``opened`` the TLS connections that they or a key log opened.
    ``matching`` is the filter that packets had to pass to be looked at.
    """

    name: ClassVar[str] = "capture.summary"

    files: tuple[str, ...]
    size: int
    parts: tuple[CapturePart, ...]
    interfaces: tuple[CaptureInterface, ...]
    comments: tuple[str, ...]
    keys: int
    count: int
    captured: int
    wire: int
    cut: int
    longest_cut: int
    span: Span
    shares: tuple[Share, ...]
    outcomes: dict[str, int] = field(default_factory=dict)
    one_way: int = 0
    late: int = 0
    busiest: tuple[TcpConnection, ...] = ()
    failed: int | None = None
    flawed: tuple[int, ...] = ()
    websockets: WebSockets = field(default_factory=lambda: WebSockets(whole=True))
    sessions: SessionCounts = field(default_factory=SessionCounts)
    troubles: tuple[Trouble, ...] = ()
    repeated: tuple[int, int] = (0, 0)
    matching: str = ""
    opened: int = 0

    @property
    def connections(self) -> int:
        """How many TCP connections there are."""
        return sum(self.outcomes.values())

    def share(self, name: str, under: str = "") -> Share | None:
        """The share of a protocol, if it has any."""
        return next((share for share in self.shares if share.name == name and (not under or share.under == under)), None)
