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
    "PPPoE, IPv4": (1, "020000000002 020000000001 8864 1100 0005 002a 0021", FOUR, IPV4),
    "PPPoE, IPv6": (1, "020000000002 020000000001 8864 1100 0005 003e 0057", SIX, IPV6),
    "PPPoE, a protocol of one byte": (1, "020000000002 020000000001 8864 1100 0005 0029 21", FOUR, IPV4),
    "PPPoE behind a VLAN tag": (1, "020000000002 020000000001 8100 0007 8864 1100 0005 002a 0021", FOUR, IPV4),
    "PPPoE in SLL": (113, "0000 0200 0006 0200000000010000 8864 1100 0005 002a 0021", FOUR, IPV4),
    "PPPoE, LCP": (1, "020000000002 020000000001 8864 1100 0005 000a c021", bytes(8), UNKNOWN),
    "PPPoE, another version": (1, "020000000002 020000000001 8864 2100 0005 002a 0021", FOUR, UNKNOWN),
    "PPPoE, not a session": (1, "020000000002 020000000001 8864 1109 0005 002a 0021", FOUR, UNKNOWN),
    "PPPoE discovery": (1, "020000000002 020000000001 8863 1109 0000 0004", bytes(40), 0x8863),
    "MPLS, IPv4": (1, "020000000002 020000000001 8847 00001140", FOUR, IPV4),
    "MPLS, three labels, IPv6": (1, "020000000002 020000000001 8848 00001040 00002040 00003140", SIX, IPV6),
    "MPLS, something else": (1, "020000000002 020000000001 8847 00001140", bytes(40), UNKNOWN),
    "MPLS in PPP": (9, "0281 00001140", FOUR, IPV4),
    "PPP, IPv4": (9, "0021", FOUR, IPV4),
    "PPP, IPv6": (9, "0057", SIX, IPV6),
    "PPP in HDLC framing": (9, "ff03 0021", FOUR, IPV4),
    "PPP in HDLC framing, a protocol of one byte": (9, "ff03 57", SIX, IPV6),
    "PPP, a protocol of one byte": (9, "21", FOUR, IPV4),
    "PPP, compressed TCP": (9, "002d", bytes(40), UNKNOWN),
    "PPP on a serial line": (50, "ff03 0021", FOUR, IPV4),
    "Cisco HDLC on a serial line": (50, "0f00 0800", FOUR, IPV4),
    "Cisco HDLC, multicast": (50, "8f00 86dd", SIX, IPV6),
    "Cisco HDLC": (104, "0f00 0800", FOUR, IPV4),
    "PPPoE alone": (51, "1100 0005 002a 0021", FOUR, IPV4),
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
    if protocol not in (UNKNOWN, 0x8863):
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


def test_labels_without_an_end_are_not_followed_for_ever() -> None:
    packet = ethernet(bytes.fromhex("00001040") * 400, 0x8847)
    net = network(batch_of(packet, packet[:-2], packet[:15]))
    assert net.ethertype.tolist() == [0x8847] * 3


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
