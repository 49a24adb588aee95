"""Link layers: where the network layer starts, and which protocol it is."""

from __future__ import annotations

import pytest

from netviz.layers.link import ARP, IPV4, IPV6, LINK_NAMES, UNKNOWN, be16, network
from netviz.table import table
from tests.make import batch_of, ethernet, ipv4, ipv6, tcp

pytestmark = pytest.mark.usefixtures("loops")

FOUR, SIX = ipv4(tcp()), ipv6(tcp())
MACS = bytes(12)

#: Link type, bytes in front of the network layer, and the protocol that they tell.
KNOWN = {
    "ethernet, IPv4": (1, "020000000002 020000000001 0800", FOUR, IPV4),
    "ethernet, IPv6": (1, "020000000002 020000000001 86dd", SIX, IPV6),
    "ethernet, ARP": (1, "ffffffffffff 020000000001 0806", bytes(28), ARP),
    "ethernet, a length and LLC": (1, "020000000002 020000000001 0026", bytes(38), UNKNOWN),
    "802.1Q": (1, "020000000002 020000000001 8100 0069 0800", FOUR, IPV4),
    "802.1Q, IPv6": (1, "020000000002 020000000001 8100 e001 86dd", SIX, IPV6),
    "802.1ad with 802.1Q in it (QinQ)": (1, "020000000002 020000000001 88a8 0064 8100 00c8 0800", FOUR, IPV4),
    "old QinQ": (1, "020000000002 020000000001 9100 0064 8100 00c8 86dd", SIX, IPV6),
    "three tags": (1, "020000000002 020000000001 8100 0001 8100 0002 8100 0003 0800", FOUR, IPV4),
    "SLL, IPv4": (113, "0000 0001 0006 0200000000010000 0800", FOUR, IPV4),
    "SLL, IPv6": (113, "0004 0304 0006 0000000000000000 86dd", SIX, IPV6),
    "SLL, a VLAN tag": (113, "0000 0001 0006 0200000000010000 8100 0005 0800", FOUR, IPV4),
    "SLL2, IPv4": (276, "0800 0000 00000002 0001 00 06 0200000000010000", FOUR, IPV4),
    "SLL2, IPv6": (276, "86dd 0000 00000001 0304 04 06 0000000000000000", SIX, IPV6),
    "NULL, little-endian, IPv4": (0, "02000000", FOUR, IPV4),
    "NULL, big-endian, IPv4": (0, "00000002", FOUR, IPV4),
    "NULL, IPv6 of Linux": (0, "0a000000", SIX, IPV6),
    "NULL, IPv6 of NetBSD and OpenBSD": (0, "18000000", SIX, IPV6),
    "NULL, IPv6 of FreeBSD, big-endian": (0, "0000001c", SIX, IPV6),
    "NULL, IPv6 of macOS": (0, "1e000000", SIX, IPV6),
    "NULL, another family": (0, "07000000", bytes(30), UNKNOWN),
    "LOOP, IPv4": (108, "00000002", FOUR, IPV4),
    "LOOP, IPv6": (108, "00000018", SIX, IPV6),
    "RAW, IPv4": (101, "", FOUR, IPV4),
    "RAW, IPv6": (101, "", SIX, IPV6),
    "RAW of BSD": (12, "", FOUR, IPV4),
    "RAW of OpenBSD": (14, "", SIX, IPV6),
    "RAW, another version": (101, "", b"\x50" + bytes(40), UNKNOWN),
    "IPv4 alone": (228, "", FOUR, IPV4),
    "IPv6 alone": (229, "", SIX, IPV6),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_headers(name: str) -> None:
    link, head, payload, protocol = KNOWN[name]
    packet = bytes.fromhex(head) + payload
    # Between two others, so that a place counted from the start of the buffer would be wrong.
    net = network(batch_of(packet, packet, b"\x01", link=link))
    assert net.ethertype.tolist()[:2] == [protocol] * 2
    assert net.end.tolist() == [len(packet), 2 * len(packet), 2 * len(packet) + 1]
    if protocol != UNKNOWN:
        before = len(bytes.fromhex(head))
        assert net.start.tolist()[:2] == [before, len(packet) + before]
    assert net.undecoded == []


@pytest.mark.parametrize("name", KNOWN)
def test_headers_cut_at_any_byte(name: str) -> None:
    link, head, payload, protocol = KNOWN[name]
    packet = bytes.fromhex(head) + payload
    for cut in range(len(packet) + 1):
        net = network(batch_of(packet[:cut], link=link))
        assert net.end.tolist() == [cut]
        assert net.start[0] <= cut
        if cut > len(bytes.fromhex(head)):
            assert net.ethertype.tolist() == [protocol]


def test_link_types_may_differ_from_packet_to_packet() -> None:
    packets = [ethernet(FOUR), FOUR, bytes.fromhex("1e000000") + SIX, b"??", b"??"]
    net = network(batch_of(*packets, link=[1, 101, 0, 147, 9999]))
    assert net.ethertype.tolist() == [IPV4, IPV4, IPV6, UNKNOWN, UNKNOWN]
    assert sorted(net.undecoded) == [(147, 1, 3), (9999, 1, 4)]


@pytest.mark.parametrize("link", [105, 127, 147, 9999, -1])
def test_a_link_type_that_is_not_decoded_is_told_with_a_count(link: int) -> None:
    (notice,) = table(batch_of(ethernet(FOUR), b"", b"??", link=link, first=10)).notices
    assert (notice.kind, notice.count, notice.packet) == ("link-type-unknown", 3, 10)
    assert str(link) in notice.text
    assert LINK_NAMES.get(link, "unknown") in notice.text


def test_a_batch_without_packets() -> None:
    net = network(batch_of())
    assert (len(net.ethertype), net.undecoded) == (0, [])


def test_numbers_are_big_endian() -> None:
    import numpy as np

    assert be16(np.array([1, 2, 3], np.uint8), np.array([0, 1], np.int64)).tolist() == [0x0102, 0x0203]
