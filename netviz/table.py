"""The packet table: columns over the TCP segments of a Batch, and what else was in it.

Nothing here is done packet by packet: a Batch of 20,000 packets becomes arrays in two or three milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netviz.capture.batch import NO_TIME, Batch, Ints
from netviz.layers.icmp import Quote, quote
from netviz.layers.ip import ICMP, ICMPV6, UDP, Datagrams, address_at, datagrams
from netviz.layers.link import ARP, LINK_NAMES, network
from netviz.layers.tcp.segment import Segments, segments

__all__ = ["V6_CODE", "Notice", "Quoted", "Table", "endpoint_code", "table"]

#: Odd constants that mix the halves of an IPv6 address into a code.
_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))

#: This bit marks the code of an IPv6 endpoint; bits 16 to 62 mix its address, the rest is the port.
V6_CODE = 1 << 63
_WORD = (1 << 64) - 1
_V6_MIXED = (1 << 63) - (1 << 16)


@dataclass(frozen=True, slots=True)
class Notice:
    """Packets that are not decoded: why, how many, and the number of the first."""

    kind: str
    text: str
    count: int
    packet: int


class Quoted(NamedTuple):
    """An ICMP error about a TCP segment: its row in the Batch, IP version, who sent it, what it quotes."""

    row: int
    version: int
    sender: bytes
    quote: Quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The TCP segments of a Batch.

    ``source`` and ``target`` are endpoint codes: for IPv4 the address and the port, exactly; for IPv6 the port and 47
    mixed bits of the address.  ``counts`` says how many packets of each protocol there were.
    """

    batch: Batch
    tcp: Segments
    source: NDArray[np.uint64]
    target: NDArray[np.uint64]
    icmp: tuple[Quoted, ...]
    counts: dict[str, int]
    notices: tuple[Notice, ...]

    def __len__(self) -> int:
        return len(self.tcp.row)

    def addresses(self, index: int) -> tuple[bytes, bytes]:
        """Source and destination address of the segment at ``index``."""
        return address_at(self.batch.buffer, int(self.tcp.ip[index]), int(self.tcp.version[index]))

    def time_of(self, row: int) -> int | None:
        """When the packet in a row of the Batch came, in ns; None where it carries no time."""
        time = int(self.batch.time[row])
        return None if time == NO_TIME else time


def endpoint_code(address: bytes, port: int) -> int:
    """The code of an endpoint, as in the columns ``source`` and ``target``."""
    if len(address) == 4:
        return int.from_bytes(address, "big") << 16 | port
    high, low = int.from_bytes(address[:8], "big"), int.from_bytes(address[8:], "big")
    first, second = map(int, _MIX)
    mixed = (high ^ high >> 29) * first + (low ^ low >> 31) * second & _WORD
    return (mixed ^ mixed >> 32) & _V6_MIXED | V6_CODE | port


def table(batch: Batch) -> Table:
    """Read all packets of a Batch at once."""
    net = network(batch)
    ip = datagrams(batch, net)
    tcp = segments(batch, ip)
    source, target = _codes(batch, tcp)
    counts = {
        "tcp": len(tcp.row),
        "udp": int(np.count_nonzero(ip.protocol == UDP)),
        "icmp": int(np.count_nonzero((ip.protocol == ICMP) | (ip.protocol == ICMPV6))),
        "arp": int(np.count_nonzero(net.ethertype == ARP)),
        "packets": len(batch),
    }
    unknown = [(link, count, row) for link, count, row in net.undecoded]
    notices = [
        Notice("link-type-unknown", f"of link type {link} ({LINK_NAMES.get(link, 'unknown')}): not decoded", count,
               batch.first + row)
        for link, count, row in unknown
    ] + [
        Notice(kind, text, len(rows), batch.first + int(rows.min()))
        for kind, text, rows in (
            ("ip-fragment", "that are pieces of fragmented IP packets: not decoded, not reassembled", ip.fragments),
            ("ip-malformed", "with an IP header that cannot be right: not decoded", ip.malformed),
            ("tcp-malformed", "with a TCP header that cannot be right: not decoded", tcp.malformed),
            ("headers-cut", "cut by the snapshot length inside their headers: not decoded",
             np.concatenate([ip.cut, tcp.cut])),
        )
        if len(rows)
    ]  # fmt: skip
    return Table(batch=batch, tcp=tcp, source=source, target=target, icmp=_errors(batch, ip), counts=counts,
                 notices=tuple(notices))  # fmt: skip


def _codes(batch: Batch, tcp: Segments) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    codes = []
    for place4, place6, port in ((12, 8, tcp.source), (16, 24, tcp.target)):
        address = _big_endian(batch, tcp.ip + place4, 4)
        code = address << np.uint64(16) | port.astype(np.uint64)
        if len(six := np.flatnonzero(tcp.version == 6)):
            high, low = (_big_endian(batch, tcp.ip[six] + place6 + half, 8) for half in (0, 8))
            code[six] = _mixed(high, low) | port[six].astype(np.uint64)
        codes.append(code)
    return codes[0], codes[1]


def _mixed(high: NDArray[np.uint64], low: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """As endpoint_code does for one address; products wrap at 2^64."""
    mixed = np.add((high ^ np.right_shift(high, 29)) * _MIX[0], (low ^ np.right_shift(low, 31)) * _MIX[1])
    mixed ^= np.right_shift(mixed, 32)
    code: NDArray[np.uint64] = mixed & np.uint64(_V6_MIXED) | np.uint64(V6_CODE)
    return code


def _big_endian(batch: Batch, at: Ints, width: int) -> NDArray[np.uint64]:
    """The big-endian numbers of ``width`` bytes at ``at``."""
    view = np.ndarray((len(batch.buffer) - width + 1,), f">u{width}", batch.buffer.data, strides=(1,))
    numbers: NDArray[np.uint64] = view[at].astype(np.uint64)
    return numbers


def _errors(batch: Batch, ip: Datagrams) -> tuple[Quoted, ...]:
    found = []
    for index in np.flatnonzero((ip.protocol == ICMP) | (ip.protocol == ICMPV6)).tolist():
        row, version, start = int(ip.row[index]), int(ip.version[index]), int(ip.start[index])
        stop = min(int(ip.stop[index]), int(batch.offset[row] + batch.captured[row]))
        quoted = quote(batch.buffer[start:stop].tobytes(), version)
        if quoted and ip.protocol[index] == (ICMP if version == 4 else ICMPV6):
            found.append(Quoted(row, version, address_at(batch.buffer, int(ip.ip[index]), version)[0], quoted))
    return tuple(found)
