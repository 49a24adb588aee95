"""ICMP errors: what they say of the packet that they quote.

ICMP: https://www.rfc-editor.org/rfc/rfc792, ICMPv6: https://www.rfc-editor.org/rfc/rfc4443
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from netviz.layers.ip import TCP

__all__ = ["Quote", "meaning", "quote"]

#: Error types, and what type and code mean.
_ERRORS = {4: (3, 11, 12), 6: (1, 2, 3, 4)}
_V4 = {
    (3, 0): "network unreachable", (3, 1): "host unreachable", (3, 2): "protocol unreachable", (3, 3): "port unreachable",
    (3, 4): "packet too big: fragmentation needed but forbidden", (3, 5): "source route failed", (3, 6): "network unknown",
    (3, 7): "host unknown", (3, 8): "source host isolated", (3, 9): "network administratively prohibited",
    (3, 10): "host administratively prohibited", (3, 11): "network unreachable for this type of service",
    (3, 12): "host unreachable for this type of service", (3, 13): "communication administratively prohibited",
    (3, 14): "host precedence violation", (3, 15): "precedence cut-off in effect",
    (11, 0): "time to live exceeded in transit", (11, 1): "fragment reassembly time exceeded",
    (12, 0): "parameter problem",
}  # fmt: skip
_V6 = {
    (1, 0): "no route to destination", (1, 1): "communication administratively prohibited",
    (1, 2): "beyond the scope of the source address", (1, 3): "address unreachable", (1, 4): "port unreachable",
    (1, 5): "source address failed ingress/egress policy", (1, 6): "route to destination rejected",
    (2, 0): "packet too big", (3, 0): "hop limit exceeded in transit", (3, 1): "fragment reassembly time exceeded",
    (4, 0): "erroneous header field", (4, 1): "unrecognized next header", (4, 2): "unrecognized IPv6 option",
}  # fmt: skip


class Quote(NamedTuple):
    """An ICMP error and the TCP segment it quotes: who sent that to whom, and its sequence number."""

    type: int
    code: int
    source: bytes
    target: bytes
    source_port: int
    target_port: int
    seq: int


def quote(message: bytes, version: int) -> Quote | None:
    """Read an ICMP message; None where it is no error or quotes no TCP segment (RFC 792: 8 bytes of it at least).

    >>> quote(b"\\x08\\x00", 4) is None
    True
    """
    if len(message) < 8 or message[0] not in _ERRORS[version]:
        return None
    inner = message[8:]
    if version == 4:
        at = (inner[0] & 15) * 4 if inner else 0
        later = len(inner) >= 8 and int.from_bytes(inner[6:8], "big") & 0x1FFF  # a later fragment holds no TCP header
        if at < 20 or len(inner) < at + 8 or inner[9] != TCP or later:
            return None
        source, target = inner[12:16], inner[16:20]
    else:
        at = 40
        if len(inner) < at + 8 or inner[6] != TCP:
            return None
        source, target = inner[8:24], inner[24:40]
    return Quote(message[0], message[1], source, target, *struct.unpack_from("!HHI", inner, at))


def meaning(version: int, kind: int, code: int) -> str:
    """What an ICMP error says, in words."""
    return (_V4 if version == 4 else _V6).get((kind, code), f"ICMP type {kind} code {code}")
