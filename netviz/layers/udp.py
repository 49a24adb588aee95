"""UDP: what datagrams carry, told by their bytes where those are plain, else by their ports.

UDP: https://www.rfc-editor.org/rfc/rfc768, QUIC: https://www.rfc-editor.org/rfc/rfc8999 and rfc9000, its version 2: rfc9369,
DTLS: https://www.rfc-editor.org/rfc/rfc9147, STUN: https://www.rfc-editor.org/rfc/rfc8489
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from netviz.capture.batch import Ints, Octets
from netviz.layers.link import be16

__all__ = ["HEADER", "QUIC", "Uses"]

#: Length of the header: two ports, length, checksum.
HEADER = 8

QUIC = "QUIC"

#: Well-known uses of a port, at either end.
_PORTS = {
    53: "DNS", 67: "DHCP", 68: "DHCP", 123: "NTP", 137: "NetBIOS", 138: "NetBIOS", 161: "SNMP", 162: "SNMP", 443: "port 443",
    500: "IKE", 514: "syslog", 546: "DHCPv6", 547: "DHCPv6", 1900: "SSDP", 3702: "WS-Discovery", 4500: "IKE", 4789: "VXLAN",
    5353: "mDNS", 5355: "LLMNR", 6081: "GENEVE", 51820: "WireGuard",
}  # fmt: skip
_NAMES = ("other", *sorted(set(_PORTS.values())))

#: The first two bits of a QUIC packet with a long header (RFC 9000 section 17.2): the form, and the bit that is fixed.
_LONG = 0xC0
#: Versions of QUIC that have these headers; those of the drafts are 0xff0000 and the draft's number.
_VERSIONS, _DRAFTS = (1, 0x6B3343CF), 0xFF0000
_LONGEST_ID = 20

_COOKIE = 0x2112A442

#: Pairs of endpoints known to speak QUIC: once its handshake is done, its packets show nothing but one fixed bit.
_MOST_FLOWS = 10_000

_Bools = NDArray[np.bool_]


class Uses:
    """Tells the use of datagrams, Batch by Batch; remembers who speaks QUIC."""

    def __init__(self) -> None:
        self._quic: NDArray[np.uint64] = np.zeros(0, np.uint64)
        self._by_port = np.zeros(1 << 16, np.int64)
        for port, name in _PORTS.items():
            self._by_port[port] = _NAMES.index(name)

    def tell(
        self, buffer: Octets, start: Ints, stop: Ints, source: NDArray[np.uint64], target: NDArray[np.uint64]
    ) -> Iterator[tuple[str, Literal["bytes", "port"], _Bools]]:
        """For each use that is found: its name, by what it is known, and which datagrams.

        ``start`` and ``stop`` are where the UDP headers and the captured bytes end; ``source`` and ``target`` the endpoint
        codes of the addresses.
        """
        ports = be16(buffer, start), be16(buffer, start + 2)
        at = start + HEADER
        left = np.ones(len(at), bool)
        for name, found in (
            (QUIC, self._is_quic(buffer, at, stop, _pairs(source, target, ports))),
            ("STUN", (stop - at >= 20) & (buffer[at] < 4) & (_be32(buffer, at + 4) == _COOKIE)),
            ("DTLS", _is_dtls(buffer, at, stop)),
        ):
            if (found & left).any():
                yield name, "bytes", found & left
                left &= ~found
        code = np.where(self._by_port[ports[1]] > 0, self._by_port[ports[1]], self._by_port[ports[0]])
        for number in np.unique(code[left]).tolist():
            yield _NAMES[number], "port", left & (code == number)

    def _is_quic(self, buffer: Octets, at: Ints, stop: Ints, pairs: NDArray[np.uint64]) -> _Bools:
        version = _be32(buffer, at + 1)
        known = (version == _VERSIONS[0]) | (version == _VERSIONS[1]) | (version >> 8 == _DRAFTS)
        long: _Bools = (stop - at >= 7) & (buffer[at] & _LONG == _LONG) & known & (buffer[at + 5] <= _LONGEST_ID)
        if long.any() and len(self._quic) < _MOST_FLOWS:
            self._quic = np.union1d(self._quic, pairs[long])[:_MOST_FLOWS]
        if len(self._quic):
            long |= np.isin(pairs, self._quic)
        return long


def _is_dtls(buffer: Octets, at: Ints, stop: Ints) -> _Bools:
    """A record of a known content type, with version 1.0 or 1.2 (RFC 9147 section 4 keeps that of 1.2)."""
    version = be16(buffer, at + 1)
    kind = buffer[at]
    found: _Bools = (stop - at >= 13) & (kind >= 20) & (kind <= 26) & ((version == 0xFEFF) | (version == 0xFEFD))
    return found


def _pairs(source: NDArray[np.uint64], target: NDArray[np.uint64], ports: tuple[Ints, Ints]) -> NDArray[np.uint64]:
    """One number for two endpoints, whichever of them sends."""
    first, second = source | ports[0].astype(np.uint64), target | ports[1].astype(np.uint64)
    both: NDArray[np.uint64] = (first ^ second) * np.uint64(0x9E3779B97F4A7C15) + first + second
    return both


def _be32(buffer: Octets, at: Ints) -> Ints:
    return be16(buffer, at) << 16 | be16(buffer, at + 2)
