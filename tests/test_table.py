"""The packet table: endpoint codes, counts, notices, and scapy as an independent reader of every capture."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import netviz.ordinary
from netviz.capture.batch import NO_TIME, Batch
from netviz.capture.file import Files
from netviz.endpoint import V6_CODE, endpoint_code
from netviz.table import Table, table
from tests.conftest import CAPTURES
from tests.make import batch_of, ethernet, ipv4, ipv6, packed, tcp

pytestmark = pytest.mark.usefixtures("loops")

#: What both readers say of a segment: packet, addresses, ports, seq, ack, flags, window, header, payload on the wire.
Row = tuple[int, str, str, int, int, int, int, int, int, int, int]


def ours(path: Path) -> tuple[list[Row], list[int]]:
    """The segments of a capture as netviz reads them, and the times of all packets."""
    rows: list[Row] = []
    times: list[int] = []
    for batch in Files([path]):
        found = table(batch)
        times += batch.time.tolist()
        seg = found.tcp
        chosen = (seg.source, seg.target, seg.seq, seg.ack, seg.flags, seg.window, seg.header, seg.length)
        for i, values in enumerate(zip(*(column.tolist() for column in chosen), strict=True)):
            source, target = (str(ipaddress.ip_address(address)) for address in found.addresses(i))
            rows.append((batch.first + int(seg.row[i]), source, target, *values))
    return rows, times


def theirs(path: Path) -> tuple[list[Row], list[int]]:
    """The same as scapy reads them."""
    scapy: Any = pytest.importorskip("scapy.all")
    rows: list[Row] = []
    times: list[int] = []
    with scapy.PcapReader(str(path)) as reader:
        for number, packet in enumerate(reader, 1):
            times.append(int(packet.time * 10**9))
            layer = packet.getlayer(scapy.IP) or packet.getlayer(scapy.IPv6)
            if layer is None or not isinstance(layer.payload, scapy.TCP):
                continue
            segment = layer.payload
            header = segment.dataofs * 4
            room = layer.len - layer.ihl * 4 if layer.version == 4 else layer.plen
            rows.append(
                (
                    number,
                    str(ipaddress.ip_address(layer.src)),
                    str(ipaddress.ip_address(layer.dst)),
                    segment.sport,
                    segment.dport,
                    segment.seq,
                    segment.ack,
                    int(segment.flags) & 255,
                    segment.window,
                    header,
                    room - header,
                )
            )
    return rows, times


def test_scapy_reads_the_same(capture: Path) -> None:
    rows, times = ours(capture)
    expected, expected_times = theirs(capture)
    assert expected
    if capture.stem == "cut-file":
        # scapy gives the bytes of the last packet that are there; netviz tells a problem instead.
        assert len(expected_times) == len(times) + 1
        expected, expected_times = [row for row in expected if row[0] <= len(times)], expected_times[:-1]
    assert rows == expected
    # scapy keeps times as decimal fractions: the last digit may be lost.
    assert len(times) == len(expected_times)
    assert all(abs(mine - other) <= 1 for mine, other in zip(times, expected_times, strict=True))


@pytest.mark.parametrize("name", ["snaplen", "sll", "null", "mixed", "ipv6"])
def test_endpoint_codes_are_the_vectorised_ones(name: str) -> None:
    for batch in Files([CAPTURES[name]]):
        found = table(batch)
        for i in range(len(found)):
            source, target = found.addresses(i)
            assert int(found.source[i]) == endpoint_code(source, int(found.tcp.source[i]))
            assert int(found.target[i]) == endpoint_code(target, int(found.tcp.target[i]))


@given(
    addresses=st.lists(st.tuples(st.ip_addresses(), st.integers(0, 65_535)), min_size=2, max_size=12).map(
        lambda found: found[: len(found) // 2 * 2]
    )
)
@settings(max_examples=60, deadline=None)
def test_endpoint_codes_of_any_addresses(
    addresses: list[tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]],
) -> None:
    pairs = [(a, b) for a, b in zip(addresses[::2], addresses[1::2], strict=True) if a[0].version == b[0].version]
    packets = [(ipv4 if a[0].version == 4 else ipv6)(tcp(a[1], b[1]), str(a[0]), str(b[0])) for a, b in pairs]
    found = table(batch_of(*packets, link=101))
    assert len(found) == len(pairs)
    assert found.source.tolist() == [endpoint_code(a[0].packed, a[1]) for a, _ in pairs]
    assert found.target.tolist() == [endpoint_code(b[0].packed, b[1]) for _, b in pairs]


@pytest.mark.parametrize(
    ("address", "port", "code"),
    [("0.0.0.0", 0, 0), ("10.0.0.1", 80, 0x0A00_0001_0050), ("255.255.255.255", 65_535, 0xFFFF_FFFF_FFFF)],
)
def test_codes_of_ipv4_are_address_and_port(address: str, port: int, code: int) -> None:
    assert endpoint_code(packed(address), port) == code


def test_codes_of_ipv6_are_marked_keep_the_port_and_differ() -> None:
    codes = {endpoint_code(socket.inet_pton(socket.AF_INET6, f"2001:db8::{i:x}"), 443) for i in range(3000)}
    assert len(codes) == 3000
    assert all(code & V6_CODE and code & 0xFFFF == 443 and code < 1 << 64 for code in codes)


def test_counts_and_notices_of_a_mixed_batch() -> None:
    arp = bytes(12) + b"\x08\x06" + bytes(28)
    packets = [
        ethernet(ipv4(tcp())),
        arp,
        ethernet(ipv4(bytes(8), protocol=17)),
        ethernet(ipv4(tcp() + bytes(4), fragment=0x2000)),
        ethernet(ipv4(tcp(), total=7)),
        ethernet(ipv4(tcp()))[:40],
        ethernet(ipv4(tcp()[:12] + b"\x10" + tcp()[13:])),
        ethernet(ipv6(tcp() + bytes(4), extensions=[(44, bytes.fromhex("00000100000000"))])),
        ethernet(ipv6(tcp()))[:30],
    ]
    found = table(batch_of(*packets, first=50))
    assert found.counts == {"tcp": 1, "udp": 1, "icmp": 0, "arp": 1, "packets": 9}
    assert {notice.kind: (notice.count, notice.packet) for notice in found.notices} == {
        "ip-fragment": (2, 53),
        "ip-malformed": (1, 54),
        "headers-cut": (2, 55),
        "tcp-malformed": (1, 56),
    }


def test_a_batch_without_packets() -> None:
    found = table(batch_of())
    assert (len(found), found.notices, found.icmp, found.counts["packets"]) == (0, (), (), 0)


def test_time_of_a_row() -> None:
    batch = batch_of(ethernet(ipv4(tcp())), ethernet(ipv4(tcp())))
    batch.time[1] = NO_TIME
    found = table(batch)
    assert (found.time_of(0), found.time_of(1)) == (int(batch.time[0]), None)


@given(data=st.lists(st.binary(max_size=120), max_size=8), link=st.sampled_from([0, 1, 9, 50, 51, 101, 104, 108, 113, 276]))
@settings(max_examples=100, deadline=None)
def test_noise_raises_nothing(data: list[bytes], link: int) -> None:
    found = table(batch_of(*data, link=link))
    assert len(found) + sum(notice.count for notice in found.notices) <= len(data)


@given(
    kind=st.sampled_from([0x0800, 0x86DD, 0x8864, 0x8847]),
    head=st.sampled_from([0x45, 0x46, 0x4F, 0x60]),
    rest=st.binary(min_size=10, max_size=150),
)
@settings(max_examples=150, deadline=None)
def test_noise_in_ip_raises_nothing(kind: int, head: int, rest: bytes) -> None:
    found = table(batch_of(ethernet(bytes([head]) + rest, kind)))
    assert len(found) + sum(notice.count for notice in found.notices) <= 1


def pure(batch: Batch) -> Table:
    """The table as numpy reads it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(netviz.ordinary, "native", None)
        return table(batch)


def equal(one: Table, other: Table) -> None:
    """Assert that two tables hold the same."""
    for mine, yours in zip(one.tcp[:-2], other.tcp[:-2], strict=True):
        assert mine.tolist() == yours.tolist()
    for left, right in zip(one.tcp[-2:], other.tcp[-2:], strict=True):
        assert len(left) == len(right)
    assert one.source.tolist() == other.source.tolist()
    assert one.target.tolist() == other.target.tolist()
    assert (one.icmp, one.notices) == (other.icmp, other.notices)
    assert {key: count for key, count in one.counts.items() if count} == {k: c for k, c in other.counts.items() if c}


def test_c_and_numpy_read_the_same(capture: Path) -> None:
    for batch in Files([capture]):
        equal(table(batch), pure(batch))


ORDINARY = ethernet(ipv4(tcp(options=b"\x01" * 8, payload=b"hello"), options=b"\x01" * 4), tags=[(0x8100, 5)])


@given(
    changes=st.lists(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), max_size=3), min_size=1, max_size=5),
    cut=st.integers(0, 20),
    more=st.integers(0, 3000),
)
@settings(max_examples=200, deadline=None)
def test_c_and_numpy_read_the_same_of_damaged_packets(changes: list[list[tuple[int, int]]], cut: int, more: int) -> None:
    packets = []
    for change in changes:
        packet = bytearray(ORDINARY)
        for place, value in change:
            packet[place] = value
        packets.append(bytes(packet[: len(packet) - cut]))
    batch = batch_of(*packets, wire=[len(ORDINARY) + more] * len(packets))
    equal(table(batch), pure(batch))
