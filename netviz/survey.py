"""How much of what is in a capture, packet by packet: protocols, bytes, times, what is cut.

All in columns, as in `netviz.table`: ordinary packets are only counted, all others are read level by level.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from netviz.capture.batch import NO_TIME, Batch, Ints
from netviz.event import Share, Span
from netviz.layers.fragments import Fragments
from netviz.layers.ip import ICMP, ICMPV6, TCP, UDP
from netviz.layers.link import ARP, IPV4, IPV6
from netviz.layers.tunnel import NAMES, OVER_UDP
from netviz.layers.udp import HEADER, Uses
from netviz.ordinary import ordinary
from netviz.unwrap import Level, unwrap

__all__ = ["Survey"]

#: EtherTypes and IP protocol numbers with a name; what has none is OTHER.
_NETWORKS = {IPV4: "IPv4", IPV6: "IPv6", ARP: "ARP", 0x88CC: "LLDP", 0x8863: "PPPoE", 0x8864: "PPPoE", 0x888E: "EAPOL",
             0x8847: "MPLS", 0x8848: "MPLS", 0x88E5: "MACsec", 0x8809: "LACP"}  # fmt: skip
_TRANSPORTS = {ICMP: "ICMP", TCP: "TCP", UDP: "UDP", ICMPV6: "ICMPv6", 2: "IGMP", 4: NAMES[0], 41: NAMES[0],
               47: "GRE", 50: "ESP", 51: "AH", 89: "OSPF", 103: "PIM", 112: "VRRP", 132: "SCTP"}  # fmt: skip
_OTHER = "other"
_FRAGMENTS = "fragments"

_Known = Literal["field", "bytes", "port"]

#: The rows of each protocol: what carries it, and its name.
_Found = dict[tuple[str, str], list[Ints]]


class Survey:
    """Feed it Batches; it only ever adds up, whatever they hold."""

    def __init__(self) -> None:
        self.count = self.captured = self.wire = self.cut = self.longest_cut = 0
        self.span = Span()
        self._last = NO_TIME
        self._uses = Uses()
        self._fragments = Fragments()
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
        """Add a Batch, but for the packets that a filter left out of it."""
        if not batch.packets:
            return
        batch = batch.narrowed()
        rows = np.arange(len(batch)) if batch.kept is None else batch.kept
        part = batch if batch.kept is None else batch.select(rows)
        self.count += len(part)
        self.captured += int(part.captured.sum())
        self.wire += int(part.wire.sum())
        short = part.captured < part.wire
        if short.any():
            self.cut += int(np.count_nonzero(short))
            self.longest_cut = max(self.longest_cut, int(part.captured[short].max()))
        self._time(part.time)
        found: _Found = {}
        quick = ordinary(part)
        if quick is not None:
            plain = rows if len(quick.tcp.row) == len(rows) else rows[quick.tcp.row]
            found["", "IPv4"], found["IP", "TCP"] = [plain], [plain]
            rows, part = rows[quick.rest], part.select(quick.rest)
        if len(rows):
            for level in unwrap(part, rows, self._fragments).levels:
                self._level(level, found)
        for (under, name), places in found.items():
            # A packet may hold the same protocol within a tunnel and around it.
            self._add(under, name, batch, places[0] if len(places) == 1 else np.unique(np.concatenate(places)))

    def _time(self, time: Ints) -> None:
        start, earliest, latest, unordered, untimed = self.span
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

    def _add(self, under: str, name: str, batch: Batch, rows: Ints) -> None:
        if not len(rows):
            return
        size = int(batch.wire[rows].sum()) if len(rows) < len(batch) else int(batch.wire.sum())
        first = batch.first + int(rows.min())
        share = self._shares.setdefault((under, name), [0, 0, first])
        share[0] += len(rows)
        share[1] += size
        share[2] = min(share[2], first)

    def _level(self, level: Level, found: _Found) -> None:
        """The protocols of packets, or of what they carry in a tunnel."""
        rows, net, ip, inner = level.rows, level.net, level.ip, level.tunnels
        for name, those in net.carriers:
            self._put(found, rows[those], "", name)
        for kind in np.unique(net.ethertype).tolist():
            self._put(found, rows[net.ethertype == kind], "", _NETWORKS.get(kind, _OTHER))
        self._put(found, rows[ip.fragments[:, 0]], "IP", _FRAGMENTS)
        for protocol in np.unique(ip.protocol).tolist():
            self._put(found, rows[ip.row[ip.protocol == protocol]], "IP", _TRANSPORTS.get(protocol, _OTHER))
        for kind in range(OVER_UDP, len(NAMES)):
            self._put(found, rows[ip.row[inner.carrier[inner.kind == kind]]], "UDP", NAMES[kind], "bytes")
        self._datagrams(level, found)

    def _datagrams(self, level: Level, found: _Found) -> None:
        net, ip = level.net, level.ip
        whole = (ip.protocol == UDP) & (ip.start + HEADER <= net.end[ip.row])
        whole[level.tunnels.carrier] = False
        if not whole.any():
            return
        row, start = ip.row[whole], ip.start[whole]
        stop = np.minimum(ip.stop[whole], net.end[row])
        uses = self._uses.tell(level.batch.buffer, start, stop, ip.source[whole], ip.target[whole])
        for name, known, those in uses:
            self._put(found, level.rows[row[those]], "UDP", name, known)

    def _put(self, found: _Found, rows: Ints, under: str, name: str, known: _Known = "field") -> None:
        if not len(rows):
            return
        found.setdefault((under, name), []).append(rows)
        if known == "port" or (under, name) not in self._known:
            # Of what some packets tell by their bytes and others only by their port, the weaker is said.
            self._known[under, name] = known
