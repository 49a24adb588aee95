"""Events of TCP, and what they are made of.

`Segment` and `Step` are NamedTuples: a large capture makes several for each connection, and a frozen
dataclass costs four times as much to create.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

from netviz.event.base import Endpoint, Happening, Side

__all__ = [
    "COPY",
    "DUPLICATE_ACK",
    "GAP",
    "KEEP_ALIVE",
    "NOTHING",
    "OUT_OF_ORDER",
    "PROBE",
    "RETRANSMISSION",
    "ZERO_WINDOW",
    "Closing",
    "Course",
    "Icmp",
    "Moment",
    "Options",
    "Outcome",
    "Rtt",
    "Segment",
    "Step",
    "TcpConnection",
    "TcpOpening",
    "Traffic",
]

Outcome = Literal["established", "refused", "unanswered", "incomplete", "aborted", "partial"]

#: What is special about a segment: sent before, overtaken by others, the same ACK again, no room left, a question whether the
#: other end lives or has room again, the same packet captured twice, bytes before it that were not captured.
NOTHING, RETRANSMISSION, OUT_OF_ORDER, DUPLICATE_ACK, ZERO_WINDOW, KEEP_ALIVE, PROBE, COPY, GAP = range(9)


class Segment(NamedTuple):
    """One TCP segment as it was on the wire; ``side`` is 0 for the client, 1 for the server.

    ``window`` is not scaled and None where the capture cut it off; ``ordinal`` counts the segments of its
    connection from 0; ``options`` are the raw bytes behind the fixed header, kept for segments of a handshake only;
    ``special`` is what the segments before it make of it (NOTHING, RETRANSMISSION, …).
    """

    packet: int
    time: int | None
    side: int
    flags: int
    seq: int
    ack: int
    window: int | None
    length: int
    ordinal: int
    options: bytes
    special: int = NOTHING


class Options(NamedTuple):
    """The TCP options of a segment; absent ones are None or False.

    ``fast_open`` is the cookie in hex, empty where one is asked for; ``mptcp`` the subtype's name;
    ``others`` the kinds of unknown options in order; ``problem`` says what is malformed.
    """

    mss: int | None = None
    window_scale: int | None = None
    sack_permitted: bool = False
    timestamps: tuple[int, int] | None = None
    fast_open: str | None = None
    mptcp: str | None = None
    others: tuple[int, ...] = ()
    problem: str | None = None


class Step(NamedTuple):
    """One step of a handshake: a segment, what it is, and its options."""

    step: Literal["SYN", "SYN-ACK", "ACK", "RST"]
    segment: Segment
    options: Options
    ecn: bool
    retransmission: bool


class Rtt(NamedTuple):
    """Round trips that the handshake measures, in ns: capture point to server and back, to client and back, both."""

    server: int | None = None
    client: int | None = None
    total: int | None = None


class Closing(NamedTuple):
    """How a connection ended; ``by`` is the side that began, None where nobody did."""

    how: Literal["fin", "reset", "half-closed", "open"]
    by: Side | None
    packets: tuple[int, ...]


class Traffic(NamedTuple):
    """What one side sent: TCP segments, bytes of payload (retransmissions included), and what was special about them.

    ``lost_bytes`` were skipped or acknowledged, and never captured; ``copies`` are packets that the capture holds twice: they
    count among the packets and nowhere else.  ``stalled`` is for how many ns the side announced no window; ``firsts`` the
    packet where each of the numbers before that was first seen, 0 where none was.
    """

    packets: int
    bytes: int
    retransmissions: int = 0
    out_of_order: int = 0
    duplicate_acks: int = 0
    zero_windows: int = 0
    keep_alives: int = 0
    lost_bytes: int = 0
    copies: int = 0
    stalled: int = 0
    firsts: tuple[int, ...] = (0,) * 9


class Icmp(NamedTuple):
    """An ICMP error that quotes a segment of a connection."""

    packet: int
    time: int | None
    sender: str
    version: int
    type: int
    code: int
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpConnection(Happening):
    """A TCP connection that is over, or that the capture ended in."""

    name: ClassVar[str] = "tcp.connection"

    connection: int
    client: Endpoint
    server: Endpoint
    outcome: Outcome
    simultaneous: bool
    split: bool
    steps: tuple[Step, ...]
    rtt: Rtt
    closing: Closing | None
    traffic: tuple[Traffic, Traffic]
    application: str
    segments: tuple[Segment, ...]
    icmp: tuple[Icmp, ...]
    start: int | None
    inferred: tuple[str, ...] = ()

    @property
    def duration(self) -> int | None:
        """Nanoseconds from the first packet to the last, None where a packet has no time."""
        return None if self.time is None or self.start is None else self.time - self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpOpening(TcpConnection):
    """The same connection at the moment its handshake was decided; told only while a capture streams in."""

    name: ClassVar[str] = "tcp.opening"


class Moment(NamedTuple):
    """A segment with the TCP states (RFC 9293 names) of client and server after it.

    ``inferred`` says for each whether the state was concluded rather than shown by a segment of that side; ``seq`` and
    ``ack`` count from the side's first sequence number; ``what`` names the segment, ``meaning`` says it in words.
    """

    segment: Segment
    states: tuple[str, str]
    inferred: tuple[bool, bool]
    seq: int
    ack: int | None
    what: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Course:
    """The course of a connection: the states before its first kept segment, the numbers both sides count from
    (None where a side sent nothing), and a Moment for each kept segment.
    """

    before: tuple[str, str]
    base: tuple[int | None, int | None]
    moments: tuple[Moment, ...]
