"""From header to header, as each says what follows it."""

from __future__ import annotations

from typing import NamedTuple

from netviz.layers.header.datagram import icmp, udp
from netviz.layers.header.field import Header
from netviz.layers.header.ip import EXTENSIONS, extension, ipv4, ipv6
from netviz.layers.header.link import LINKS, ethernet, vlan
from netviz.layers.header.tcp import tcp

__all__ = ["Walk", "walk"]

#: Link types that begin with an IP header.
_RAW = (12, 14, 101, 228, 229)

#: No packet that anybody sends has more headers.
_MOST = 24

_READERS = {"ethernet": ethernet, "vlan": vlan, "ipv4": ipv4, "ipv6": ipv6, "tcp": tcp, "udp": udp}


class Walk(NamedTuple):
    """The headers of a packet with where each begins, where its payload begins and ends (on the wire), what that is,
    and what kept the walk from going on.
    """

    headers: tuple[tuple[int, Header], ...]
    start: int
    stop: int
    payload: str
    problem: str


def walk(data: bytes, link: int, wire: int) -> Walk:
    """Read headers as long as the next one is known.

    >>> [header.name for _, header in walk(bytes.fromhex("45000014000000004001" + "00" * 10), 101, 20).headers]
    ['IPv4']
    """
    reader = LINKS.get(link)
    found: list[tuple[int, Header]] = []
    at, stop, follows = 0, wire, "ethernet" if link == 1 else ""
    if reader is None and link in _RAW:
        follows = {4: "ipv4", 6: "ipv6"}.get(data[0] >> 4, "no IP") if data else "no IP"
    elif reader is not None:
        header = reader(data)
        found.append((0, header))
        if header.size > len(data):
            return Walk(tuple(found), len(data), stop, "", _cut(header, len(data)))
        at, follows = header.size, header.follows
    while len(found) < _MOST:
        rest = data[at:]
        if follows in _READERS:
            header = _READERS[follows](rest)
        elif follows in EXTENSIONS and found and found[-1][1].osi == 3:
            header = extension(follows, rest)
        elif follows in ("icmp", "icmpv6"):
            header = icmp(4 if follows == "icmp" else 6, rest[: stop - at])
        else:
            break
        if stop - at < header.size <= len(rest):
            return Walk(tuple(found), at, stop, "", f"the header of {header.name} would be longer than what holds it")
        found.append((at, header))
        if header.size > len(rest):
            return Walk(tuple(found), len(data), stop, "", _cut(header, len(rest)))
        stop = _stop(header, at, stop)
        at, follows = at + header.size, header.follows
    return Walk(tuple(found), at, max(stop, at), follows, "")


def _stop(header: Header, at: int, stop: int) -> int:
    """Where a packet ends by its own length: behind that lies padding of the link; a length of 0 is left open."""
    claimed = {"ipv4": header.value("total length"), "ipv6": header.value("payload length") and
               header.value("payload length") + 40, "udp": header.value("length")}.get(header.key, 0)  # fmt: skip
    return min(stop, at + claimed) if claimed >= header.size else stop


def _cut(header: Header, there: int) -> str:
    return f"{header.name}: {max(there, 0)} of {header.size} bytes of its header are in the capture"
