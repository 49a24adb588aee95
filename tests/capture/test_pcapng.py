"""pcapng files: blocks, sections, interfaces, times."""

from __future__ import annotations

import struct

import pytest

from netviz.errors import NetvizError
from tests.make import (
    START,
    Record,
    block,
    conversation,
    epb,
    epb_stamped,
    idb,
    opb,
    option,
    pcapng,
    read,
    shb,
    spb,
)

ORDERS = ["<", ">"]


@pytest.mark.parametrize("order", ORDERS)
def test_enhanced_packet_blocks(order: str) -> None:
    records = [Record(b"abc", START + 5000, 1500), Record(b"", START), Record(bytes(range(64)), START + 10**9)]
    packets = read(pcapng(records, order, link=113)).packets
    assert [packet.data for packet in packets] == [record.data for record in records]
    assert [packet.wire for packet in packets] == [1500, 0, 64]
    assert [packet.time for packet in packets] == [record.time for record in records]
    assert [packet.link for packet in packets] == [113] * 3


#: A section header, an interface and a packet, written by hand from the specification.
KNOWN = {
    "<": "0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000"
    "01000000 14000000 0100 0000 00000000 14000000"
    "06000000 24000000 00000000 01000000 02000000 03000000 04000000 aabbcc00 24000000",
    ">": "0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001c"
    "00000001 00000014 0001 0000 00000000 00000014"
    "00000006 00000024 00000000 00000001 00000002 00000003 00000004 aabbcc00 00000024",
}


@pytest.mark.parametrize("order", ORDERS)
def test_known_bytes(order: str) -> None:
    (packet,) = read(bytes.fromhex(KNOWN[order])).packets
    assert packet == (1, b"\xaa\xbb\xcc", 4, (2**32 + 2) * 1000, 1)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("resolution", "stamp", "expected"),
    [
        (0, 7, 7 * 10**9),
        (3, 1234, 1_234_000_000),
        (6, 1_700_000_000_123_456, 1_700_000_000_123_456_000),
        (9, 1_700_000_000_123_456_789, 1_700_000_000_123_456_789),
        (12, 5_123_456_789_012, 5_123_456_789),
        (0x80, 7, 7 * 10**9),
        (0x80 | 1, 3, 1_500_000_000),
        (0x80 | 10, 1_700_000_000 << 10 | 256, 1_700_000_000_250_000_000),
        (0x80 | 20, 1_700_000_000 << 20 | 1 << 19, 1_700_000_000_500_000_000),
        (0x80 | 32, 1_700_000_000 << 32 | 3 << 30, 1_700_000_000_750_000_000),
        (0x80 | 40, 1000 << 40 | 1 << 38, 1_000_250_000_000),
    ],
)
def test_resolution_of_times(order: str, resolution: int, stamp: int, expected: int) -> None:
    options = option(9, bytes([resolution]), order) + option(0, b"", order)
    data = shb(order) + idb(order, options=options) + epb_stamped(Record(b"x"), stamp, order)
    (packet,) = read(data).packets
    assert packet.time == expected


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("offset", [0, 3600, -3600, 1_700_000_000])
def test_offset_of_times(order: str, offset: int) -> None:
    options = option(14, struct.pack(order + "q", offset), order)
    data = shb(order) + idb(order, options=options) + epb_stamped(Record(b"x"), 5_000_000, order)
    (packet,) = read(data).packets
    assert packet.time == (5 + offset) * 10**9


@pytest.mark.parametrize("order", ORDERS)
def test_interfaces_have_their_own_link_type_and_clock(order: str) -> None:
    nano, late = option(9, b"\x09", order), option(14, struct.pack(order + "q", 100), order)
    data = b"".join(
        [
            shb(order),
            idb(order, link=1),
            epb(Record(b"a"), order),
            idb(order, link=101, options=nano),
            idb(order, link=0, options=late),
            epb(Record(b"b", START + 7), order, interface=1, unit=1),
            epb(Record(b"c"), order, interface=2),
            epb(Record(b"d"), order, interface=0),
        ]
    )
    packets = read(data).packets
    assert [(packet.data, packet.link, packet.time) for packet in packets] == [
        (b"a", 1, START),
        (b"b", 101, START + 7),
        (b"c", 0, START + 100 * 10**9),
        (b"d", 1, START),
    ]


def test_a_packet_of_an_interface_that_is_not_described_has_no_time_and_no_link_type() -> None:
    (packet, other) = read(shb() + idb() + epb(Record(b"a"), interface=3) + epb(Record(b"b"))).packets
    assert (packet.data, packet.time, packet.link) == (b"a", None, -1)
    assert (other.data, other.time, other.link) == (b"b", START, 1)


@pytest.mark.parametrize("order", ORDERS)
def test_simple_packet_blocks_have_no_time(order: str) -> None:
    data = shb(order) + idb(order, link=101) + spb(Record(b"abcde"), order) + epb(Record(b"z"), order)
    packets = read(data).packets
    assert packets == [(1, b"abcde", 5, None, 101), (2, b"z", 1, START, 101)]


@pytest.mark.parametrize("order", ORDERS)
def test_simple_packet_blocks_are_as_long_as_the_snapshot_length_lets_them(order: str) -> None:
    data = shb(order) + idb(order, snaplen=5) + spb(Record(b"abcde", wire=90), order)
    (packet,) = read(data).packets
    assert (packet.data, packet.wire) == (b"abcde", 90)


@pytest.mark.parametrize("order", ORDERS)
def test_old_packet_blocks(order: str) -> None:
    data = shb(order) + idb(order) + idb(order, link=113) + opb(Record(b"abc", wire=9), order, interface=1, drops=77)
    assert read(data).packets == [(1, b"abc", 9, START, 113)]


@pytest.mark.parametrize("order", ORDERS)
def test_kinds_of_packets_mixed_keep_their_order(order: str) -> None:
    a, b, c, d = (Record(bytes([i]) * i) for i in range(1, 5))
    data = shb(order) + idb(order) + epb(a, order) + spb(b, order) + opb(c, order) + epb(d, order)
    reading = read(data)
    assert reading.data == [a.data, b.data, c.data, d.data]
    assert [packet.time is None for packet in reading.packets] == [False, True, False, False]


@pytest.mark.parametrize("order", ORDERS)
def test_unknown_blocks_are_skipped(order: str) -> None:
    strange = block(0x0BAD, b"custom data", order) + block(0x8000_0001, b"", order)
    data = shb(order) + strange + idb(order) + strange + epb(Record(b"a"), order) + strange + epb(Record(b"b"), order)
    reading = read(data + strange)
    assert (reading.data, reading.problems) == ([b"a", b"b"], [])


def sections() -> bytes:
    """Four sections of both byte orders, each with another link type, the last one without packets."""
    first = shb("<") + idb("<", link=1) + epb(Record(b"a"), "<") + epb(Record(b"bb"), "<")
    second = shb(">") + idb(">", link=113) + idb(">", link=101) + epb(Record(b"c"), ">", interface=1)
    third = shb("<") + idb("<", link=0) + spb(Record(b"d"), "<")
    return first + second + third + shb(">")


def test_sections_have_their_own_byte_order_and_interfaces() -> None:
    reading = read(sections())
    assert reading.packets == [
        (1, b"a", 1, START, 1),
        (2, b"bb", 2, START, 1),
        (3, b"c", 1, START, 101),
        (4, b"d", 1, None, 0),
    ]
    assert reading.problems == []
    assert [interface.link for interface in reading.metadata.interfaces] == [1, 113, 101, 0]


def test_a_new_section_forgets_the_interfaces_of_the_one_before() -> None:
    (packet,) = read(shb() + idb() + shb() + epb(Record(b"a"))).packets
    assert packet.link == -1


def test_byte_order_changes_in_a_large_file() -> None:
    parts = [pcapng(conversation(1200), order, link) for order, link in (("<", 1), (">", 113), (">", 1), ("<", 101))]
    data = b"".join(parts)
    assert len(data) > 1 << 18
    reading = read(data)
    assert reading.data == [record.data for record in conversation(1200)] * 4
    assert [packet.link for packet in reading.packets] == [1] * 1200 + [113] * 1200 + [1] * 1200 + [101] * 1200
    assert reading.problems == []


def test_one_byte_at_a_time_gives_the_same() -> None:
    data = sections()
    reading = read(data, [1] * len(data))
    assert reading.packets == read(data).packets
    assert reading.metadata == read(data).metadata


def ends(data: bytes) -> list[int]:
    """Where each block of ``sections()`` ends."""
    found, at, order = [], 0, "<"
    while at < len(data):
        if data[at : at + 4] == b"\x0a\x0d\x0d\x0a":
            order = "<" if data[at + 8] == 0x4D else ">"
        at += int(struct.unpack_from(order + "I", data, at + 4)[0])
        found.append(at)
    return found


def test_a_file_cut_at_any_byte_gives_all_packets_before_the_cut() -> None:
    data = sections()
    blocks, packets = ends(data), read(data).packets
    packet_ends = [blocks[i] for i in (2, 3, 7, 10)]
    for cut in range(1, len(data) + 1):
        if cut < 12:
            with pytest.raises(NetvizError):
                read(data[:cut])
            continue
        reading = read(data[:cut])
        assert reading.packets == packets[: sum(end <= cut for end in packet_ends)], cut
        assert reading.kinds == ([] if cut in blocks else ["file-cut"]), cut


def test_a_section_header_with_options() -> None:
    options = option(2, b"hardware") + option(1, b"a comment") + option(0, b"")
    reading = read(shb(options=options) + idb() + epb(Record(b"a")))
    assert (reading.data, reading.metadata.comments) == ([b"a"], ["a comment"])


def test_a_packet_that_claims_more_than_its_block_holds_is_cut_back() -> None:
    liar = bytearray(epb(Record(b"abcd")))
    struct.pack_into("<I", liar, 20, 5000)
    reading = read(shb() + idb() + epb(Record(b"x")) + bytes(liar) + epb(Record(b"y")))
    assert reading.data == [b"x", b"abcd", b"y"]
    assert reading.kinds == ["block-too-short"]
    assert (reading.problems[0].packets, reading.problems[0].count) == ((2,), 1)
