"""IP headers field by field.

IPv4: https://www.rfc-editor.org/rfc/rfc791#section-3.1, IPv6: https://www.rfc-editor.org/rfc/rfc8200#section-3,
differentiated services: RFC 2474, ECN: RFC 3168
"""

from __future__ import annotations

import ipaddress

from netviz.event import Field
from netviz.layers.header.field import Entry, Header, Layout, hexadecimal, ones_sum, pick, read, valued

__all__ = ["EXTENSIONS", "PROTOCOLS", "extension", "ipv4", "ipv6"]

#: What follows by protocol number: the key of a header that is read here, or a name.
PROTOCOLS = {
    1: "icmp", 2: "IGMP", 4: "ipv4", 6: "tcp", 17: "udp", 41: "ipv6", 47: "GRE", 50: "ESP", 58: "icmpv6", 59: "",
    89: "OSPF", 103: "PIM", 112: "VRRP", 132: "SCTP", 136: "UDP-Lite",
    0: "hop-by-hop", 43: "routing", 44: "fragment", 51: "authentication", 60: "destination options", 135: "mobility",
    139: "HIP", 140: "Shim6",
}  # fmt: skip
_TITLES = {"icmp": "ICMP", "ipv4": "IPv4", "tcp": "TCP", "udp": "UDP", "ipv6": "IPv6", "icmpv6": "ICMPv6", "": "nothing"}

#: Extension headers that all begin with the next header and a length (RFC 8200 section 4; RFC 7045).
EXTENSIONS = ("hop-by-hop", "routing", "fragment", "authentication", "destination options", "mobility", "HIP", "Shim6")

_CLASSES = {0: "best effort", 46: "expedited: voice", 48: "network control", 56: "network control", 8: "background"}


def title(key: str) -> str:
    """How people write what follows."""
    return _TITLES.get(key, key)


def _v4(value: int) -> str:
    return str(ipaddress.IPv4Address(value))


def _v6(value: int) -> str:
    return str(ipaddress.IPv6Address(value))


def _whose(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    if address.is_loopback:
        return "this machine itself (loopback)"
    if address.is_multicast:
        return "a group (multicast)"
    if address.is_unspecified:
        return "no address yet"
    if address.is_link_local:
        return "this link only"
    if isinstance(address, ipaddress.IPv4Address) and address == ipaddress.IPv4Address(0xFFFFFFFF):
        return "everybody on this network (broadcast)"
    if address.is_global:
        return "reachable from everywhere"
    return "a private network" if address.is_private else "not reachable from everywhere"


def _hops(value: int) -> str:
    if value in (64, 128, 255):
        return "a usual start: no router has forwarded it yet"
    start = next((start for start in (64, 128, 255) if value < start), 255)
    routers = start - value
    return f"{routers} router{'s' * (routers != 1)} passed, if it began with {start}" if routers < 40 else "routers it may pass"


def _protocol(value: int) -> str:
    known = PROTOCOLS.get(value)
    return f"protocol {value}, which netviz does not know" if known is None else f"{title(known)} follows"


_DSCP = Entry("DSCP", 6, lambda v: _CLASSES.get(v, "a class of service"))
_ECN = Entry("ECN", 2, pick({0: "no ECN", 1: "may be marked instead of dropped", 2: "may be marked instead of dropped",
                             3: "congestion: a router marked it"}))  # fmt: skip
IPV4: Layout = (
    Entry("version", 4, lambda v: "IPv4" if v == 4 else "not IPv4"),
    Entry("header length", 4, lambda v: f"× 4 = {4 * v} bytes"),
    _DSCP,
    _ECN,
    Entry("total length", 16, lambda v: "bytes with this header" if v else "left open by segmentation offload"),
    Entry("identification", 16, lambda v: "the same in all fragments of a packet", hexadecimal(4)),
    Entry("reserved", 1),
    Entry("DF", 1, pick({0: "may be fragmented", 1: "don't fragment: drop it and say so if it is too big"})),
    Entry("MF", 1, pick({0: "last fragment, or not fragmented", 1: "more fragments follow"})),
    Entry("fragment offset", 13, lambda v: f"× 8 = byte {8 * v} of the packet" if v else "from the beginning"),
    Entry("TTL", 8, _hops),
    Entry("protocol", 8, _protocol),
    Entry("header checksum", 16, None, hexadecimal(4)),
    Entry("source", 32, lambda v: _whose(ipaddress.IPv4Address(v)), _v4),
    Entry("destination", 32, lambda v: _whose(ipaddress.IPv4Address(v)), _v4),
)
IPV6: Layout = (
    Entry("version", 4, lambda v: "IPv6" if v == 6 else "not IPv6"),
    _DSCP,
    _ECN,
    Entry("flow label", 20, lambda v: "packets of one flow, so that routers keep them together" if v else "none",
          hexadecimal(5)),
    Entry("payload length", 16, lambda v: "bytes behind this header" if v else "left open"),
    Entry("next header", 8, _protocol),
    Entry("hop limit", 8, _hops),
    Entry("source", 128, lambda v: _whose(ipaddress.IPv6Address(v)), _v6),
    Entry("destination", 128, lambda v: _whose(ipaddress.IPv6Address(v)), _v6),
)  # fmt: skip
_NEXT = Entry("next header", 8, _protocol)
FRAGMENT: Layout = (
    _NEXT,
    Entry("reserved", 8),
    Entry("fragment offset", 13, lambda v: f"× 8 = byte {8 * v} of the packet" if v else "from the beginning"),
    Entry("reserved", 2),
    Entry("M", 1, pick({0: "last fragment", 1: "more fragments follow"})),
    Entry("identification", 32, lambda v: "the same in all fragments of a packet", hexadecimal(8)),
)
EXTENSION: Layout = (_NEXT, Entry("length", 8, lambda v: f"(+ 1) × 8 = {8 * v + 8} bytes"))
AUTHENTICATION: Layout = (_NEXT, Entry("length", 8, lambda v: f"(+ 2) × 4 = {4 * v + 8} bytes"))


def ipv4(data: bytes) -> Header:
    """An IPv4 header with its options."""
    fields = read(IPV4, data[:20])
    if len(fields) < len(IPV4):
        return Header("ipv4", "IPv4", 3, 20, fields)
    size = max(4 * fields[1].value, 20)
    named = {field.name: field for field in fields}
    wrong = ones_sum(data[:size])
    place = next(i for i, field in enumerate(fields) if field.name == "header checksum")
    right = "right" if not wrong else "wrong (or left to the network adapter)"
    said = f"{right}, over this header only" if len(data) >= size else "not checked: the header is cut"
    fields = (*fields[:place], fields[place]._replace(meaning=said), *fields[place + 1 :])
    if size > 20 and len(data) >= size:
        fields += (Field("options", 160, 8 * (size - 20), 0, "rarely used", data[20:size].hex(" ")),)
    piece = named["MF"].value or named["fragment offset"].value
    protocol = PROTOCOLS.get(named["protocol"].value, f"protocol {named['protocol'].value}")
    if piece:
        protocol = f"a fragment of {title(protocol)}"
    if fields[0].value != 4 or fields[1].value < 5:
        return Header("ipv4", "IPv4", 3, 20, fields, "", ("not a header that IPv4 knows",))
    facts = [f"{named['source'].text} → {named['destination'].text}", f"TTL {named['TTL'].value}",
             f"{named['total length'].value:,} bytes with what it carries", f"carries {title(protocol)}"]  # fmt: skip
    return Header("ipv4", "IPv4", 3, size, fields, protocol, tuple(facts))


def ipv6(data: bytes) -> Header:
    """An IPv6 header; extension headers are headers of their own."""
    fields = read(IPV6, data[:40])
    if len(fields) < len(IPV6):
        return Header("ipv6", "IPv6", 3, 40, fields)
    named = {field.name: field for field in fields}
    follows = PROTOCOLS.get(named["next header"].value, f"protocol {named['next header'].value}")
    if fields[0].value != 6:
        return Header("ipv6", "IPv6", 3, 40, fields, "", ("not a header that IPv6 knows",))
    facts = (f"{named['source'].text} → {named['destination'].text}", f"hop limit {named['hop limit'].value}",
             f"carries {named['payload length'].value:,} bytes", f"carries {title(follows)}")  # fmt: skip
    return Header("ipv6", "IPv6", 3, 40, fields, follows, (facts[0], facts[1], f"{facts[2]}: {title(follows)}"))


def extension(kind: str, data: bytes) -> Header:
    """An IPv6 extension header."""
    name = f"IPv6 {kind}"
    if kind == "fragment":
        fields = read(FRAGMENT, data[:8])
        follows = PROTOCOLS.get(valued(fields, "next header"), "an unknown protocol") if fields else ""
        # Offset 0 and no more to come is a whole packet (RFC 6946).
        piece = valued(fields, "M") or valued(fields, "fragment offset")
        facts = (f"byte {8 * valued(fields, 'fragment offset'):,} on", "more follow" if valued(fields, "M") else "the last")
        return Header("fragment", name, 3, 8, fields, f"a fragment of {title(follows)}" if piece else follows, facts)
    fields = read(AUTHENTICATION if kind == "authentication" else EXTENSION, data[:2])
    if len(fields) < 2:
        return Header(kind.split()[0], name, 3, 8, fields)
    size = 4 * fields[1].value + 8 if kind == "authentication" else 8 * fields[1].value + 8
    if len(data) >= size:
        fields += (Field("content", 16, 8 * (size - 2), 0, "", data[2:size].hex(" ")),)
    follows = PROTOCOLS.get(fields[0].value, f"protocol {fields[0].value}")
    return Header(kind.split()[0], name, 3, size, fields, follows, (f"{size} bytes", f"then {title(follows)}"))
