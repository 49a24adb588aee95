"""A playbook of TCP conversations: scripted line by line, then read as netviz would read them from a file.

A `Wire` keeps sequence and acknowledgement numbers as two well-behaved ends would; every number can be overridden.
Captures are written with link type RAW, so a packet is an IP datagram.
"""

from __future__ import annotations

import io
import ipaddress
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar
from unittest.mock import patch

from netviz.analysis import Analysis
from netviz.capture import records
from netviz.capture.batch import Batch
from netviz.capture.metadata import Metadata
from netviz.capture.stream import read_capture
from netviz.event import Endpoint, Event, Segment, TcpConnection
from netviz.layers.tcp.flags import ACK, CWR, ECE, FIN, PSH, RST, SYN

__all__ = [
    "ACK", "CLIENT", "CWR", "ECE", "FIN", "MSS", "PSH", "RST", "SERVER", "START", "SYN", "TICK", "Packet", "Wire", "batches",
    "connections", "cut", "echo", "events", "only", "pcap", "weave",
]  # fmt: skip

CLIENT, SERVER = 0, 1
_WORD, _HALF = 0xFFFFFFFF, 1 << 31

#: When every Wire starts, and how long a packet takes to be followed by the next, in ns.
START, TICK = 1_700_000_000_000_000_000, 1_000_000

#: The option "maximum segment size 1460".
MSS = b"\x02\x04\x05\xb4"

_TCP, _ICMP, _ICMPV6 = 6, 1, 58

_W = TypeVar("_W", bound="Wire")


class Packet(NamedTuple):
    """An IP datagram and when it came."""

    time: int
    data: bytes


def echo(value: int, reply: int = 0) -> bytes:
    """The timestamps option (RFC 7323 section 3.2), padded to twelve bytes."""
    return b"\x01\x01\x08\x0a" + struct.pack("!II", value, reply)


class Wire:
    """A conversation between two ends; each line returns the Wire, so that they can be chained."""

    def __init__(
        self, client: tuple[str, int] = ("10.0.0.1", 40000), server: tuple[str, int] = ("10.0.0.2", 80), *,
        isn: tuple[int, int] = (1000, 5000), start: int = START,
    ) -> None:  # fmt: skip
        self.ends = Endpoint(*client), Endpoint(*server)
        self.now = start
        self.packets: list[Packet] = []
        self.segments: list[Segment] = []
        self._next = list(isn)
        self._heard = [0, 0]
        self._sent = 1
        self._number = 0

    def wait(self: _W, seconds: float) -> _W:
        """Let time pass."""
        self.now += round(seconds * 1_000_000_000)
        return self

    def isn(self: _W, client: int, server: int) -> _W:
        """Both ends start over with other numbers: the ports are used again."""
        self._next, self._heard = [client, server], [0, 0]
        return self

    def client(self: _W, flags: int, data: bytes = b"", **how: int | bytes | bool) -> _W:
        """The client sends a segment; see `send`."""
        return self.send(CLIENT, flags, data, **how)  # type: ignore[arg-type]

    def server(self: _W, flags: int, data: bytes = b"", **how: int | bytes | bool) -> _W:
        """The server sends a segment; see `send`."""
        return self.send(SERVER, flags, data, **how)  # type: ignore[arg-type]

    def send(
        self: _W, side: int, flags: int, data: bytes = b"", *, seq: int | None = None, ack: int | None = None,
        window: int = 64240, options: bytes = b"", lost: bool = False, unheard: bool = False, ident: int | None = None,
    ) -> _W:  # fmt: skip
        """One segment; with ``lost`` it is not in the capture, with ``unheard`` the peer has not got it yet.

        Options are padded with zeros to whole words.  The IPv4 identification counts the packets of the Wire, where it is
        not given.
        """
        options += bytes(-len(options) % 4)
        seq = self._next[side] if seq is None else seq & _WORD
        ack = (self._heard[side] if flags & ACK else 0) if ack is None else ack & _WORD
        behind = seq + len(data) + bool(flags & SYN) + bool(flags & FIN) & _WORD
        if not flags & RST and (behind - self._next[side] & _WORD) < _HALF:
            self._next[side] = behind
        if not unheard and not flags & RST:
            self._heard[1 - side] = self._next[side]
        if not lost:
            header = struct.pack("!HHIIBBHHH", self.ends[side].port, self.ends[1 - side].port, seq, ack,
                                 (20 + len(options)) // 4 << 4, flags, window, 0, 0)  # fmt: skip
            ident = self._sent if ident is None else ident
            self.packets.append(Packet(self.now, self._ip(side, _TCP, header + options + data, ident)))
            number = len(self.packets)
            self.segments.append(
                Segment(number, self.now, side, flags, seq, ack, window, len(data), len(self.segments), options)
            )
        self.now += TICK
        self._sent += 1
        return self

    def copy(self: _W, packet: int = -1) -> _W:
        """The capture holds a packet once more."""
        return self.raw(self.packets[packet].data)

    def icmp(self: _W, kind: int, code: int, *, quotes: int = -1, sender: str | None = None, spoil: int = 0) -> _W:
        """An ICMP error to who sent packet ``quotes``; ``spoil`` is added to the quoted sequence number."""
        inner = bytearray(self.packets[quotes].data)
        at = 40 if self._six else 20
        number = int.from_bytes(inner[at + 4 : at + 8], "big") + spoil & _WORD
        inner[at + 4 : at + 8] = number.to_bytes(4, "big")
        body = struct.pack("!BBHI", kind, code, 0, 0) + bytes(inner[: at + 20])
        source = self._packed(sender or self.ends[1].address)
        target = self._packed(self.ends[0].address)
        self.packets.append(Packet(self.now, _datagram(source, target, _ICMPV6 if self._six else _ICMP, body)))
        self.now += TICK
        return self

    def raw(self: _W, data: bytes) -> _W:
        """Any datagram."""
        self.packets.append(Packet(self.now, data))
        self.now += TICK
        return self

    def open(self: _W, options: tuple[bytes, bytes] = (b"", b"")) -> _W:
        """SYN, SYN-ACK, ACK."""
        return self.client(SYN, options=options[0]).server(SYN | ACK, options=options[1]).client(ACK)

    def close(self: _W, by: int = CLIENT) -> _W:
        """FIN of one side, FIN of the other, and the last ACK."""
        return self.send(by, FIN | ACK).send(1 - by, FIN | ACK).send(by, ACK)

    def connections(self, size: int = 0) -> list[TcpConnection]:
        """What netviz makes of it, by connection number."""
        return connections(self.packets, size)

    def connection(self, size: int = 0) -> TcpConnection:
        """What netviz makes of it where that is one connection."""
        return only(self.connections(size))

    @property
    def _six(self) -> bool:
        return ":" in self.ends[0].address

    @staticmethod
    def _packed(address: str) -> bytes:
        return ipaddress.ip_address(address).packed

    def _ip(self, side: int, protocol: int, body: bytes, ident: int = 1) -> bytes:
        ends = self._packed(self.ends[side].address), self._packed(self.ends[1 - side].address)
        return _datagram(*ends, protocol, body, ident)


def _datagram(source: bytes, target: bytes, protocol: int, body: bytes, ident: int = 1) -> bytes:
    if len(source) == 16:
        return struct.pack("!IHBB", 0x60000000, len(body), protocol, 64) + source + target + body
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), ident & 0xFFFF, 0, 64, protocol, 0) + source + target + body


def pcap(packets: Iterable[Packet], around: bytes = b"") -> bytes:
    """A capture file with times in ns, of packets of IP; with a header of Ethernet ``around`` them, of that."""
    out = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1 if around else 101)]
    for time, inside in packets:
        data = around + inside
        second, nanosecond = divmod(time, 1_000_000_000)
        out += struct.pack("<IIII", second, nanosecond, len(data), len(data)), data
    return b"".join(out)


def cut(batch: Batch, size: int) -> list[Batch]:
    """A Batch as several of at most ``size`` packets; 0 leaves it whole."""
    step = size or max(len(batch), 1)
    return [
        Batch(buffer=batch.buffer, offset=batch.offset[at : at + step], captured=batch.captured[at : at + step],
              wire=batch.wire[at : at + step], time=batch.time[at : at + step], link=batch.link[at : at + step],
              first=batch.first + at, problems=batch.problems if at == 0 else ())
        for at in range(0, max(len(batch), 1), step)
    ]  # fmt: skip


def batches(packets: Iterable[Packet], size: int = 0) -> list[Batch]:
    """The Batches of a capture in memory."""
    data = pcap(packets)
    read: Callable[[memoryview], int] = io.BytesIO(data).readinto
    # A buffer that is no larger than what is read: most of the time would go into clearing one of megabytes.
    with patch.object(records, "_CHUNK", len(data)):
        return [piece for batch in read_capture(read, "wire", Metadata()) for piece in cut(batch, size)]


def events(packets: Iterable[Packet], size: int = 0) -> list[Event]:
    """All events of a capture in memory."""
    analysis = Analysis()
    found = [event for batch in batches(packets, size) for event in analysis.feed(batch)]
    return [*found, *analysis.close()]


def connections(packets: Iterable[Packet], size: int = 0) -> list[TcpConnection]:
    """The connections of a capture in memory, by number; nothing else may be told of it."""
    found = events(packets, size)
    told = [event for event in found if isinstance(event, TcpConnection)]
    assert len(told) == len(found), [event for event in found if not isinstance(event, TcpConnection)]
    return sorted(told, key=lambda event: event.connection)


def only(found: Sequence[TcpConnection]) -> TcpConnection:
    """The one there is."""
    assert len(found) == 1, [(str(c.client), str(c.server), c.outcome) for c in found]
    return found[0]


def weave(wires: Sequence[Wire], order: Iterable[int]) -> list[Packet]:
    """The packets of several conversations in the order of their indices, then what is left; one every tick."""
    queues = [[packet.data for packet in wire.packets] for wire in wires]
    picked = [queues[index].pop(0) for index in order if queues[index]]
    picked += [data for queue in queues for data in queue]
    return [Packet(START + at * TICK, data) for at, data in enumerate(picked)]
