"""Classic pcap files: both byte orders and units, known bytes, what a header says."""

from __future__ import annotations

import pytest

from netviz.capture.pcap import MAGICS, Pcap
from netviz.capture.records import LARGEST
from netviz.errors import NetvizError
from tests.make import START, Record, conversation, pcap, pcap_header, read

FORMATS = [("<", 1000), (">", 1000), ("<", 1), (">", 1)]


@pytest.mark.parametrize(("order", "unit"), FORMATS)
def test_every_field_is_read_in_both_byte_orders_and_units(order: str, unit: int) -> None:
    records = [Record(b"abc", START + 123_456_789, 1500), Record(b"", START, 66), Record(bytes(range(60)), START + 10**9)]
    packets = read(pcap(records, order, unit, link=113)).packets
    assert [packet.data for packet in packets] == [b"abc", b"", bytes(range(60))]
    assert [packet.wire for packet in packets] == [1500, 66, 60]
    assert [packet.time for packet in packets] == [START + 123_456_789 // unit * unit, START, START + 10**9]
    assert [packet.link for packet in packets] == [113] * 3
    assert [packet.number for packet in packets] == [1, 2, 3]


#: File headers and a record, written by hand from the specification.
KNOWN = {
    "little endian, us": (
        "d4c3b2a1 0200 0400 00000000 00000000 ffff0000 01000000  01000000 02000000 03000000 04000000 aabbcc",
        1_000_002_000,
    ),
    "big endian, us": (
        "a1b2c3d4 0002 0004 00000000 00000000 0000ffff 00000001  00000001 00000002 00000003 00000004 aabbcc",
        1_000_002_000,
    ),
    "little endian, ns": (
        "4d3cb2a1 0200 0400 00000000 00000000 ffff0000 01000000  01000000 02000000 03000000 04000000 aabbcc",
        1_000_000_002,
    ),
    "big endian, ns": (
        "a1b23c4d 0002 0004 00000000 00000000 0000ffff 00000001  00000001 00000002 00000003 00000004 aabbcc",
        1_000_000_002,
    ),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_bytes(name: str) -> None:
    text, time = KNOWN[name]
    (packet,) = read(bytes.fromhex(text)).packets
    assert packet == (1, b"\xaa\xbb\xcc", 4, time, 1)


def test_upper_bits_of_the_link_type_tell_of_a_checksum_and_are_not_part_of_it() -> None:
    header = pcap_header(link=0x5400_0001)
    assert Pcap(header).link == 1


@pytest.mark.parametrize(("snaplen", "largest"), [(0, 262_144), (96, 262_144), (1_000_000, 1_000_000), (0xFFFF_FFFF, LARGEST)])
def test_the_largest_packet_follows_the_snapshot_length_within_limits(snaplen: int, largest: int) -> None:
    assert Pcap(pcap_header(snaplen=snaplen)).largest == largest


def test_a_file_without_packets_is_a_capture() -> None:
    reading = read(pcap([]))
    assert (reading.packets, reading.problems) == ([], [])


def test_times_after_2038_are_not_negative() -> None:
    (packet,) = read(pcap([Record(b"x", 0xF000_0000 * 10**9)])).packets
    assert packet.time == 0xF000_0000 * 10**9


@pytest.mark.parametrize("length", range(1, 24))
@pytest.mark.parametrize("magic", MAGICS)
def test_a_file_cut_in_its_header_is_an_error(magic: bytes, length: int) -> None:
    with pytest.raises(NetvizError):
        read((magic + pcap_header()[4:])[:length])


@pytest.mark.parametrize(("order", "unit"), FORMATS)
def test_a_file_cut_at_any_byte_gives_all_packets_before_the_cut(order: str, unit: int) -> None:
    records = conversation(3)
    whole = pcap(records, order, unit)
    ends = [24]
    for record in records:
        ends.append(ends[-1] + 16 + len(record.data))
    for cut in range(24, len(whole) + 1):
        reading = read(whole[:cut])
        complete = sum(end <= cut for end in ends[1:])
        assert reading.data == [record.data for record in records[:complete]], cut
        assert reading.kinds == ([] if cut in ends else ["file-cut"]), cut
        if reading.problems:
            assert reading.problems[0].packets == ((complete,) if complete else ())
            assert f"byte {cut}" in reading.problems[0].problems[0].text


@pytest.mark.parametrize(("order", "unit"), FORMATS)
def test_one_byte_at_a_time_gives_the_same(order: str, unit: int) -> None:
    whole = pcap(conversation(4), order, unit)
    assert read(whole, [1] * len(whole)).packets == read(whole).packets
