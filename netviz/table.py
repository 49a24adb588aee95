"""The packet table: columns over the TCP segments of a Batch, and what else was in it.

Nothing here is done packet by packet: a Batch of 20,000 packets becomes arrays in two or three milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netviz.capture.batch import NO_TIME, Batch
from netviz.layers.icmp import Quote, quote
from netviz.layers.ip import ICMP, ICMPV6, UDP, Datagrams, address_at, datagrams
from netviz.layers.link import ARP, LINK_NAMES, network
from netviz.layers.tcp.segment import Segments, segments

__all__ = ["Notice", "Quoted", "Table", "table"]


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

    ``source`` and ``target`` are endpoint codes (see netviz.endpoint).  ``counts`` says how many packets of each protocol
    there were.
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


def table(batch: Batch) -> Table:
    """Read all packets of a Batch at once."""
    net = network(batch)
    ip = datagrams(batch, net)
    tcp = segments(batch, ip)
    of = slice(None) if len(tcp.row) == len(ip.row) else np.searchsorted(ip.row, tcp.row)
    source = ip.source[of] | tcp.source.astype(np.uint64)
    target = ip.target[of] | tcp.target.astype(np.uint64)
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


def _errors(batch: Batch, ip: Datagrams) -> tuple[Quoted, ...]:
    found = []
    for index in np.flatnonzero((ip.protocol == ICMP) | (ip.protocol == ICMPV6)).tolist():
        row, version, start = int(ip.row[index]), int(ip.version[index]), int(ip.start[index])
        stop = min(int(ip.stop[index]), int(batch.offset[row] + batch.captured[row]))
        quoted = quote(batch.buffer[start:stop].tobytes(), version)
        if quoted and ip.protocol[index] == (ICMP if version == 4 else ICMPV6):
            found.append(Quoted(row, version, address_at(batch.buffer, int(ip.ip[index]), version)[0], quoted))
    return tuple(found)
