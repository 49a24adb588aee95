"""What netviz does not decode itself, read by scapy: ARP, DNS, DHCP, bodies of ICMP and whatever else it knows.

scapy is imported in here only, when such a packet is shown: that takes up to a second.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from netviz.event import Field, PacketLayer

__all__ = ["foreign"]

#: Where scapy keeps the class for what follows, and which OSI layer it is.
_CLASSES = {
    "ARP": ("scapy.layers.l2", "ARP", 2), "LLC": ("scapy.layers.l2", "LLC", 2), "GRE": ("scapy.layers.l2", "GRE", 3),
    "MPLS": ("scapy.contrib.mpls", "MPLS", 2), "EAPOL": ("scapy.layers.eap", "EAPOL", 2),
    "LLDP": ("scapy.contrib.lldp", "LLDPDU", 2), "PPPoE": ("scapy.layers.ppp", "PPPoE", 2),
    "PPPoE discovery": ("scapy.layers.ppp", "PPPoED", 2),
    "ICMP body": ("scapy.layers.inet", "ICMP", 3), "ICMPv6 body": ("scapy.layers.inet6", "", 3),
    "IGMP": ("scapy.contrib.igmp", "IGMP", 3), "OSPF": ("scapy.contrib.ospf", "OSPF_Hdr", 3),
    "SCTP": ("scapy.layers.sctp", "SCTP", 4), "ESP": ("scapy.layers.ipsec", "ESP", 3), "VRRP": ("scapy.layers.vrrp", "VRRP", 3),
    "DNS": ("scapy.layers.dns", "DNS", 7), "mDNS": ("scapy.layers.dns", "DNS", 7),
    "LLMNR": ("scapy.layers.llmnr", "LLMNRQuery", 7), "DHCP": ("scapy.layers.dhcp", "BOOTP", 7),
    "DHCPv6": ("scapy.layers.dhcp6", "", 7), "NTP": ("scapy.layers.ntp", "NTPHeader", 7),
    "SNMP": ("scapy.layers.snmp", "SNMP", 7), "TFTP": ("scapy.layers.tftp", "TFTP", 7),
    "VXLAN": ("scapy.layers.vxlan", "VXLAN", 4), "IKE": ("scapy.layers.isakmp", "ISAKMP", 7),
}  # fmt: skip

#: Bytes that scapy is given, layers and fields that are taken from it, characters of a value.
_MOST_BYTES, _MOST_LAYERS, _MOST_FIELDS, _LONGEST = 1 << 16, 12, 200, 400


_NOTES = {"ARP": "asks for the link address (2) of a network address (3): it belongs to both"}


def foreign(follows: str, data: bytes, start: int, end: int, above: bytes) -> list[PacketLayer]:
    """The layers that scapy sees from byte ``start`` of a packet on; none where it sees nothing.

    ``above`` is the header before, where that and the bytes are one message for scapy.  Whatever happens in scapy,
    nothing comes out of here but layers: a packet is hostile until it is read.
    """
    known = _CLASSES.get(follows)
    if known is None or start >= end:
        return []
    module, name, osi = known
    raw = data[start : min(end, start + _MOST_BYTES)]
    try:
        _quiet()
        packet, skip = _read(follows, module, name, above + raw), len(above)
        return _layers(packet, start - skip, start, min(end, start + len(raw)), osi)
    except Exception:
        return []


def _quiet() -> None:
    import logging

    logging.getLogger("scapy").setLevel(logging.CRITICAL)


def _read(follows: str, module: str, name: str, raw: bytes) -> Any:
    home = import_module(module)
    found: Any = name
    if follows == "ICMPv6 body":
        found = home.icmp6typescls.get(raw[0], "ICMPv6Unknown")
    elif follows == "DHCPv6":
        found = home.dhcp6_cls_by_type.get(raw[0], "DHCP6")
    return (getattr(home, found) if isinstance(found, str) else found)(raw)


def _layers(packet: Any, at: int, first: int, end: int, osi: int) -> list[PacketLayer]:
    found: list[PacketLayer] = []
    while packet is not None and packet.name not in ("NoPayload",) and len(found) < _MOST_LAYERS:
        if packet.name in ("Raw", "Padding"):
            break
        inner = packet.payload
        size = len(packet.original) - len(inner.original if inner.name != "NoPayload" else b"")
        start, stop = max(at, first), max(min(at + size, end), first)
        fields = [_field(packet, description) for description in packet.fields_desc[:_MOST_FIELDS]]
        shown = tuple(field for field in fields if field is not None)
        summary = str(packet.mysummary() or "")[:_LONGEST] if hasattr(packet, "mysummary") else ""
        if size and stop == start:
            at, packet = at + size, inner
            continue  # the header that netviz has read itself
        key = "".join(c if c.isalnum() else "-" for c in packet.name.lower().split(" (")[0])
        facts, note = (summary,) * bool(summary), _NOTES.get(packet.name, "")
        found.append(PacketLayer(key=key, name=packet.name, osi=osi, start=start, end=stop, size=stop - start, fields=shown,
                                 facts=facts, note=note, useful=osi == 7, by="scapy"))  # fmt: skip
        at += size
        packet = inner
    return found


def _field(packet: Any, description: Any) -> Field | None:
    """A field as scapy writes it: where it lies it does not say."""
    name = description.name
    value = packet.getfieldval(name)
    if value is None or value == b"" or value == []:
        return None
    written = str(description.i2repr(packet, value))
    return Field(name, 0, 0, value if isinstance(value, int) else 0, "", written[:_LONGEST] + "…" * (len(written) > _LONGEST))
