"""Headers field by field: the same as scapy reads, for every packet there is, and for every piece of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment
from scapy.layers.l2 import CookedLinux, CookedLinuxV2, Dot1Q, Ether

from netviz.capture.source import open_capture
from netviz.layers.header.field import Header
from netviz.layers.header.walk import Walk, walk
from netviz.layers.ip import address_at
from netviz.table import table
from tests.make import batch_of, ethernet, icmp, ipv4, ipv6, packets_of, tcp, udp

#: Names of fields here and in scapy.
_SAME: dict[str, tuple[Any, dict[str, str]]] = {
    "ethernet": (Ether, {"destination": "dst", "source": "src", "EtherType": "type"}),
    "vlan": (Dot1Q, {"priority": "prio", "drop eligible": "dei", "VLAN": "vlan", "EtherType": "type"}),
    "sll": (CookedLinux, {"packet type": "pkttype", "hardware type": "lladdrtype", "EtherType": "proto"}),
    "sll2": (CookedLinuxV2, {"interface index": "ifindex", "hardware type": "lladdrtype", "EtherType": "proto"}),
    "ipv4": (IP, {"version": "version", "header length": "ihl", "total length": "len", "identification": "id",
                  "fragment offset": "frag", "TTL": "ttl", "protocol": "proto", "header checksum": "chksum", "source": "src",
                  "destination": "dst"}),
    "ipv6": (IPv6, {"version": "version", "flow label": "fl", "payload length": "plen", "next header": "nh",
                    "hop limit": "hlim", "source": "src", "destination": "dst"}),
    "fragment": (IPv6ExtHdrFragment, {"next header": "nh", "fragment offset": "offset", "M": "m", "identification": "id"}),
    "tcp": (TCP, {"source port": "sport", "destination port": "dport", "sequence number": "seq",
                  "acknowledgment number": "ack", "data offset": "dataofs", "window": "window", "checksum": "chksum",
                  "urgent pointer": "urgptr"}),
    "udp": (UDP, {"source port": "sport", "destination port": "dport", "length": "len", "checksum": "chksum"}),
    "icmp": (ICMP, {"type": "type", "code": "code", "checksum": "chksum"}),
}  # fmt: skip
_FLAGS = {"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "URG": 32, "ECE": 64, "CWR": 128}

_SYN_OPTIONS = bytes.fromhex("020405b4 0402 080a 00000001 00000002 01 030307")
_SACK = bytes.fromhex("0101 050a 00000001 00000002")

#: Packets of every kind, link type RAW but for the first three.
_PACKETS = {
    "ethernet": (1, ethernet(ipv4(tcp(options=_SYN_OPTIONS, payload=b"hello")))),
    "vlan": (1, ethernet(ipv4(udp(payload=b"x"), protocol=17), tags=[(0x88A8, 0x6005), (0x8100, 7)])),
    "padding": (1, ethernet(ipv4(tcp())) + bytes(6)),
    "ipv4 options": (101, ipv4(tcp(payload=b"hello"), options=bytes.fromhex("94040000"))),
    "ipv4 fragment": (101, ipv4(b"piece", fragment=0x2001)),
    "sack": (101, ipv4(tcp(options=_SACK))),
    "icmp": (101, ipv4(icmp(8, 0), protocol=1)),
    "ipv6": (101, ipv6(tcp(options=_SYN_OPTIONS, payload=b"hello"))),
    "ipv6 extensions": (101, ipv6(udp(), protocol=17, extensions=[(0, bytes(7)), (60, bytes(7)), (51, b"\x04" + bytes(22))])),
    "ipv6 fragment": (101, ipv6(b"piece", extensions=[(44, bytes.fromhex("00 0009 12345678"))])),
    "icmpv6": (101, ipv6(icmp(128, 0), protocol=58)),
    "ip in ip": (101, ipv4(ipv4(udp(payload=b"x"), protocol=17), protocol=4)),
}  # fmt: skip


def _read(data: bytes, link: int) -> Walk:
    return walk(data, link, len(data))


def _keys(walked: Walk) -> list[str]:
    return [header.key for _, header in walked.headers]


def _compare(data: bytes, at: int, header: Header) -> int:
    """Hold the fields of a header against scapy's; how many were compared."""
    if header.key not in _SAME:
        return 0
    kind, names = _SAME[header.key]
    theirs = kind(data[at:])
    mine = {field.name: field for field in reversed(header.fields)}
    for name, other in names.items():
        value = theirs.getfieldval(other)
        assert (mine[name].text or mine[name].value) == value or mine[name].value == value, (header.key, name)
    if header.key == "tcp":
        assert {name: mine[name].value for name in _FLAGS} == {n: int(int(theirs.flags) & bit > 0) for n, bit in _FLAGS.items()}
        _options(header, dict(theirs.options))
    if header.key == "ipv4":
        assert (mine["DF"].value, mine["MF"].value) == (int(theirs.flags.DF), int(theirs.flags.MF))
        assert mine["DSCP"].value << 2 | mine["ECN"].value == theirs.tos
    return len(names)


def _options(header: Header, theirs: dict[str, Any]) -> None:
    if "MSS" in theirs:
        assert header.value("largest segment") == theirs["MSS"]
    if "WScale" in theirs:
        assert header.value("shift") == theirs["WScale"]
    if "Timestamp" in theirs:
        assert (header.value("TSval"), header.value("TSecr")) == theirs["Timestamp"]
    if "SAck" in theirs:
        assert (header.value("left edge"), header.value("right edge")) == theirs["SAck"][:2]


def test_fields_of_real_packets_are_those_of_scapy(capture: Path) -> None:
    compared = 0
    for batch in open_capture(capture):
        packets = packets_of(batch)
        decoded = table(batch)
        ends = {batch.first + row: (int(ip - decoded.batch.offset[row]), int(at - decoded.batch.offset[row]))
                for row, ip, at in zip(decoded.tcp.row.tolist(), decoded.tcp.ip, decoded.tcp.at, strict=True)}  # fmt: skip
        for packet in packets[:150]:
            walked = walk(packet.data, packet.link, packet.wire)
            if packet.number in ends:  # the columns know TCP: both must see the same headers at the same places
                places = {header.key: at for at, header in walked.headers}
                assert (places.get("ipv4", places.get("ipv6")), places["tcp"]) == ends[packet.number]
            for at, header in walked.headers:
                if at + header.size <= len(packet.data):
                    compared += _compare(packet.data, at, header)
    assert compared or capture.name == "cut-file.pcap"


@pytest.mark.parametrize("name", sorted(_PACKETS))
def test_fields_of_made_packets_are_those_of_scapy(name: str) -> None:
    link, data = _PACKETS[name]
    walked = _read(data, link)
    assert sum(_compare(data, at, header) for at, header in walked.headers)
    assert walked.problem == ""


@pytest.mark.parametrize(
    ("name", "keys", "payload"),
    [
        ("ethernet", ["ethernet", "ipv4", "tcp"], "data"),
        ("vlan", ["ethernet", "vlan", "vlan", "ipv4", "udp"], "DNS"),
        ("ipv4 fragment", ["ipv4"], "a fragment of TCP"),
        ("ipv6 extensions", ["ipv6", "hop-by-hop", "destination", "authentication", "udp"], "DNS"),
        ("ipv6 fragment", ["ipv6", "fragment"], "a fragment of TCP"),
        ("icmp", ["ipv4", "icmp"], "ICMP body"),
        ("icmpv6", ["ipv6", "icmpv6"], "ICMPv6 body"),
        ("ip in ip", ["ipv4", "ipv4", "udp"], "DNS"),
    ],
)
def test_what_follows_what(name: str, keys: list[str], payload: str) -> None:
    link, data = _PACKETS[name]
    walked = _read(data, link)
    assert (_keys(walked), walked.payload) == (keys, payload)


@pytest.mark.parametrize("name", sorted(_PACKETS))
def test_every_piece_of_a_packet_says_what_is_missing(name: str) -> None:
    link, data = _PACKETS[name]
    whole = _read(data, link)
    for cut in range(len(data)):
        walked = walk(data[:cut], link, len(data))
        for (at, header), (_, same) in zip(walked.headers, whole.headers, strict=False):
            assert header.key == same.key
            assert all(field.bit + field.bits <= 8 * (cut - at) for field in header.fields)
        inside = any(at < cut < at + header.size for at, header in whole.headers)
        assert ("are in the capture" in walked.problem) >= inside


def test_padding_lies_behind_what_ip_claims() -> None:
    walked = _read(*reversed(_PACKETS["padding"]))  # type: ignore[arg-type]
    assert (walked.start, walked.stop) == (54, 54)


@pytest.mark.parametrize("link", [0, 1, 12, 101, 108, 113, 228, 229, 276, 105, -1])
@given(data=st.binary(max_size=120))
def test_garbage_ends_in_headers_and_bounds(link: int, data: bytes) -> None:
    walked = _read(data, link)
    assert 0 <= walked.start <= max(len(data), 0)
    for at, header in walked.headers:
        assert 0 <= at <= len(data)
        assert all(field.value < 1 << max(field.bits, 1) for field in header.fields if field.bits <= 128)


@given(data=st.binary(max_size=60))
def test_garbage_behind_a_tcp_header(data: bytes) -> None:
    header = _read(ipv4(tcp(options=b"")[:12] + b"\xf0\x10" + bytes(6) + data), 101)
    assert header.headers[0][1].key == "ipv4"


def test_addresses_are_those_of_the_columns() -> None:
    batch = batch_of(ipv6(tcp()), link=101)
    decoded = table(batch)
    source, _ = address_at(batch.buffer, int(decoded.tcp.ip[0]), 6)
    assert int.from_bytes(source, "big") == _read(ipv6(tcp()), 101).headers[0][1].value("source")
