"""Tiny builders of captures and packets as bytes, and a reader of captures that lie in memory."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from netviz.capture.batch import NO_TIME, PADDING, Batch
from netviz.capture.metadata import Metadata
from netviz.capture.stream import read_capture
from netviz.event import CaptureProblem

#: A usual time in ns: 2023-11-14 22:13:20 UTC.
START = 1_700_000_000 * 10**9

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


class Record(NamedTuple):
    """A packet to put into a capture: its bytes, its time in ns, its length on the wire if that was more."""

    data: bytes
    time: int = START
    wire: int | None = None

    @property
    def length(self) -> int:
        """Bytes on the wire."""
        return len(self.data) if self.wire is None else self.wire


# Classic pcap


def pcap_header(order: str = "<", unit: int = 1000, link: int = 1, snaplen: int = 65_535) -> bytes:
    """A file header; ``unit`` is the ns in a unit of the timestamps: 1000 or 1."""
    magic = 0xA1B2C3D4 if unit == 1000 else 0xA1B23C4D
    return struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, link)


def pcap_record(record: Record, order: str = "<", unit: int = 1000) -> bytes:
    """A record: its header of 16 bytes and the packet."""
    second, rest = divmod(record.time, 10**9)
    return struct.pack(order + "IIII", second, rest // unit, len(record.data), record.length) + record.data


def pcap(records: Iterable[Record], order: str = "<", unit: int = 1000, link: int = 1, snaplen: int = 65_535) -> bytes:
    """A whole file."""
    return pcap_header(order, unit, link, snaplen) + b"".join(pcap_record(record, order, unit) for record in records)


# pcapng


def padded(data: bytes) -> bytes:
    """Zeros behind, up to the next multiple of 4."""
    return data + bytes(-len(data) % 4)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """Any block."""
    body = padded(body)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def option(code: int, value: bytes, order: str = "<") -> bytes:
    """An option of a block; ``option(0, b"")`` ends them."""
    return struct.pack(order + "HH", code, len(value)) + padded(value)


def shb(order: str = "<", options: bytes = b"") -> bytes:
    """A Section Header Block."""
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1) + options, order)


def idb(order: str = "<", link: int = 1, snaplen: int = 0, options: bytes = b"") -> bytes:
    """An Interface Description Block."""
    return block(1, struct.pack(order + "HHI", link, 0, snaplen) + options, order)


def epb(record: Record, order: str = "<", interface: int = 0, unit: int = 1000, options: bytes = b"") -> bytes:
    """An Enhanced Packet Block; its time counts in ``unit`` ns."""
    return epb_stamped(record, record.time // unit, order, interface, options)


def epb_stamped(record: Record, stamp: int, order: str = "<", interface: int = 0, options: bytes = b"") -> bytes:
    """An Enhanced Packet Block whose time is this number."""
    head = struct.pack(order + "IIIII", interface, stamp >> 32, stamp & 0xFFFF_FFFF, len(record.data), record.length)
    return block(6, head + padded(record.data) + options, order)


def spb(record: Record, order: str = "<") -> bytes:
    """A Simple Packet Block."""
    return block(3, struct.pack(order + "I", record.length) + record.data, order)


def opb(record: Record, order: str = "<", interface: int = 0, drops: int = 0) -> bytes:
    """An (obsolete) Packet Block, in µs."""
    stamp = record.time // 1000
    head = struct.pack(order + "HHIIII", interface, drops, stamp >> 32, stamp & 0xFFFF_FFFF, len(record.data), record.length)
    return block(2, head + record.data, order)


def nrb(names: Mapping[str, str], order: str = "<") -> bytes:
    """A Name Resolution Block: addresses and their names."""
    body = b""
    for address, name in names.items():
        value = packed(address) + name.encode() + b"\0"
        body += option(2 if ":" in address else 1, value, order)
    return block(4, body + option(0, b"", order), order)


def isb(order: str = "<", interface: int = 0, options: bytes = b"") -> bytes:
    """An Interface Statistics Block."""
    return block(5, struct.pack(order + "III", interface, 0, 0) + options, order)


def dsb(kind: int, secret: bytes, order: str = "<") -> bytes:
    """A Decryption Secrets Block."""
    return block(10, struct.pack(order + "II", kind, len(secret)) + padded(secret), order)


def pcapng(records: Iterable[Record], order: str = "<", link: int = 1) -> bytes:
    """A whole file of one section and one interface, in µs."""
    return shb(order) + idb(order, link) + b"".join(epb(record, order) for record in records)


# Packets


def packed(address: str) -> bytes:
    """An address as it stands in a packet."""
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def ethernet(payload: bytes, kind: int | None = None, tags: Sequence[tuple[int, int]] = ()) -> bytes:
    """An Ethernet II frame; ``tags`` are (EtherType of the tag, VLAN); the kind is told by the IP version if not given."""
    kind = kind if kind is not None else {4: 0x0800, 6: 0x86DD}[payload[0] >> 4]
    middle = b"".join(struct.pack("!HH", *tag) for tag in tags)
    return bytes.fromhex("020000000002 020000000001") + middle + struct.pack("!H", kind) + payload


def ipv4(
    payload: bytes,
    source: str = "10.0.0.1",
    target: str = "10.0.0.2",
    protocol: int = 6,
    options: bytes = b"",
    fragment: int = 0,
    total: int | None = None,
) -> bytes:
    """An IPv4 packet; ``fragment`` is the field with flags and offset, ``total`` a total length that is not true."""
    head = 20 + len(options)
    length = head + len(payload) if total is None else total
    fixed = struct.pack("!BBHHHBBH", 0x40 | head // 4, 0, length, 1, fragment, 64, protocol, 0)
    return fixed + packed(source) + packed(target) + options + payload


def ipv6(
    payload: bytes,
    source: str = "2001:db8::1",
    target: str = "2001:db8::2",
    protocol: int = 6,
    extensions: Sequence[tuple[int, bytes]] = (),
    length: int | None = None,
) -> bytes:
    """An IPv6 packet; extensions are (kind, the header without its first byte)."""
    kinds = [kind for kind, _ in extensions] + [protocol]
    chain = b"".join(bytes([after]) + rest for after, (_, rest) in zip(kinds[1:], extensions, strict=True)) + payload
    size = len(chain) if length is None else length
    return struct.pack("!IHBB", 6 << 28, size, kinds[0], 64) + packed(source) + packed(target) + chain


def piece(packet: bytes, start: int, stop: int, *, number: int = 7, more: bool | None = None, head: int | None = None) -> bytes:
    """The bytes from ``start`` to ``stop`` behind the first ``head`` ones of an IP packet, as a fragment of it."""
    four = packet[0] >> 4 == 4
    head = head or (20 if four else 40)
    data = packet[head:]
    follows = stop < len(data) if more is None else more
    if four:
        field = struct.pack("!HHH", head + len(data[start:stop]), number, start // 8 | follows << 13)
        return packet[:2] + field + packet[8:head] + data[start:stop]
    at = 6 if head == 40 else 40  # with more than the IPv6 header, one extension header stands before that of the fragment
    whole = bytearray(packet[:head])
    kind, whole[at] = whole[at], 44
    whole[4:6] = struct.pack("!H", head - 32 + len(data[start:stop]))
    return bytes(whole) + struct.pack("!BBHI", kind, 0, start | follows, number) + data[start:stop]


def pieces(packet: bytes, size: int, *, number: int = 7, head: int | None = None) -> list[bytes]:
    """An IP packet as fragments of this size, which must be a multiple of 8."""
    length = len(packet) - (head or (20 if packet[0] >> 4 == 4 else 40))
    return [piece(packet, at, min(at + size, length), number=number, head=head) for at in range(0, length, size)]


def tcp(
    source: int = 40_000,
    target: int = 80,
    flags: int = SYN,
    seq: int = 1000,
    ack: int = 0,
    window: int = 64_240,
    options: bytes = b"",
    payload: bytes = b"",
) -> bytes:
    """A TCP segment, checksum 0; ``options`` are filled up to a multiple of 4."""
    options = padded(options)
    offset = (20 + len(options)) // 4 << 4
    return struct.pack("!HHIIBBHHH", source, target, seq, ack, offset, flags, window, 0, 0) + options + payload


def udp(source: int = 5353, target: int = 53, payload: bytes = b"") -> bytes:
    """A UDP datagram, checksum 0."""
    return struct.pack("!HHHH", source, target, 8 + len(payload), 0) + payload


def icmp(kind: int, code: int, quoted: bytes = b"", rest: bytes = bytes(4)) -> bytes:
    """An ICMP or ICMPv6 message, checksum 0."""
    return struct.pack("!BBH", kind, code, 0) + rest + quoted


def frame(**fields: object) -> bytes:
    """Ethernet, IPv4 and a TCP segment with these fields."""
    return ethernet(ipv4(tcp(**fields)))  # type: ignore[arg-type]


def conversation(count: int, start: int = START, step: int = 1_000_000) -> list[Record]:
    """So many segments of one connection, of different lengths, ``step`` ns apart."""
    return [Record(frame(flags=ACK, seq=1000 + i, ack=1, payload=b"%d" % i * (i % 7)), start + i * step) for i in range(count)]


def batch_of(*packets: bytes, link: int | Sequence[int] = 1, wire: Sequence[int] | None = None, first: int = 1) -> Batch:
    """A Batch of these packets, without a file around them; one link type for all, or one for each."""
    sizes = np.array([len(packet) for packet in packets], np.int64)
    return Batch(
        buffer=np.frombuffer(b"".join(packets) + bytes(PADDING), np.uint8),
        offset=np.cumsum(sizes) - sizes,
        captured=sizes,
        wire=sizes if wire is None else np.array(wire, np.int64),
        time=np.arange(len(packets), dtype=np.int64) + START,
        link=np.broadcast_to(np.int64(link), sizes.shape) if isinstance(link, int) else np.array(link, np.int64),
        first=first,
    )


# Reading what was built


class Packet(NamedTuple):
    """A packet as netviz read it; ``time`` is None where it has none."""

    number: int
    data: bytes
    wire: int
    time: int | None
    link: int


class Reading(NamedTuple):
    """All that reading a capture gave."""

    packets: list[Packet]
    problems: list[CaptureProblem]
    metadata: Metadata
    batches: list[Batch]

    @property
    def data(self) -> list[bytes]:
        """The bytes of each packet."""
        return [packet.data for packet in self.packets]

    @property
    def kinds(self) -> list[str]:
        """The kinds of all problems."""
        return [problem.kind for event in self.problems for problem in event.problems]


def feed(data: bytes, sizes: Iterable[int | None] = ()) -> Callable[[memoryview], int | None]:
    """Reads ``data`` in turns of so many bytes; None is silence, and when the sizes are over comes all the rest."""
    at = 0
    turns = iter(sizes)

    def read_into(view: memoryview) -> int | None:
        nonlocal at
        turn = next(turns, len(view))
        if turn is None:
            return None
        piece = data[at : at + min(turn, len(view))]
        view[: len(piece)] = piece
        at += len(piece)
        return len(piece)

    return read_into


def read(data: bytes, sizes: Iterable[int | None] = ()) -> Reading:
    """Read a capture that lies in memory."""
    metadata = Metadata()
    batches = list(read_capture(feed(data, sizes), "memory", metadata))
    problems = [problem for batch in batches for problem in batch.problems]
    return Reading([packet for batch in batches for packet in packets_of(batch)], problems, metadata, batches)


def packets_of(batch: Batch) -> list[Packet]:
    """The rows of a Batch, without those that a filter took out."""
    numbers = range(batch.first, batch.first + len(batch))
    columns = (batch.wire.tolist(), batch.time.tolist(), batch.link.tolist())
    kept = set(range(len(batch)) if batch.kept is None else batch.kept.tolist())
    return [
        Packet(number, batch.packet(number), wire, None if time == NO_TIME else time, link)
        for number, wire, time, link in zip(numbers, *columns, strict=True)
        if number - batch.first in kept
    ]
