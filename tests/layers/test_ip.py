"""IP headers: options, extension headers, fragments, lengths that are wrong or cut."""

from __future__ import annotations

import pytest

from netviz.address import address_text
from netviz.layers.ip import ICMP, ICMPV6, TCP, UDP, Datagrams, address_at, datagrams
from netviz.layers.link import network
from netviz.table import Table, table
from tests.make import batch_of, ethernet, icmp, ipv4, ipv6, packed, tcp, udp

pytestmark = pytest.mark.usefixtures("loops")

SEGMENT = tcp(payload=b"hello")

#: Extension headers: kind, and the bytes behind the first one.
HOP, ROUTING, DESTINATION, MOBILITY = ((kind, bytes([0]) + bytes(6)) for kind in (0, 43, 60, 135))
LONG = (60, bytes([2]) + bytes(22))
AUTHENTICATION = (51, bytes([4]) + bytes(22))
ATOMIC = (44, bytes.fromhex("00 0000 12345678"))


def of(*packets: bytes) -> Datagrams:
    """The datagrams in raw IP packets."""
    batch = batch_of(*packets, link=101)
    return datagrams(batch, network(batch))


def kinds(decoded: Table) -> list[tuple[str, int, int]]:
    """What is not decoded, how often, and where first."""
    return [(notice.kind, notice.count, notice.packet) for notice in decoded.notices]


@pytest.mark.parametrize("size", range(0, 44, 4))
def test_ipv4_options(size: int) -> None:
    packet = ipv4(SEGMENT, options=b"\x01" * size)
    found = of(packet)
    assert found.start.tolist() == [20 + size]
    assert found.stop.tolist() == [len(packet)]
    decoded = table(batch_of(packet, link=101))
    assert (decoded.tcp.source.tolist(), decoded.tcp.length.tolist()) == ([40_000], [5])


@pytest.mark.parametrize(
    "extensions",
    [
        [],
        [HOP],
        [ROUTING],
        [DESTINATION],
        [MOBILITY],
        [LONG],
        [AUTHENTICATION],
        [ATOMIC],
        [HOP, DESTINATION, ROUTING, ATOMIC, AUTHENTICATION, LONG],
        [DESTINATION] * 12,
    ],
)
def test_ipv6_extension_headers(extensions: list[tuple[int, bytes]]) -> None:
    packet = ipv6(SEGMENT, extensions=extensions)
    found = of(packet, ipv6(SEGMENT))
    assert found.protocol.tolist() == [TCP, TCP]
    assert found.start.tolist() == [len(packet) - len(SEGMENT), len(packet) + 40]
    decoded = table(batch_of(packet, link=101))
    assert (decoded.tcp.source.tolist(), decoded.tcp.length.tolist()) == ([40_000], [5])
    assert decoded.notices == ()


def test_protocols() -> None:
    packets = [
        ipv4(udp(), protocol=17),
        ipv6(udp(), protocol=17),
        ipv4(icmp(8, 0), protocol=1),
        ipv6(icmp(128, 0), protocol=58),
    ]
    assert of(*packets, ipv4(SEGMENT)).protocol.tolist() == [UDP, UDP, ICMP, ICMPV6, TCP]
    counts = table(batch_of(*packets, ipv4(SEGMENT), link=101)).counts
    assert counts == {"tcp": 1, "udp": 2, "icmp": 2, "arp": 0, "packets": 5}


def test_both_versions_stay_in_the_order_of_packets() -> None:
    found = of(ipv6(SEGMENT), ipv4(SEGMENT), b"\x00", ipv4(SEGMENT), ipv6(SEGMENT))
    assert found.row.tolist() == [0, 1, 3, 4]
    assert found.version.tolist() == [6, 4, 4, 6]
    assert found.ip.tolist() == sorted(found.ip.tolist())


@pytest.mark.parametrize("field", [0x2000, 0x0001, 0x2001, 0x1FF0])
def test_ipv4_fragments_are_columns_of_their_own(field: int) -> None:
    piece = ipv4(SEGMENT + bytes(7), fragment=field, options=bytes(8))
    found = of(ipv4(SEGMENT), piece, piece)
    begin = len(ipv4(SEGMENT))
    assert found.fragments.tolist() == [
        [row, 4, at, at + 28, at + len(piece)] for row, at in ((1, begin), (2, begin + len(piece)))
    ]
    assert found.row.tolist() == [0]
    assert kinds(table(batch_of(ipv4(SEGMENT), piece, piece, link=101))) == [("ip-fragment", 2, 2)]


def test_do_not_fragment_is_no_fragment() -> None:
    decoded = table(batch_of(ipv4(SEGMENT, fragment=0x4000), link=101))
    assert (len(decoded), decoded.notices) == (1, ())


@pytest.mark.parametrize("field", ["0001", "0008", "ff01"])
def test_ipv6_fragments_are_columns_of_their_own(field: str) -> None:
    piece = ipv6(SEGMENT + bytes(7), extensions=[HOP, (44, bytes.fromhex("00" + field + "12345678"))])
    found = of(piece, ipv6(SEGMENT))
    assert found.fragments.tolist() == [[0, 6, 0, 56, len(piece)]]
    assert found.row.tolist() == [1]
    assert kinds(table(batch_of(piece, ipv6(SEGMENT), link=101))) == [("ip-fragment", 1, 1)]


@pytest.mark.parametrize(
    "packet",
    [
        b"\x44" + ipv4(SEGMENT)[1:],
        ipv4(SEGMENT, total=19),
        ipv4(SEGMENT, options=bytes(8), total=24),
    ],
)
def test_headers_that_cannot_be_right_are_told(packet: bytes) -> None:
    assert kinds(table(batch_of(packet, link=101))) == [("ip-malformed", 1, 1)]


def test_a_version_that_the_link_layer_denies_is_malformed() -> None:
    frames = [ethernet(ipv6(SEGMENT), 0x0800), ethernet(ipv4(SEGMENT) + bytes(20), 0x86DD)]
    assert kinds(table(batch_of(*frames))) == [("ip-malformed", 2, 1)]


def test_padding_of_the_frame_is_no_payload() -> None:
    decoded = table(batch_of(ethernet(ipv4(tcp())) + bytes(6), ethernet(ipv6(tcp())) + bytes(6)))
    assert decoded.tcp.length.tolist() == [0, 0]
    assert decoded.tcp.captured.tolist() == [0, 0]


@pytest.mark.parametrize("packet", [ipv4(SEGMENT, total=0), ipv6(SEGMENT, length=0)])
def test_a_length_of_zero_means_up_to_the_end_of_the_packet(packet: bytes) -> None:
    decoded = table(batch_of(packet, packet, link=101, wire=[len(packet), len(packet) + 70_000]))
    assert decoded.tcp.length.tolist() == [5, 70_005]
    assert decoded.tcp.captured.tolist() == [5, 5]


PACKETS = {
    "IPv4": ethernet(ipv4(SEGMENT)),
    "IPv4 with options": ethernet(ipv4(SEGMENT, options=b"\x01" * 40), tags=[(0x8100, 5)]),
    "IPv6": ethernet(ipv6(SEGMENT)),
    "IPv6 with extension headers": ethernet(ipv6(SEGMENT, extensions=[HOP, LONG, AUTHENTICATION, ATOMIC])),
    "TCP options": ethernet(ipv4(tcp(options=bytes.fromhex("020405b4 0402 080a 00000001 00000000 01 030307"), payload=b"abc"))),
}


@pytest.mark.parametrize("name", PACKETS)
def test_packets_cut_at_any_byte_are_decoded_as_far_as_they_go(name: str) -> None:
    packet = PACKETS[name]
    whole = table(batch_of(packet))
    at, payload, length = (int(column[0]) for column in (whole.tcp.at, whole.tcp.payload, whole.tcp.length))
    network_at = int(whole.tcp.ip[0])
    for cut in range(len(packet) + 1):
        # Behind the cut lie the bytes of another packet, which must not be taken for this one's.
        decoded = table(batch_of(packet[:cut], b"\xff" * 60, link=1, wire=[len(packet), 60]))
        if cut < at + 14:
            assert len(decoded) == 0
            # Between link layer and IP header nothing tells yet what the packet carries.
            assert kinds(decoded) == ([("headers-cut", 1, 1)] if cut >= network_at or cut < 14 else [])
            continue
        tcp_columns = decoded.tcp
        assert len(decoded) == 1
        assert (tcp_columns.source[0], tcp_columns.target[0], tcp_columns.seq[0], tcp_columns.flags[0]) == (40_000, 80, 1000, 2)
        assert tcp_columns.window[0] == (64_240 if cut >= at + 16 else -1)
        assert tcp_columns.length[0] == length
        assert tcp_columns.captured[0] == max(0, cut - payload)
        assert decoded.addresses(0) == whole.addresses(0)


def test_a_packet_is_told_once() -> None:
    """A long extension header that lies neither in the captured bytes nor in the packet, and another one behind it."""
    odd = ipv6(b"", protocol=60, extensions=[(0, bytes([255]) + bytes(6))])
    assert sum(count for _, count, _ in kinds(table(batch_of(odd, link=101)))) == 1


def test_addresses() -> None:
    batch = batch_of(ipv4(b"", "192.0.2.1", "198.51.100.255"), ipv6(b"", "2001:db8::1", "fe80::2"), link=101)
    assert [address_text(a) for a in address_at(batch.buffer, 0, 4)] == ["192.0.2.1", "198.51.100.255"]
    assert [address_text(a) for a in address_at(batch.buffer, 20, 6)] == ["2001:db8::1", "fe80::2"]


@pytest.mark.parametrize("text", ["0.0.0.0", "255.255.255.255", "127.0.0.1", "::", "::1", "2001:db8::ff00:42:8329"])
def test_address_text_is_the_usual_form(text: str) -> None:
    assert address_text(packed(text)) == text
