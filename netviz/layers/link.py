"""Link layers: where the network layer starts in a packet, and which protocol it is.

Link types: https://www.tcpdump.org/linktypes.html.  VLAN tags: IEEE 802.1Q, 802.1ad.  PPP: https://www.rfc-editor.org/rfc/rfc1661,
in HDLC framing: RFC 1662, over Ethernet: RFC 2516.  MPLS: https://www.rfc-editor.org/rfc/rfc3032
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from netviz.capture.batch import Batch, Ints, Octets

__all__ = ["ARP", "ETHERNET", "HEADER_NAMES", "IPV4", "IPV6", "LINK_NAMES", "RAW", "Network", "be16", "network"]

#: EtherTypes.  UNKNOWN stands for what has none: an undecoded link type, a cut header, IEEE 802.3 with LLC.
IPV4, IPV6, ARP, UNKNOWN = 0x0800, 0x86DD, 0x0806, 0
_TAGS = (0x8100, 0x88A8, 0x9100)
_MOST_TAGS = 8
_PPPOE, _MPLS = 0x8864, (0x8847, 0x8848)
_CARRIERS = (("PPPoE", (_PPPOE,)), ("MPLS", _MPLS))

#: What the protocol field of PPP says, as an EtherType.
_PPP_PROTOCOLS = {0x0021: IPV4, 0x0057: IPV6, 0x0281: _MPLS[0], 0x0283: _MPLS[1]}

#: Link types that are decoded: (bytes of header, where the EtherType stands in it).
ETHERNET, _SLL, _SLL2, _NULL, _LOOP, _CISCO = 1, 113, 276, 0, 108, 104
_TYPED = {ETHERNET: (14, 12), _SLL: (16, 14), _SLL2: (20, 0), _CISCO: (4, 2)}
RAW = 101
_RAW = (RAW, 12, 14, 228, 229)
_PPP, _PPP_SERIAL, _PPP_ETHERNET = 9, 50, 51

#: What a packet of each link type must have to be read at all.
_SHORTEST = {**{link: size for link, (size, _) in _TYPED.items()}, _NULL: 4, _LOOP: 4, **dict.fromkeys(_RAW, 1),
             _PPP: 1, _PPP_SERIAL: 4, _PPP_ETHERNET: 7}  # fmt: skip

#: BSD's numbers of address families in a NULL or LOOP header: every system has another one for IPv6.
_FAMILY_V4, _FAMILIES_V6 = 2, (10, 24, 28, 30)

#: Names of link types, to say what is not decoded.
LINK_NAMES = {
    -1: "of an interface that the file does not describe", 105: "IEEE 802.11", 119: "IEEE 802.11 with Prism header",
    127: "IEEE 802.11 with radiotap", 147: "private use 0", 187: "Bluetooth HCI H4", 189: "USB", 195: "IEEE 802.15.4",
    220: "USB with Linux header", 239: "NFLOG", 249: "USBPcap", 252: "Wireshark upper PDU", 253: "netlink",
}  # fmt: skip


#: What a link header is called, by link type.
HEADER_NAMES = {
    ETHERNET: "Ethernet", _SLL: "Linux cooked", _SLL2: "Linux cooked", _NULL: "loopback", _LOOP: "loopback",
    _CISCO: "Cisco HDLC", _PPP: "PPP", _PPP_SERIAL: "PPP", _PPP_ETHERNET: "PPPoE",
}  # fmt: skip


class Network(NamedTuple):
    """For each packet: its EtherType, where its network layer starts in the buffer, where its captured bytes end.

    ``undecoded`` holds (link type, packets, row of the first) for the link types that are not known here; ``cut`` the rows
    that end inside their link header.  ``carriers`` tells what else stands between Ethernet and the network layer: its name,
    and the rows.
    """

    ethertype: Ints
    start: Ints
    end: Ints
    undecoded: list[tuple[int, int, int]]
    cut: Ints
    carriers: tuple[tuple[str, Ints], ...] = ()


def network(batch: Batch) -> Network:
    """Read the link layer of every packet."""
    start, end = batch.offset.copy(), batch.offset + batch.captured
    ethertype = np.zeros(len(batch), np.int64)
    undecoded: list[tuple[int, int, int]] = []
    carriers: list[tuple[str, Ints]] = []
    shortest = np.zeros(len(batch), np.int64)
    if not len(batch):
        return Network(ethertype, start, end, undecoded, shortest)
    links = [int(batch.link[0])] if batch.link.strides == (0,) else np.unique(batch.link).tolist()
    for link in links:
        rows = np.arange(len(batch)) if len(links) == 1 else np.flatnonzero(batch.link == link)
        shortest[rows] = _SHORTEST.get(link, 0)
        if link in _TYPED:
            size, place = _TYPED[link]
            carriers += _typed(batch.buffer, rows, size, place, ethertype, start, end)
        elif link in (_NULL, _LOOP):
            _family(batch.buffer, rows, ethertype, start, end)
        elif link in _RAW:
            ethertype[rows] = _by_version(batch.buffer, start[rows], end[rows])
        elif link in (_PPP, _PPP_SERIAL, _PPP_ETHERNET):
            _point_to_point(batch.buffer, rows, link, ethertype, start, end)
        else:
            undecoded.append((link, len(rows), int(rows[0])))
    return Network(ethertype, start, end, undecoded, np.flatnonzero(batch.captured < shortest), tuple(carriers))


def be16(buffer: Octets, at: Ints) -> Ints:
    """The 16-bit big-endian numbers at ``at``."""
    return np.ndarray((len(buffer) - 1,), ">u2", buffer.data, strides=(1,))[at].astype(np.int64)


def _typed(
    buffer: Octets, rows: Ints, size: int, place: int, ethertype: Ints, start: Ints, end: Ints
) -> list[tuple[str, Ints]]:
    """Headers that hold an EtherType; VLAN tags may follow, each with the next one.  What carries packets is the answer."""
    at = start if len(rows) == len(start) else start[rows]
    whole = at + size <= (end if len(rows) == len(end) else end[rows])
    if not whole.all():
        rows, at = rows[whole], at[whole]
    kind = be16(buffer, at + place)
    at = at + size
    for _ in range(_MOST_TAGS):
        tagged = (kind == _TAGS[0]) | (kind == _TAGS[1]) | (kind == _TAGS[2])
        if not tagged.any():
            break
        tagged &= at + 4 <= end[rows]
        kind[tagged] = be16(buffer, at[tagged] + 2)
        at[tagged] += 4
    kind[kind < 0x600] = UNKNOWN  # IEEE 802.3: a length, then LLC
    carriers: list[tuple[str, Ints]] = []
    if not ((kind == IPV4) | (kind == IPV6)).all():
        carriers += [(name, rows[those]) for name, kinds in _CARRIERS if (those := np.isin(kind, kinds)).any()]
        _sessions(buffer, kind, at, end[rows])
        _labels(buffer, kind, at, end[rows])
    ethertype[rows], start[rows] = kind, at
    return carriers


def _point_to_point(buffer: Octets, rows: Ints, link: int, ethertype: Ints, start: Ints, end: Ints) -> None:
    """PPP as a link layer of its own; on a serial line the first byte tells Cisco's HDLC from it."""
    if link == _PPP_SERIAL:
        cisco = np.isin(buffer[start[rows]], (0x0F, 0x8F))
        _typed(buffer, rows[cisco], *_TYPED[_CISCO], ethertype, start, end)
        rows = rows[~cisco]
    at, stop = start[rows], end[rows]
    kind = np.full(len(rows), _PPPOE)
    if link == _PPP_ETHERNET:
        _sessions(buffer, kind, at, stop)
    else:
        kind, at = _ppp(buffer, at, stop)
    _labels(buffer, kind, at, stop)
    ethertype[rows], start[rows] = kind, at


def _ppp(buffer: Octets, at: Ints, end: Ints) -> tuple[Ints, Ints]:
    """PPP headers as EtherTypes, and where what they carry starts.

    Address and control of HDLC framing (RFC 1662 section 3.1) may stand before the protocol, of which the first byte is
    left out where both ends agreed to: the last one is odd, all others are even (RFC 1661 section 2).
    """
    at = at + 2 * (be16(buffer, at) == 0xFF03)
    short = buffer[at] & 1 == 1
    protocol = np.where(short, buffer[at], be16(buffer, at))
    at = at + np.where(short, 1, 2)
    kind = np.full(len(at), UNKNOWN)
    for number, ethertype in _PPP_PROTOCOLS.items():
        kind[(protocol == number) & (at <= end)] = ethertype
    return kind, np.minimum(at, end)


def _sessions(buffer: Octets, kind: Ints, at: Ints, end: Ints) -> None:
    """Go on behind PPPoE (RFC 2516 section 4), in place: version and type 1, code 0, a session, a length; then PPP."""
    inside = np.flatnonzero(kind == _PPPOE)
    if len(inside):
        kind[inside] = UNKNOWN
        inside = inside[at[inside] + 7 <= end[inside]]
        inside = inside[be16(buffer, at[inside]) == 0x1100]
        kind[inside], at[inside] = _ppp(buffer, at[inside] + 6, end[inside])


def _labels(buffer: Octets, kind: Ints, at: Ints, end: Ints) -> None:
    """Go on behind MPLS labels, in place.  Nothing tells what they carry but its first half byte (RFC 4928 section 2)."""
    inside = np.flatnonzero((kind == _MPLS[0]) | (kind == _MPLS[1]))
    for _ in range(_MOST_TAGS):
        if not len(inside):
            return
        inside = inside[at[inside] + 4 <= end[inside]]
        last = buffer[at[inside] + 2] & 1 == 1
        at[inside] += 4
        bottom = inside[last]
        kind[bottom] = _by_version(buffer, at[bottom], end[bottom])
        inside = inside[~last]


def _by_version(buffer: Octets, at: Ints, end: Ints) -> Ints:
    """The EtherTypes of IP packets that nothing announces."""
    version = np.where(at < end, buffer[at] >> 4, 0)
    return np.where(version == 4, IPV4, np.where(version == 6, IPV6, UNKNOWN))


def _family(buffer: Octets, rows: Ints, ethertype: Ints, start: Ints, end: Ints) -> None:
    """BSD loopback: an address family of four bytes, in the byte order of the machine that captured (or big-endian)."""
    rows = rows[start[rows] + 4 <= end[rows]]
    at = start[rows]
    # A family is below 2^16: whichever half is zero tells the byte order.
    high, low = be16(buffer, at), be16(buffer, at + 2)
    family = np.where(high == 0, low, (high & 0xFF) << 8 | high >> 8)
    ethertype[rows] = np.where(family == _FAMILY_V4, IPV4, np.where(np.isin(family, _FAMILIES_V6), IPV6, UNKNOWN))
    start[rows] = at + 4
