"""Tunnels: IP packets that carry other packets, and where those start.

IP in IP: https://www.rfc-editor.org/rfc/rfc2003, https://www.rfc-editor.org/rfc/rfc4213, https://www.rfc-editor.org/rfc/rfc2473
GRE: https://www.rfc-editor.org/rfc/rfc2784, https://www.rfc-editor.org/rfc/rfc2890
VXLAN: https://www.rfc-editor.org/rfc/rfc7348, GENEVE: https://www.rfc-editor.org/rfc/rfc8926
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netviz.capture.batch import Batch, Ints, Octets
from netviz.layers.ip import TCP, UDP, Datagrams
from netviz.layers.link import ETHERNET, IPV4, IPV6, RAW, be16

__all__ = ["NAMES", "OVER_UDP", "Tunnels", "tunnels"]

#: Names of tunnels; the first has no header, those from OVER_UDP on stand behind one of UDP.
NAMES = ("IP in IP", "GRE", "VXLAN", "GENEVE")
OVER_UDP = 2

#: IP protocols that carry IP without anything in between, and GRE.
_IP_IN_IP, _GRE = (4, 41), 47

#: What GRE and GENEVE call an Ethernet frame ("transparent Ethernet bridging").
_BRIDGED = 0x6558

#: Bits of the first two bytes of GRE: checksum, key, sequence number; none of the others may be set (RFC 2784 section 2.2).
_CHECKSUM, _KEY, _SEQUENCE = 0x8000, 0x2000, 0x1000
_NOT_IN_GRE = 0xFFFF & ~(_CHECKSUM | _KEY | _SEQUENCE)

#: Ports of VXLAN (the other one is older than the RFC, and what Linux takes where nobody says otherwise), and of GENEVE.
_VXLAN_PORTS, _GENEVE_PORT = (4789, 8472), 6081

_UDP_HEADER = 8

#: Other IP protocols that carry packets.
_PROTOCOLS = {50: "ESP, encrypted", 51: "AH", 97: "EtherIP", 108: "IPComp", 115: "L2TPv3", 137: "MPLS in IP"}

#: Other tunnels over UDP: port, name, and which bits of the first four bytes must be what.
_UNREAD = (
    (1701, "L2TP data", 0x800F, 0x0002, 0, 0), (2152, "GTP-U", 0xF0FF, 0x30FF, 0, 0),
    (3544, "Teredo", 0xF000, 0x6000, 0, 0), (51820, "WireGuard, encrypted", 0xFFFF, 0x0400, 0xFFFF, 0),
)  # fmt: skip


class Tunnels(NamedTuple):
    """What datagrams carry: which they are (``carrier``, ascending), how what is inside begins (``link``, a link type), where
    (``start``), and which tunnel it is (``kind``, an index of NAMES).

    ``cut`` are the rows that end inside the header of a tunnel; ``others`` says in words what else carries packets, by rows.
    """

    carrier: Ints
    link: Ints
    start: Ints
    kind: Ints
    cut: Ints
    others: tuple[tuple[str, Ints], ...]


def tunnels(batch: Batch, ip: Datagrams) -> Tunnels:
    """Read the headers of all tunnels that are known here."""
    none = np.zeros(0, np.int64)
    if (ip.protocol == TCP).all():
        return Tunnels(none, none, none, none, none, ())
    buffer, end = batch.buffer, np.minimum(ip.stop, batch.offset[ip.row] + batch.captured[ip.row])
    bare = np.flatnonzero(np.isin(ip.protocol, _IP_IN_IP))
    found = [(bare, np.full(len(bare), RAW), ip.start[bare], np.zeros(len(bare), np.int64))]
    others = [
        (f"of IP protocol {protocol} ({name}): what is inside is not decoded", ip.row[rows])
        for protocol, name in _PROTOCOLS.items()
        if (rows := ip.protocol == protocol).any()
    ]
    cut = none
    generic = np.flatnonzero(ip.protocol == _GRE)
    if len(generic):
        whole = ip.start[generic] + 4 <= end[generic]
        cut, generic = ip.row[generic[~whole]], generic[whole]
        known, link, start = _gre(buffer, ip.start[generic])
        beyond = known & (start > end[generic])
        cut, known = np.concatenate([cut, ip.row[generic[beyond]]]), known & ~beyond
        found.append((generic[known], link[known], start[known], np.ones(np.count_nonzero(known), np.int64)))
        if not (known | beyond).all():
            others.append(("of GRE with something else than IP or Ethernet: not decoded", ip.row[generic[~(known | beyond)]]))
    datagram = np.flatnonzero((ip.protocol == UDP) & (ip.start + _UDP_HEADER + 8 <= end))
    if len(datagram):
        at = ip.start[datagram]
        port = be16(buffer, at + 2)
        for kind, (known, link, start) in enumerate((_vxlan(buffer, at, port), _geneve(buffer, at, port)), OVER_UDP):
            known &= start <= end[datagram]
            found.append((datagram[known], link[known], start[known], np.full(np.count_nonzero(known), kind)))
        others += _over_udp(buffer, at + _UDP_HEADER, port, be16(buffer, at), ip.row[datagram])
    columns = [np.concatenate(column) for column in zip(*found, strict=True)]
    order = np.argsort(columns[0])
    return Tunnels._make([*(column[order] for column in columns), cut, tuple(others)])


def _gre(buffer: Octets, at: Ints) -> tuple[NDArray[np.bool_], Ints, Ints]:
    """Whether it is what we know, what it carries, and where that starts: each optional field takes four bytes."""
    flags = be16(buffer, at)
    known, link = _carried(be16(buffer, at + 2))
    fields = sum(((flags & bit) != 0).astype(np.int64) for bit in (_CHECKSUM, _KEY, _SEQUENCE))
    return known & (flags & _NOT_IN_GRE == 0), link, at + 4 + 4 * fields


def _vxlan(buffer: Octets, at: Ints, port: Ints) -> tuple[NDArray[np.bool_], Ints, Ints]:
    """VXLAN: a flag, reserved zeros, the number of the network, another zero (RFC 7348 section 5)."""
    head = at + _UDP_HEADER
    flags = (be16(buffer, head) == 0x0800) & (be16(buffer, head + 2) == 0) & (buffer[head + 7] == 0)
    return flags & np.isin(port, _VXLAN_PORTS), np.full(len(at), ETHERNET), head + 8


def _geneve(buffer: Octets, at: Ints, port: Ints) -> tuple[NDArray[np.bool_], Ints, Ints]:
    """GENEVE: version 0, the length of its options, reserved zeros, an EtherType (RFC 8926 section 3.4)."""
    head = at + _UDP_HEADER
    first = be16(buffer, head)
    known, link = _carried(be16(buffer, head + 2))
    known &= (port == _GENEVE_PORT) & (first & 0xC03F == 0) & (buffer[head + 7] == 0)
    return known, link, head + 8 + (first >> 8) * 4


def _carried(ethertype: Ints) -> tuple[NDArray[np.bool_], Ints]:
    """What an EtherType in a tunnel stands for, as a link type."""
    bridged = ethertype == _BRIDGED
    return bridged | (ethertype == IPV4) | (ethertype == IPV6), np.where(bridged, ETHERNET, RAW)


def _over_udp(buffer: Octets, at: Ints, port: Ints, source: Ints, row: Ints) -> list[tuple[str, Ints]]:
    """Tunnels that are not decoded, where the port and the first bytes both say so."""
    found = []
    for number, name, *expected in _UNREAD:
        near = (port == number) | (source == number)
        if near.any():
            mask, value, mask_after, value_after = expected
            near &= (be16(buffer, at) & mask == value) & (be16(buffer, at + 2) & mask_after == value_after)
        if near.any():
            found.append((f"of UDP port {number}, by the first bytes {name}: what is inside is not decoded", row[near]))
    return found
