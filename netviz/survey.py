"""How much of what is in a capture, packet by packet: protocols, bytes, times, what is cut or captured twice.

All in columns, as in `netviz.table`; only what is no TCP segment is looked at twice.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from netviz.capture.batch import NO_TIME, Batch, Ints
from netviz.event import Share, Span
from netviz.layers.ip import ICMP, ICMPV6, TCP, UDP, Datagrams, datagrams
from netviz.layers.link import ARP, IPV4, IPV6, be16, network
from netviz.layers.udp import Uses
from netviz.table import Table, table

__all__ = ["Survey"]

#: EtherTypes and IP protocol numbers with a name; what has none is OTHER.
_NETWORKS = {IPV4: "IPv4", IPV6: "IPv6", ARP: "ARP", 0x88CC: "LLDP", 0x8863: "PPPoE", 0x8864: "PPPoE", 0x888E: "EAPOL",
             0x8847: "MPLS", 0x8848: "MPLS", 0x88E5: "MACsec", 0x8809: "LACP"}  # fmt: skip
_TRANSPORTS = {ICMP: "ICMP", TCP: "TCP", UDP: "UDP", ICMPV6: "ICMPv6", 2: "IGMP", 4: "IPv4 in IP", 41: "IPv6 in IP",
               47: "GRE", 50: "ESP", 51: "AH", 89: "OSPF", 103: "PIM", 112: "VRRP", 132: "SCTP"}  # fmt: skip
_OTHER = "other"
_FRAGMENTS = "fragments"

#: So many TCP segments are compared with those before them, each with so many.
_COMPARED, _BEFORE = 1 << 16, 4

_Known = Literal["field", "bytes", "port"]


class Survey:
    """Feed it Batches; it only ever adds up, whatever they hold."""

    def __init__(self) -> None:
        self.count = self.captured = self.wire = self.cut = self.longest_cut = 0
        self.span = Span()
        self.repeated = (0, 0)
        self._last = NO_TIME
        self._uses = Uses()
        self._shares: dict[tuple[str, str], list[int]] = {}
        self._known: dict[tuple[str, str], _Known] = {}

    @property
    def shares(self) -> tuple[Share, ...]:
        """The protocols: those of the network, then what IP carries, then what that carries; the greatest first."""
        return tuple(self._below("") + self._below("IP") + self._below("UDP"))

    def _below(self, under: str) -> list[Share]:
        found = [
            Share(name, under, packets, size, first, self._known.get((under, name), "field"))
            for (carrier, name), (packets, size, first) in self._shares.items()
            if carrier == under
        ]
        return sorted(found, key=lambda share: (share.name == _OTHER, -share.bytes, share.name))

    def feed(self, batch: Batch) -> None:
        """Add a Batch."""
        if not len(batch):
            return
        self.count += len(batch)
        self.captured += int(batch.captured.sum())
        self.wire += int(batch.wire.sum())
        short = batch.captured < batch.wire
        if short.any():
            self.cut += int(np.count_nonzero(short))
            self.longest_cut = max(self.longest_cut, int(batch.captured[short].max()))
        self._time(batch)
        packets = table(batch)
        self._segments(batch, packets)
        if len(packets) < len(batch):
            others = np.ones(len(batch), bool)
            others[packets.tcp.row] = False
            self._others(batch, np.flatnonzero(others))

    def _time(self, batch: Batch) -> None:
        start, earliest, latest, unordered, untimed = self.span
        time = batch.time
        if (time == NO_TIME).any():
            untimed += int(np.count_nonzero(time == NO_TIME))
            time = time[time != NO_TIME]
        if not len(time):
            self.span = self.span._replace(untimed=untimed)
            return
        unordered += int(np.count_nonzero(time[1:] < time[:-1])) + int(time[0] < self._last)
        self._last = int(time[-1])
        least, most = int(time.min()), int(time.max())
        start = int(time[0]) if start is None else start
        earliest = least if earliest is None else min(earliest, least)
        latest = most if latest is None else max(latest, most)
        self.span = Span(start, earliest, latest, unordered, untimed)

    def _add(self, under: str, name: str, batch: Batch, rows: Ints, known: _Known = "field") -> None:
        if not len(rows):
            return
        size = int(batch.wire[rows].sum()) if len(rows) < len(batch) else int(batch.wire.sum())
        first = batch.first + int(rows.min())
        share = self._shares.setdefault((under, name), [0, 0, first])
        share[0] += len(rows)
        share[1] += size
        share[2] = min(share[2], first)
        if known != "field":
            self._known[under, name] = known

    def _segments(self, batch: Batch, packets: Table) -> None:
        tcp = packets.tcp
        for version, name in ((4, "IPv4"), (6, "IPv6")):
            self._add("", name, batch, tcp.row[tcp.version == version])
        self._add("IP", "TCP", batch, tcp.row)
        again, of = self.repeated
        if of < _COMPARED and len(packets):
            self.repeated = again + _repeated(packets), of + len(packets)

    def _others(self, batch: Batch, rows: Ints) -> None:
        part = batch.select(rows)
        net = network(part)
        ip = datagrams(part, net)
        for kind in np.unique(net.ethertype).tolist():
            self._add("", _NETWORKS.get(kind, _OTHER), batch, rows[net.ethertype == kind])
        self._add("IP", _FRAGMENTS, batch, rows[ip.fragments])
        for protocol in np.unique(ip.protocol).tolist():
            self._add("IP", _TRANSPORTS.get(protocol, _OTHER), batch, rows[ip.row[ip.protocol == protocol]])
        self._datagrams(batch, part, rows, net.end, ip)

    def _datagrams(self, batch: Batch, part: Batch, rows: Ints, end: Ints, ip: Datagrams) -> None:
        whole = (ip.protocol == UDP) & (ip.start + 8 <= end[ip.row])
        if not whole.any():
            return
        row, start = ip.row[whole], ip.start[whole]
        stop = np.minimum(ip.stop[whole], end[row])
        for name, known, these in self._uses.tell(part.buffer, start, stop, ip.source[whole], ip.target[whole]):
            self._add("UDP", name, batch, rows[row[these]], known)


def _repeated(packets: Table) -> int:
    """How many segments are copies of one just before, as they are where a packet passes the place of capture twice.

    What TCP sends again is another packet: IPv4 gives it another identification.
    """
    tcp = packets.tcp
    buffer = packets.batch.buffer
    identity = np.where(tcp.version == 4, be16(buffer, tcp.ip + 4), 0)
    key = packets.source * np.uint64(0x9E3779B97F4A7C15) + packets.target * np.uint64(0xC2B2AE3D27D4EB4F)
    key += (tcp.seq << 32 | tcp.ack).astype(np.uint64) * np.uint64(0xD6E8FEB86659FD93)
    key += (tcp.length << 32 | identity << 8 | tcp.flags).astype(np.uint64) * np.uint64(0xA0761D6478BD642F)
    same: NDArray[np.bool_] = np.zeros(len(key), bool)
    for back in range(1, min(_BEFORE, len(key) - 1) + 1):
        same[back:] |= key[back:] == key[:-back]
    return int(np.count_nonzero(same))
