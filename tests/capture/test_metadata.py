"""What a pcapng file says besides its packets is kept: names, statistics, comments, secrets."""

from __future__ import annotations

import struct

import pytest

from netviz.capture.metadata import Interface, Metadata, Section, options
from tests.make import Record, block, dsb, epb, frame, idb, isb, nrb, option, pcap, read, shb

ORDERS = pytest.mark.parametrize("order", ["<", ">"])


@ORDERS
def test_interfaces(order: str) -> None:
    described = (
        option(2, b"eth0", order)
        + option(9, b"\x09", order)
        + option(14, struct.pack(order + "q", -5), order)
        + option(1, "grüß".encode(), order)
        + option(0, b"", order)
    )
    metadata = read(shb(order) + idb(order, 113, 96, described)).metadata
    (interface,) = metadata.interfaces
    assert (interface.link, interface.snaplen, interface.name) == (113, 96, "eth0")
    assert (interface.resolution, interface.offset) == (9, -5)
    assert metadata.comments == ["grüß"]


@ORDERS
def test_sections_and_who_wrote_them(order: str) -> None:
    written = option(2, b"a machine", order) + option(3, b"a system", order) + option(4, b"a program", order)
    metadata = read(shb(order, written) + idb(order) + shb(order)).metadata
    assert metadata.sections == [
        Section("memory", "pcapng", order, (1, 0), "a machine", "a system", "a program"),
        Section("memory", "pcapng", order, (1, 0)),
    ]


@ORDERS
@pytest.mark.parametrize("unit", [1000, 1])
def test_the_header_of_a_pcap_file(order: str, unit: int) -> None:
    metadata = read(pcap([Record(frame())] * 2, order, unit, link=113, snaplen=96)).metadata
    assert metadata.sections == [Section("memory", "pcap", order, (2, 4))]
    assert metadata.interfaces == [Interface(113, 96, resolution=6 if unit == 1000 else 9, packets=2)]


@ORDERS
def test_packets_and_drops_of_each_interface(order: str) -> None:
    dropped = option(5, struct.pack(order + "Q", 3), order)
    data = (
        shb(order) + idb(order) + idb(order, options=option(3, b"second", order) + option(11, b"\0tcp", order))
        + b"".join(epb(Record(b"x"), order, number) for number in (0, 1, 1, 7))
        + isb(order, 1, dropped) + isb(order, 9, dropped)
        + shb(order) + idb(order) + epb(Record(b"x"), order)
    )  # fmt: skip
    interfaces = read(data).metadata.interfaces
    assert [interface.packets for interface in interfaces] == [1, 2, 1]
    assert [interface.statistics.get("dropped_by_interface") for interface in interfaces] == [None, 3, None]
    assert [(interface.description, interface.filter) for interface in interfaces] == [("", ""), ("second", "tcp"), ("", "")]


def test_a_filter_that_is_no_text_is_left_out() -> None:
    (interface,) = read(shb() + idb(options=option(11, b"\x01\x28\0"))).metadata.interfaces
    assert interface.filter == ""


@ORDERS
def test_names(order: str) -> None:
    names = {"10.0.0.1": "client.example", "2001:db8::1": "six.example", "10.0.0.2": "server"}
    assert read(shb(order) + nrb(names, order)).metadata.names == names


def test_the_first_name_of_an_address_stays() -> None:
    body = option(1, bytes([10, 0, 0, 1]) + b"one\0two\0")
    data = shb() + block(4, body) + nrb({"10.0.0.1": "three"})
    assert read(data).metadata.names == {"10.0.0.1": "one"}


@ORDERS
def test_statistics(order: str) -> None:
    numbers = b"".join(option(code, struct.pack(order + "Q", code * 1000), order) for code in range(4, 9))
    metadata = read(shb(order) + idb(order) + isb(order, 3, numbers + option(0, b"", order))).metadata
    assert metadata.statistics == [
        {
            "interface": 3,
            "received": 4000,
            "dropped_by_interface": 5000,
            "accepted": 6000,
            "dropped_by_system": 7000,
            "delivered": 8000,
        }
    ]


@ORDERS
def test_secrets(order: str) -> None:
    secret = b"CLIENT_RANDOM 00 11\n"
    data = shb(order) + dsb(0x544C534B, secret, order) + dsb(7, b"odd", order)
    assert read(data).metadata.secrets == [(0x544C534B, secret), (7, b"odd")]


@ORDERS
def test_comments_of_packets(order: str) -> None:
    def commented(data: bytes, *comments: bytes) -> bytes:
        described = b"".join(option(1, comment, order) for comment in comments) + option(0, b"", order)
        return epb(Record(data), order, options=described)

    packets = commented(b"a", b"look here") + epb(Record(b"b"), order) + commented(b"ccccc", b"first", b"second")
    reading = read(shb(order) + idb(order) + packets)
    assert reading.metadata.packet_comments == {1: "look here", 3: "first"}
    assert reading.data == [b"a", b"b", b"ccccc"]


def test_other_options_of_packets_are_no_comments() -> None:
    flags = option(2, bytes(4)) + option(0, b"")
    assert read(shb() + idb() + epb(Record(b"a"), options=flags)).metadata.packet_comments == {}


def test_comments_that_are_no_text_do_not_raise() -> None:
    metadata = read(shb(options=option(1, b"\xff\xfe"))).metadata
    assert metadata.comments == ["\ufffd\ufffd"]


def test_no_more_is_kept_than_there_is_room() -> None:
    metadata = Metadata()
    for _ in range(6):
        metadata.secret("<", struct.pack("<II", 1, 1 << 20) + bytes(1 << 20))
    assert 1 <= len(metadata.secrets) <= 4


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"", []),
        (b"\x01\x00\x02", []),
        (option(1, b"abc"), [(1, b"abc")]),
        (option(1, b"abc") + option(2, b""), [(1, b"abc"), (2, b"")]),
        (option(1, b"abc") + option(0, b"") + option(2, b"behind the end"), [(1, b"abc")]),
        (option(1, b"abc") + struct.pack("<HH", 2, 500) + b"short", [(1, b"abc")]),
    ],
)
def test_options_as_far_as_they_are_whole(body: bytes, found: list[tuple[int, bytes]]) -> None:
    assert list(options("<", b"head" + body, 4)) == found


@pytest.mark.parametrize("kind", [1, 4, 5, 10])
@pytest.mark.parametrize("size", [0, 4, 8, 12])
def test_blocks_too_short_for_their_kind_do_not_raise(kind: int, size: int) -> None:
    data = shb() + block(kind, b"\xff" * size) + idb() + epb(Record(b"a"))
    reading = read(data)
    assert reading.data == [b"a"]
    assert reading.problems == []
