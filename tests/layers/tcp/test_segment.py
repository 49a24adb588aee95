"""TCP headers as columns: known bytes, every flag, headers that are wrong."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz.layers.tcp.flags import flag_names
from netviz.layers.tcp.segment import Segments
from netviz.table import table
from tests.make import batch_of, ipv4, ipv6, tcp

pytestmark = pytest.mark.usefixtures("loops")

#: A SYN, a SYN-ACK and data as they were captured: TCP bytes, then what they say.
KNOWN = {
    "SYN": (
        "9c40 0050 000003e8 00000000 a0 02 faf0 0000 0000 020405b4 0402080a 0000000100000000 01030307",
        (40_000, 80, 1000, 0, 2, 64_240, 40, 0),
    ),
    "SYN-ACK": (
        "0050 9c40 ffffffff 000003e9 60 12 fe88 0000 0000 020405b4",
        (80, 40_000, 0xFFFF_FFFF, 1001, 0x12, 65_160, 24, 0),
    ),
    "data": ("9c40 0050 000003e9 00000000 50 18 0000 0000 0000 68656c6c6f", (40_000, 80, 1001, 0, 0x18, 0, 20, 5)),
    "all flags": ("ffff 0001 80000000 80000001 50 ff ffff 0000 0000", (65_535, 1, 1 << 31, (1 << 31) + 1, 255, 65_535, 20, 0)),
    "reserved bits are no header length": ("0001 0002 00000000 00000000 5f 10 0001 0000 0000", (1, 2, 0, 0, 16, 1, 20, 0)),
    "longest header": ("0001 0002 00000000 00000000 f0 10 0001 0000 0000" + "01" * 40, (1, 2, 0, 0, 16, 1, 60, 0)),
}


def columns(found: Segments, index: int) -> tuple[int, ...]:
    """The values of one segment."""
    chosen = (found.source, found.target, found.seq, found.ack, found.flags, found.window, found.header, found.length)
    return tuple(int(column[index]) for column in chosen)


@pytest.mark.parametrize("name", KNOWN)
def test_known_bytes(name: str) -> None:
    text, values = KNOWN[name]
    found = table(batch_of(ipv4(bytes.fromhex(text)), ipv6(bytes.fromhex(text)), link=101)).tcp
    assert columns(found, 0) == values
    assert columns(found, 1) == values


def test_places_lead_to_the_bytes() -> None:
    first, second = ipv4(tcp(payload=b"hello")), ipv6(tcp(options=b"\x01" * 8, payload=b"good bye"))
    batch = batch_of(first, second, link=101)
    found = table(batch).tcp
    payloads = [
        batch.buffer[start : start + size].tobytes()
        for start, size in zip(found.payload.tolist(), found.captured.tolist(), strict=True)
    ]
    assert payloads == [b"hello", b"good bye"]
    assert found.at.tolist() == [20, len(first) + 40]
    assert found.ip.tolist() == [0, len(first)]
    assert found.version.tolist() == [4, 6]


@given(
    source=st.integers(0, 65_535),
    target=st.integers(0, 65_535),
    seq=st.integers(0, 2**32 - 1),
    ack=st.integers(0, 2**32 - 1),
    flags=st.integers(0, 255),
    window=st.integers(0, 65_535),
    options=st.binary(max_size=40),
    payload=st.binary(max_size=60),
)
@settings(max_examples=60, deadline=None)
def test_every_field(
    source: int, target: int, seq: int, ack: int, flags: int, window: int, options: bytes, payload: bytes
) -> None:
    segment = tcp(source, target, flags, seq, ack, window, options, payload)
    found = table(batch_of(ipv4(segment), link=101)).tcp
    header = len(segment) - len(payload)
    assert columns(found, 0) == (source, target, seq, ack, flags, window, header, len(payload))


@pytest.mark.parametrize("offset", range(5))
def test_a_header_shorter_than_twenty_bytes_is_malformed(offset: int) -> None:
    segment = bytearray(tcp())
    segment[12] = offset << 4
    decoded = table(batch_of(ipv4(tcp()), ipv4(bytes(segment)), link=101))
    assert [(notice.kind, notice.count, notice.packet) for notice in decoded.notices] == [("tcp-malformed", 1, 2)]
    assert decoded.tcp.row.tolist() == [0]


def test_a_header_longer_than_its_packet_is_malformed() -> None:
    segment = bytearray(tcp(payload=b"abcd"))
    segment[12] = 7 << 4
    decoded = table(batch_of(ipv4(bytes(segment)), ipv4(tcp()), link=101))
    assert [(notice.kind, notice.count, notice.packet) for notice in decoded.notices] == [("tcp-malformed", 1, 1)]


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        (0, "no flags"),
        (2, "SYN"),
        (0x12, "SYN, ACK"),
        (0x18, "PSH, ACK"),
        (0x11, "FIN, ACK"),
        (4, "RST"),
        (0xC2, "SYN, ECE, CWR"),
        (255, "FIN, SYN, RST, PSH, ACK, URG, ECE, CWR"),
    ],
)
def test_flag_names(flags: int, names: str) -> None:
    assert flag_names(flags) == names
