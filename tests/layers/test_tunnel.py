"""Tunnels: headers with and without their options, cut at any byte, and what only looks like one."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz.table import Table, table
from tests.make import batch_of, ethernet, ipv4, ipv6, tcp, udp

pytestmark = pytest.mark.usefixtures("loops")

INNER = ipv4(tcp(51_000, 443, payload=b"hello"), "192.0.2.7", "198.51.100.9")
SIX = ipv6(tcp(51_000, 443, payload=b"hello"), "2001:db8::7", "2001:db8::9")
FRAME = ethernet(INNER)
TAGGED = ethernet(SIX, tags=[(0x8100, 5)])


def gre(payload: bytes, kind: int, *fields: int, flags: int | None = None) -> bytes:
    """A GRE header: ``fields`` are its flags, each with four bytes that it announces."""
    announced = sum(fields) if flags is None else flags
    return struct.pack("!HH", announced, kind) + bytes(range(4 * len(fields))) + payload


def vxlan(payload: bytes, port: int = 4789, head: str = "0800000000002a00") -> bytes:
    """A UDP datagram of VXLAN."""
    return udp(33_333, port, bytes.fromhex(head) + payload)


def geneve(payload: bytes, kind: int, options: int = 0, first: int | None = None, last: int = 0, port: int = 6081) -> bytes:
    """A UDP datagram of GENEVE with so many words of options."""
    head = bytes([options if first is None else first, 0x80]) + struct.pack("!HI", kind, 42 << 8 | last)
    return udp(33_333, port, head + bytes(4 * options) + payload)


#: Outer packet, the lengths of its headers in front of what it carries, and the version of that.
KNOWN: dict[str, tuple[bytes, list[tuple[str, int]], int]] = {
    "4in4": (ipv4(INNER, protocol=4), [("IPv4", 20)], 4),
    "6in4": (ipv4(SIX, protocol=41), [("IPv4", 20)], 6),
    "4in6": (ipv6(INNER, protocol=4), [("IPv6", 40)], 4),
    "6in6": (ipv6(SIX, protocol=41, extensions=[(60, bytes(7))]), [("IPv6", 48)], 6),
    "GRE": (ipv4(gre(INNER, 0x0800), protocol=47), [("IPv4", 20), ("GRE", 4)], 4),
    "GRE, IPv6 in it": (ipv4(gre(SIX, 0x86DD), protocol=47), [("IPv4", 20), ("GRE", 4)], 6),
    "GRE in IPv6": (ipv6(gre(INNER, 0x0800), protocol=47), [("IPv6", 40), ("GRE", 4)], 4),
    "GRE with a checksum": (ipv4(gre(INNER, 0x0800, 0x8000), protocol=47), [("IPv4", 20), ("GRE", 8)], 4),
    "GRE with a key": (ipv4(gre(INNER, 0x0800, 0x2000), protocol=47), [("IPv4", 20), ("GRE", 8)], 4),
    "GRE with a number": (ipv4(gre(INNER, 0x0800, 0x1000), protocol=47), [("IPv4", 20), ("GRE", 8)], 4),
    "GRE with everything": (ipv4(gre(SIX, 0x86DD, 0x8000, 0x2000, 0x1000), protocol=47), [("IPv4", 20), ("GRE", 16)], 6),
    "GRE, Ethernet": (ipv4(gre(FRAME, 0x6558, 0x2000), protocol=47), [("IPv4", 20), ("GRE", 8), ("Ethernet", 14)], 4),
    "VXLAN": (ipv4(vxlan(FRAME), protocol=17), [("IPv4", 20), ("UDP", 8), ("VXLAN", 8), ("Ethernet", 14)], 4),
    "VXLAN, port of Linux": (
        ipv6(vxlan(TAGGED, 8472), protocol=17), [("IPv6", 40), ("UDP", 8), ("VXLAN", 8), ("Ethernet", 18)], 6,
    ),
    "GENEVE": (ipv4(geneve(FRAME, 0x6558), protocol=17), [("IPv4", 20), ("UDP", 8), ("GENEVE", 8), ("Ethernet", 14)], 4),
    "GENEVE with options": (ipv4(geneve(SIX, 0x86DD, 3), protocol=17), [("IPv4", 20), ("UDP", 8), ("GENEVE", 20)], 6),
}  # fmt: skip


def kinds(found: Table) -> list[tuple[str, int, int]]:
    """What is not decoded, how often, and where first."""
    return [(notice.kind, notice.count, notice.packet) for notice in found.notices]


@pytest.mark.parametrize("name", KNOWN)
def test_what_is_inside_is_the_segment(name: str) -> None:
    packet, headers, version = KNOWN[name]
    # Between plain packets, so that a row that is counted within the tunnels would be wrong.
    found = table(batch_of(ethernet(INNER), ethernet(packet), ethernet(SIX), ethernet(packet), first=11))
    plain = table(batch_of(ethernet(INNER), ethernet(INNER if version == 4 else SIX)))
    assert found.tcp.row.tolist() == [0, 1, 2, 3]
    assert found.notices == ()
    assert [int(column[1]) for column in (found.tcp.source, found.tcp.target, found.tcp.length, found.tcp.captured)] == [
        51_000, 443, 5, 5,
    ]  # fmt: skip
    assert found.addresses(1) == plain.addresses(1)
    assert (found.source[1], found.target[1]) == (plain.source[1], plain.target[1])
    assert found.batch.buffer[int(found.tcp.payload[3]) :][:5].tobytes() == b"hello"
    assert found.counts == {"tcp": 4, "udp": 0, "icmp": 0, "arp": 0, "packets": 4}
    cost = found.cost(14)
    assert cost is not None
    ip = ("IPv4", 20) if version == 4 else ("IPv6", 40)
    assert cost.headers == (("Ethernet", 14), *headers, ip, ("TCP", 20))
    assert sum(size for _, size in cost.headers) + cost.payload == 14 + len(packet)


@pytest.mark.parametrize("name", KNOWN)
def test_cut_at_any_byte(name: str) -> None:
    packet = ethernet(KNOWN[name][0])
    whole = table(batch_of(packet))
    at, payload = int(whole.tcp.at[0]), int(whole.tcp.payload[0])
    for cut in range(len(packet)):
        # Behind the cut lie the bytes of another packet, which must not be taken for this one's.
        found = table(batch_of(packet[:cut], b"\x45\x60" * 30, wire=[len(packet), 60]))
        if cut < at + 14:
            assert len(found) == 0
            assert sum(count for _, count, _ in kinds(found)) <= 1
        else:
            assert (found.tcp.length.tolist(), found.tcp.captured.tolist()) == ([5], [max(cut - payload, 0)])
            assert found.notices == ()
            assert found.addresses(0) == whole.addresses(0)


@pytest.mark.parametrize("name", ["GRE with everything", "GRE"])
def test_gre_cut_inside_its_header_is_told(name: str) -> None:
    packet = KNOWN[name][0]
    for cut in range(20, 20 + KNOWN[name][1][1][1]):
        assert kinds(table(batch_of(packet[:cut], link=101, wire=[len(packet)]))) == [("headers-cut", 1, 1)]


def test_padding_of_the_outer_frame_is_not_inside() -> None:
    shorter = ipv4(tcp(), total=0)
    found = table(batch_of(ethernet(ipv4(shorter, protocol=4)) + bytes(12)))
    assert (found.tcp.length.tolist(), found.tcp.captured.tolist()) == ([0], [0])


NOT = {
    "GRE with routing": ipv4(gre(INNER, 0x0800, flags=0x4000), protocol=47),
    "GRE, version 1 (PPTP)": ipv4(gre(INNER, 0x0800, flags=0x0001), protocol=47),
    "GRE with a reserved bit": ipv4(gre(INNER, 0x0800, flags=0x0400), protocol=47),
    "GRE, ERSPAN": ipv4(gre(FRAME, 0x88BE, 0x1000), protocol=47),
    "VXLAN on another port": ipv4(vxlan(FRAME, 4788), protocol=17),
    "VXLAN without its flag": ipv4(vxlan(FRAME, head="0000000000002a00"), protocol=17),
    "VXLAN with another flag": ipv4(vxlan(FRAME, head="0c00000000002a00"), protocol=17),
    "VXLAN, the second byte": ipv4(vxlan(FRAME, head="0801000000002a00"), protocol=17),
    "VXLAN, the third byte": ipv4(vxlan(FRAME, head="0800010000002a00"), protocol=17),
    "VXLAN, the last byte": ipv4(vxlan(FRAME, head="0800000000002a01"), protocol=17),
    "GENEVE on another port": ipv4(geneve(FRAME, 0x6558, port=6080), protocol=17),
    "GENEVE, version 1": ipv4(geneve(FRAME, 0x6558, first=0x40), protocol=17),
    "GENEVE, another payload": ipv4(geneve(FRAME, 0x8847), protocol=17),
    "GENEVE, the last byte": ipv4(geneve(FRAME, 0x6558, last=1), protocol=17),
    "GENEVE, options that reach over the end": ipv4(geneve(b"", 0x6558, first=63), protocol=17),
    "another protocol": ipv4(INNER, protocol=99),
}


@pytest.mark.parametrize("name", NOT)
def test_what_only_looks_like_it(name: str) -> None:
    found = table(batch_of(NOT[name], INNER, link=101))
    assert found.tcp.row.tolist() == [1]
    assert kinds(found) == ([("tunnel-unknown", 1, 1)] if name.startswith("GRE") else [])


OTHERS = {
    "IP protocol 50 (ESP, encrypted)": ipv4(bytes(40), protocol=50),
    "IP protocol 115 (L2TPv3)": ipv6(bytes(40), protocol=115),
    "UDP port 1701, by the first bytes L2TP data": ipv4(udp(1701, 1701, b"\0\x02\0\x01\0\x01" + bytes(30)), protocol=17),
    "UDP port 2152, by the first bytes GTP-U": ipv4(udp(2152, 2152, bytes.fromhex("30ff 0028 00000001") + INNER), protocol=17),
    "UDP port 3544, by the first bytes Teredo": ipv4(udp(3544, 50_000, SIX), protocol=17),
    "UDP port 51820, by the first bytes WireGuard": ipv6(udp(40_000, 51_820, b"\x04\0\0\0" + bytes(60)), protocol=17),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_tunnels_are_named(name: str) -> None:
    found = table(batch_of(INNER, OTHERS[name], OTHERS[name], link=101))
    assert kinds(found) == [("tunnel-unknown", 2, 2)]
    assert found.notices[0].text.startswith(f"of {name}")


@pytest.mark.parametrize("port", [53, 1701, 2152, 3544, 51_820])
def test_a_port_alone_is_no_evidence(port: int) -> None:
    assert table(batch_of(ipv4(udp(port, port, b"\x80" * 40), protocol=17), link=101)).notices == ()


@given(
    protocol=st.sampled_from([4, 41, 47, 17]),
    port=st.sampled_from([4789, 8472, 6081, 2152]),
    head=st.sampled_from(["", "08000000", "00000800", "20006558", "b00086dd", "0000655800002a00", "45", "60"]),
    rest=st.binary(max_size=120),
    cut=st.integers(0, 40),
)
@settings(max_examples=200, deadline=None)
def test_noise_in_tunnels_raises_nothing(protocol: int, port: int, head: str, rest: bytes, cut: int) -> None:
    inside = bytes.fromhex(head) + rest
    packet = ethernet(ipv4(udp(1, port, inside) if protocol == 17 else inside, protocol=protocol))
    found = table(batch_of(packet[: len(packet) - cut], wire=[len(packet)]))
    assert len(found) + sum(notice.count for notice in found.notices) <= 1
