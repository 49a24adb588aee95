"""UDP, and the beginning of ICMP messages, field by field.

UDP: https://www.rfc-editor.org/rfc/rfc768, ICMP: https://www.rfc-editor.org/rfc/rfc792,
ICMPv6: https://www.rfc-editor.org/rfc/rfc4443, neighbours: RFC 4861
"""

from __future__ import annotations

from netviz.layers.header.field import Entry, Header, Layout, hexadecimal, ones_sum, read
from netviz.layers.icmp import meaning

__all__ = ["icmp", "udp"]

_UDP_PORTS = {53: "DNS", 67: "DHCP", 68: "DHCP", 69: "TFTP", 123: "NTP", 161: "SNMP", 443: "QUIC", 500: "IKE", 546: "DHCPv6",
              547: "DHCPv6", 1900: "SSDP", 4789: "VXLAN", 5353: "mDNS", 5355: "LLMNR"}  # fmt: skip
_OTHER_V4 = {0: "echo reply: the answer to a ping", 5: "redirect: use another router", 8: "echo request: a ping",
             9: "router advertisement", 10: "router solicitation", 13: "timestamp request", 14: "timestamp reply"}  # fmt: skip
_OTHER_V6 = {128: "echo request: a ping", 129: "echo reply: the answer to a ping", 130: "multicast listener query",
             131: "multicast listener report", 133: "router solicitation: who routes here?",
             134: "router advertisement: I do", 135: "neighbor solicitation: who has this address?",
             136: "neighbor advertisement: I have it", 137: "redirect", 143: "multicast listener report"}  # fmt: skip


def _port(value: int) -> str:
    return f"by custom {_UDP_PORTS[value]}" if value in _UDP_PORTS else ""


UDP: Layout = (
    Entry("source port", 16, _port),
    Entry("destination port", 16, _port),
    Entry("length", 16, lambda v: "bytes with this header"),
    Entry("checksum", 16, lambda v: "" if v else "none", hexadecimal(4)),
)
ICMP: Layout = (Entry("type", 8), Entry("code", 8), Entry("checksum", 16, None, hexadecimal(4)))
_ECHO: Layout = (
    *ICMP,
    Entry("identifier", 16, lambda v: "which ping program"),
    Entry("sequence number", 16, lambda v: "which of its pings"),
)
_REST: Layout = (*ICMP, Entry("rest of header", 32, None, hexadecimal(8)))


def udp(data: bytes) -> Header:
    """A UDP header; what follows is asked of its ports, for want of anything better."""
    fields = read(UDP, data[:8])
    if len(fields) < 4:
        return Header("udp", "UDP", 4, 8, fields)
    ports = fields[0].value, fields[1].value
    carried = max(fields[2].value - 8, 0)
    facts = (f"port {ports[0]} → {ports[1]}", f"{carried:,} bytes of data", "no connection, no acknowledgement")
    follows = next((_UDP_PORTS[port] for port in (ports[1], ports[0]) if port in _UDP_PORTS), "a datagram")
    return Header("udp", "UDP", 4, 8, fields, follows, facts)


def icmp(version: int, data: bytes) -> Header:
    """The first 8 bytes of an ICMP or ICMPv6 message."""
    key, name = ("icmp", "ICMP") if version == 4 else ("icmpv6", "ICMPv6")
    kind = data[0] if data else 0
    echo = kind in ((0, 8) if version == 4 else (128, 129))
    fields = read(_ECHO if echo else _REST, data[:8])
    if len(fields) < 3:
        return Header(key, name, 3, 8, fields)
    code = fields[1].value
    said = (_OTHER_V4 if version == 4 else _OTHER_V6).get(kind) or meaning(version, kind, code)
    whole = "right" if version == 4 and not ones_sum(data) else ""
    fields = (fields[0]._replace(meaning=said), fields[1], fields[2]._replace(meaning=whole), *fields[3:])
    note = "a helper of IP (3), although it travels inside IP as if it were a transport (4)"
    return Header(key, name, 3, 8, fields, f"{name} body", (said,), note)
