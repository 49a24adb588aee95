"""Link headers field by field: Ethernet, VLAN tags, Linux cooked captures, loopback of BSD.

Ethernet: IEEE 802.3, tags: IEEE 802.1Q; cooked and loopback headers: https://www.tcpdump.org/linktypes.html
"""

from __future__ import annotations

from netviz.layers.header.field import Entry, Header, Layout, hexadecimal, pick, read, valued

__all__ = ["ETHERTYPES", "LINKS", "ethernet", "vlan"]

#: What follows by EtherType: the key of a header that is read here, or a name.
ETHERTYPES = {
    0x0800: "ipv4", 0x86DD: "ipv6", 0x8100: "vlan", 0x88A8: "vlan", 0x9100: "vlan", 0x0806: "ARP", 0x8035: "RARP",
    0x8847: "MPLS", 0x8848: "MPLS", 0x8863: "PPPoE discovery", 0x8864: "PPPoE", 0x888E: "EAPOL", 0x88CC: "LLDP",
    0x88E5: "MACsec", 0x6558: "Ethernet in GRE", 0x893A: "IEEE 1905",
}  # fmt: skip
_TITLES = {"ipv4": "IPv4", "ipv6": "IPv6", "vlan": "VLAN tag"}

_KINDS = {0: "to us", 1: "broadcast", 2: "multicast", 3: "to somebody else", 4: "sent by us"}
_HARDWARE = {1: "Ethernet", 512: "PPP", 768: "IP tunnel", 772: "loopback", 776: "IPv6 in IPv4", 778: "GRE", 801: "802.11",
             803: "802.11 radiotap", 65534: "no hardware address (a tunnel)"}  # fmt: skip
_FAMILIES = {2: "ipv4", 10: "ipv6", 24: "ipv6", 28: "ipv6", 30: "ipv6"}


def _mac(value: int) -> str:
    raw = f"{value:012x}"
    return ":".join(raw[at : at + 2] for at in range(0, 12, 2))


def _whose(value: int) -> str:
    if not value:
        return "none: loopback needs no address"
    if value == (1 << 48) - 1:
        return "broadcast: everybody on this link"
    group = "a group (multicast)" if value >> 40 & 1 else "one adapter"
    return f"{group}, {'number made up locally' if value >> 41 & 1 else 'number by its manufacturer'}"


def _carries(value: int) -> str:
    if value < 0x600:
        return "a length, not a type: IEEE 802.3 with LLC"
    known = ETHERTYPES.get(value, "")
    return f"{_TITLES.get(known, known)} follows" if known else "no type that netviz knows"


_TYPE = Entry("EtherType", 16, _carries, hexadecimal(4))
ETHERNET: Layout = (Entry("destination", 48, _whose, _mac), Entry("source", 48, _whose, _mac), _TYPE)
VLAN: Layout = (
    Entry("priority", 3, lambda v: "usual" if not v else "before others" if v > 1 else "after all others"),
    Entry("drop eligible", 1, pick({0: "no", 1: "may be dropped first"})),
    Entry("VLAN", 12, pick({0: "only a priority, no VLAN", 4095: "reserved"}, "which virtual network it belongs to")),
    _TYPE,
)
_PACKET = pick(_KINDS, "unknown")
SLL: Layout = (
    Entry("packet type", 16, _PACKET),
    Entry("hardware type", 16, pick(_HARDWARE, "another kind of link")),
    Entry("address length", 16, lambda v: "bytes of the address that count"),
    Entry("source", 64, lambda v: "the sender's link address, padded to 8 bytes", hexadecimal(16)),
    _TYPE,
)
SLL2: Layout = (
    _TYPE,
    Entry("reserved", 16),
    Entry("interface index", 32, lambda v: "which interface of the machine that recorded"),
    Entry("hardware type", 16, pick(_HARDWARE, "another kind of link")),
    Entry("packet type", 8, _PACKET),
    Entry("address length", 8, lambda v: "bytes of the address that count"),
    Entry("source", 64, lambda v: "the sender's link address, padded to 8 bytes", hexadecimal(16)),
)
_FAMILY_NAMES = {"ipv4": "IPv4 follows", "ipv6": "IPv6 follows (every BSD has another number for it)"}

#: The family is a number of the machine that recorded: whichever half is zero tells its byte order.
FAMILY: Layout = (
    Entry("address family", 32, lambda v: _FAMILY_NAMES.get(_FAMILIES.get(_family(v), ""), "no family that netviz knows"),
          lambda v: str(_family(v))),
)  # fmt: skip


def _family(value: int) -> int:
    return value if value >> 16 == 0 else int.from_bytes(value.to_bytes(4, "big"), "little")


def ethernet(data: bytes) -> Header:
    """An Ethernet II header, or one of IEEE 802.3."""
    fields = read(ETHERNET, data[:14])
    kind = valued(fields, "EtherType")
    follows = ETHERTYPES.get(kind, f"EtherType 0x{kind:04x}") if kind >= 0x600 else "LLC"
    if len(fields) < 3:
        return Header("ethernet", "Ethernet", 2, 14, fields)
    way = f"{fields[1].text} → {fields[0].text}"
    if not fields[0].value and not fields[1].value:
        way = "no addresses: this is loopback, no adapter is involved"
    facts = way, f"carries {_TITLES.get(follows, follows)}"
    return Header("ethernet", "Ethernet II" if kind >= 0x600 else "Ethernet (802.3)", 2, 14, fields, follows, facts)


def vlan(data: bytes) -> Header:
    """A VLAN tag: what EtherType stood before is passed on behind it."""
    fields = read(VLAN, data[:4])
    kind = valued(fields, "EtherType")
    follows = ETHERTYPES.get(kind, f"EtherType 0x{kind:04x}") if kind >= 0x600 else "LLC"
    if len(fields) < 4:
        return Header("vlan", "802.1Q tag", 2, 4, fields)
    facts = (f"VLAN {fields[2].value}, priority {fields[0].value}", f"carries {_TITLES.get(follows, follows)}")
    return Header("vlan", "802.1Q tag", 2, 4, fields, follows, facts, "a tag between two headers: still the data link")


def _cooked(key: str, layout: Layout, size: int, data: bytes) -> Header:
    fields = read(layout, data[:size])
    named = {field.name: field for field in fields}
    kind = valued(fields, "EtherType")
    follows = ETHERTYPES.get(kind, f"EtherType 0x{kind:04x}") if kind >= 0x600 else "LLC"
    facts = []
    if "packet type" in named:
        facts.append(named["packet type"].meaning)
    if "hardware type" in named:
        facts.append(f"link of kind {named['hardware type'].meaning}")
    whole = len(fields) == len(layout)
    note = "made up by Linux for “any” interface: the real link header was not kept"
    facts += [f"carries {_TITLES.get(follows, follows)}"] * whole
    return Header(key, "Linux cooked", 2, size, fields, follows if whole else "", tuple(facts), note)


def _sll(data: bytes) -> Header:
    return _cooked("sll", SLL, 16, data)


def _sll2(data: bytes) -> Header:
    return _cooked("sll2", SLL2, 20, data)


def _loopback(data: bytes) -> Header:
    fields = read(FAMILY, data[:4])
    follows = _FAMILIES.get(_family(valued(fields, "address family")), "an unknown family") if fields else ""
    facts = (f"carries {_TITLES.get(follows, follows)}",) if fields else ()
    return Header("loopback", "BSD loopback", 2, 4, fields, follows, facts, "not on any wire: BSD writes it for its loopback")


#: How the first header is read, by link type; raw IP has none.
LINKS = {1: ethernet, 113: _sll, 276: _sll2, 0: _loopback, 108: _loopback}
