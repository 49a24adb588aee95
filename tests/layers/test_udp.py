"""What datagrams carry: QUIC, STUN and DTLS by their bytes, others by their ports."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz.capture.batch import PADDING
from netviz.layers.udp import QUIC, Uses
from tests.make import udp

#: A long header of QUIC: form and fixed bit, version, a connection ID of eight bytes, one of none, and something behind.
_V1, _V2, _DRAFT = bytes.fromhex("00000001"), bytes.fromhex("6b3343cf"), bytes.fromhex("ff00001d")


def _long(version: bytes, first: int = 0xC3, length: int = 8) -> bytes:
    return bytes([first]) + version + bytes([length]) + bytes(range(8)) + b"\0" + bytes(20)


_SHORT = b"\x47" + bytes(30)
_STUN = bytes.fromhex("0001 0000 2112a442") + bytes(12)
_DTLS = bytes.fromhex("16 fefd 0000000000000000 0010") + bytes(16)


_THERE = (1 << 16, 2 << 16)


def _tell(*datagrams: bytes, uses: Uses | None = None, addresses: tuple[int, int] = _THERE) -> list[tuple[str, str]]:
    """For each datagram what it is and how that is known."""
    sizes = np.array([len(datagram) for datagram in datagrams])
    start = np.cumsum(sizes) - sizes
    buffer = np.frombuffer(b"".join(datagrams) + bytes(PADDING), np.uint8)
    source, target = (np.full(len(datagrams), address, np.uint64) for address in addresses)
    told: list[tuple[str, str]] = [("nothing", "")] * len(datagrams)
    for name, known, these in (uses or Uses()).tell(buffer, start, start + sizes, source, target):
        for place in np.flatnonzero(these).tolist():
            assert told[place] == ("nothing", ""), "told twice"
            told[place] = name, known
    return told


@pytest.mark.parametrize(
    ("payload", "ports", "expected"),
    [
        (_long(_V1), (50000, 443), (QUIC, "bytes")), (_long(_V1), (50000, 31337), (QUIC, "bytes")),
        (_long(_V2), (443, 50000), (QUIC, "bytes")), (_long(_DRAFT), (50000, 4433), (QUIC, "bytes")),
        (_long(_V1, length=20), (50000, 443), (QUIC, "bytes")), (_long(_V1, length=21), (50000, 443), ("port 443", "port")),
        (_long(_V1, first=0x83), (50000, 443), ("port 443", "port")), (_long(bytes(4)), (50000, 9), ("other", "port")),
        (_long(_V1)[:6], (50000, 9), ("other", "port")), (_SHORT, (50000, 443), ("port 443", "port")),
        (_STUN, (50000, 3478), ("STUN", "bytes")), (_STUN[:19], (50000, 3478), ("other", "port")),
        (_DTLS, (50000, 50001), ("DTLS", "bytes")), (_DTLS[:12], (50000, 50001), ("other", "port")),
        (b"", (68, 67), ("DHCP", "port")), (b"x", (5353, 5353), ("mDNS", "port")), (b"x", (50000, 53), ("DNS", "port")),
        (b"x", (53, 50000), ("DNS", "port")), (b"", (1, 2), ("other", "port")), (b"", (0, 65535), ("other", "port")),
        (b"x" * 30, (4789, 4789), ("VXLAN", "port")),
    ],
)  # fmt: skip
def test_uses(payload: bytes, ports: tuple[int, int], expected: tuple[str, str]) -> None:
    assert _tell(udp(*ports, payload)) == [expected]


def test_who_began_with_quic_goes_on_with_it_in_both_directions() -> None:
    uses = Uses()
    assert _tell(udp(50000, 443, _SHORT), uses=uses, addresses=_THERE) == [("port 443", "port")]
    assert _tell(udp(50000, 443, _long(_V1)), uses=uses, addresses=_THERE) == [(QUIC, "bytes")]
    assert _tell(udp(50000, 443, _SHORT), uses=uses, addresses=_THERE) == [(QUIC, "bytes")]
    assert _tell(udp(443, 50000, _SHORT), uses=uses, addresses=_THERE[::-1]) == [(QUIC, "bytes")]
    assert _tell(udp(50001, 443, _SHORT), uses=uses, addresses=_THERE) == [("port 443", "port")]
    assert _tell(udp(50000, 443, _SHORT), uses=uses, addresses=(3 << 16, 2 << 16)) == [("port 443", "port")]


def test_a_whole_batch() -> None:
    datagrams = [udp(50000, 443, _long(_V1)), udp(1, 53, b"x"), udp(50000, 443, _SHORT), udp(7, 8, _STUN), udp(7, 8, b"")]
    assert [name for name, _ in _tell(*datagrams)] == [QUIC, "DNS", QUIC, "STUN", "other"]


def test_memory_of_flows_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netviz.layers.udp._MOST_FLOWS", 3)
    uses = Uses()
    for port in range(1000, 1010):
        assert _tell(udp(port, 443, _long(_V1)), uses=uses) == [(QUIC, "bytes")]
    known = [_tell(udp(port, 443, _SHORT), uses=uses)[0][0] for port in range(1000, 1010)]
    assert known.count(QUIC) == 3


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 65535), st.binary(max_size=40)), min_size=1, max_size=8))
def test_each_datagram_is_told_once_whatever_it_holds(datagrams: list[tuple[int, int, bytes]]) -> None:
    assert all(name != "nothing" for name, _ in _tell(*(udp(*datagram) for datagram in datagrams)))
