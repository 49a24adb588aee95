"""What is counted packet by packet: protocols, bytes, times, cut packets, copies; scapy says what it should be."""

from __future__ import annotations

import struct
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz.capture.batch import NO_TIME, Batch
from netviz.capture.source import open_capture
from netviz.survey import Survey
from tests.make import (
    START,
    Record,
    batch_of,
    ethernet,
    frame,
    icmp,
    ipv4,
    ipv6,
    pcap,
    pcapng,
    read,
    spb,
    tcp,
    udp,
)
from tests.make import idb as described
from tests.make import shb as section


def _survey(*batches: Batch) -> Survey:
    survey = Survey()
    for batch in batches:
        survey.feed(batch)
    return survey


def _counts(survey: Survey) -> dict[tuple[str, str], int]:
    return {(share.under, share.name): share.packets for share in survey.shares}


def _of(path: Path) -> Survey:
    return _survey(*open_capture(path))


_PACKETS: list[tuple[bytes, list[tuple[str, str]]]] = [
    (frame(), [("", "IPv4"), ("IP", "TCP")]),
    (ethernet(ipv6(tcp())), [("", "IPv6"), ("IP", "TCP")]),
    (ethernet(ipv4(tcp()), tags=[(0x8100, 7)]), [("", "IPv4"), ("IP", "TCP")]),
    (ethernet(ipv4(udp(5000, 53, b"x"), protocol=17)), [("", "IPv4"), ("IP", "UDP"), ("UDP", "DNS")]),
    (ethernet(ipv6(udp(546, 547), protocol=17)), [("", "IPv6"), ("IP", "UDP"), ("UDP", "DHCPv6")]),
    (ethernet(ipv4(icmp(8, 0), protocol=1)), [("", "IPv4"), ("IP", "ICMP")]),
    (ethernet(ipv6(icmp(135, 0), protocol=58)), [("", "IPv6"), ("IP", "ICMPv6")]),
    (ethernet(ipv4(b"", protocol=47)), [("", "IPv4"), ("IP", "GRE")]),
    (ethernet(ipv4(b"", protocol=253)), [("", "IPv4"), ("IP", "other")]),
    (ethernet(ipv4(tcp(), fragment=0x2000)), [("", "IPv4"), ("IP", "fragments")]),
    (ethernet(bytes(28), kind=0x0806), [("", "ARP")]),
    (ethernet(bytes(28), kind=0x88CC), [("", "LLDP")]),
    (ethernet(bytes(28), kind=0x1234), [("", "other")]),
    (ethernet(bytes(28), kind=0x0020), [("", "other")]),
    (ethernet(ipv4(udp()[:5], protocol=17)), [("", "IPv4"), ("IP", "UDP")]),
    (ethernet(ipv4(tcp()[:10])), [("", "IPv4"), ("IP", "TCP")]),
    (ethernet(b"\x45"), [("", "IPv4")]),
    (b"", [("", "other")]),
]


@pytest.mark.parametrize(("packet", "expected"), _PACKETS)
def test_protocols_of_a_packet(packet: bytes, expected: list[tuple[str, str]]) -> None:
    survey = _survey(batch_of(packet))
    assert _counts(survey) == dict.fromkeys(expected, 1)
    assert all((share.bytes, share.first) == (len(packet), 1) for share in survey.shares)


def test_protocols_of_many_packets_however_they_come() -> None:
    packets = [packet for packet, _ in _PACKETS]
    expected = Counter(place for _, places in _PACKETS for place in places)
    whole = _survey(batch_of(*packets))
    single = _survey(*(batch_of(packet, first=number) for number, packet in enumerate(packets, 1)))
    assert _counts(whole) == _counts(single) == dict(expected)
    assert whole.shares == single.shares
    assert next(share.first for share in whole.shares if share.name == "GRE") == 8


def test_those_of_the_network_come_first_then_the_greatest() -> None:
    survey = _survey(batch_of(*(packet for packet, _ in _PACKETS)))
    unders = [share.under for share in survey.shares]
    assert unders == sorted(unders, key=["", "IP", "UDP"].index)
    networks = [share for share in survey.shares if not share.under]
    assert networks[-1].name == "other"
    assert [share.bytes for share in networks[:-1]] == sorted((share.bytes for share in networks[:-1]), reverse=True)


def test_bytes_are_those_on_the_wire() -> None:
    survey = _survey(batch_of(frame(), frame(payload=b"x" * 40), wire=[54, 1500]))
    assert (survey.captured, survey.wire, survey.cut, survey.longest_cut) == (54 + 94, 1554, 1, 94)
    assert all(share.bytes == 1554 for share in survey.shares)


def test_nothing() -> None:
    survey = _survey(Batch.empty(1))
    assert (survey.count, survey.shares, survey.span.length) == (0, (), None)


@pytest.mark.parametrize(
    ("times", "earliest", "latest", "unordered", "untimed"),
    [
        ([5, 6, 9], 5, 9, 0, 0), ([9, 5, 6], 5, 9, 1, 0), ([5, 5, 5], 5, 5, 0, 0), ([3, 2, 1], 1, 3, 2, 0),
        ([NO_TIME, 5, 4], 4, 5, 1, 1), ([5, NO_TIME, 6], 5, 6, 0, 1), ([NO_TIME], None, None, 0, 1), ([0], 0, 0, 0, 0),
        ([5, NO_TIME, 4], 4, 5, 1, 1), ([-7, 3], -7, 3, 0, 0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("apart", [False, True])
def test_times(times: list[int], earliest: int, latest: int, unordered: int, untimed: int, apart: bool) -> None:
    def timed(numbers: list[int], first: int) -> Batch:
        made = batch_of(*([frame()] * len(numbers)), first=first)
        made.time[:] = numbers
        return made

    batches = [timed([time], number) for number, time in enumerate(times, 1)] if apart else [timed(times, 1)]
    span = _survey(*batches).span
    assert (span.earliest, span.latest, span.unordered, span.untimed) == (earliest, latest, unordered, untimed)
    assert span.start == next((time for time in times if time != NO_TIME), None)
    assert span.length == (None if earliest is None else latest - earliest)


def test_packets_without_a_time_in_a_file() -> None:
    data = section() + described() + spb(Record(frame())) + spb(Record(frame()))
    survey = _survey(*read(data).batches)
    assert (survey.count, survey.span.untimed, survey.span.length) == (2, 2, None)


def _numbered(number: int, seq: int, source: int = 40_000) -> bytes:
    """A segment whose IPv4 identification is this number."""
    made = bytearray(ethernet(ipv4(tcp(source=source, seq=seq, flags=24, payload=b"data"))))
    struct.pack_into("!H", made, 18, number)
    return bytes(made)


def test_packets_that_came_twice() -> None:
    twice = [_numbered(n, 1000 + 4 * n) for n in range(20) for _ in range(2)]
    assert _survey(batch_of(*twice)).repeated == (20, 40)
    apart = [_numbered(n, 1000 + 4 * n) for pair in range(10) for n in (2 * pair, 2 * pair + 1) * 2]
    assert _survey(batch_of(*apart)).repeated == (20, 40)


def test_what_tcp_sends_again_is_no_copy() -> None:
    again = [_numbered(n, 1000) for n in range(20)]
    assert _survey(batch_of(*again)).repeated == (0, 20)
    others = [_numbered(1, 1000, source=port) for port in range(20)]
    assert _survey(batch_of(*others)).repeated == (0, 20)


def test_a_copy_is_known_whatever_lies_below() -> None:
    packets = [packet for n in range(5) for packet in (_numbered(n, 4 * n), _numbered(n, 4 * n)[:12] + b"\x81\0\0\1\x08\0" +
               _numbered(n, 4 * n)[14:])]  # fmt: skip
    assert _survey(batch_of(*packets)).repeated == (5, 10)


def test_not_all_segments_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netviz.survey._COMPARED", 4)
    survey = _survey(*(batch_of(frame(), frame(), first=first) for first in (1, 3, 5, 7)))
    assert survey.repeated == (2, 4)


def _oracle(path: Path) -> tuple[dict[tuple[str, str], int], int, int]:
    """Packets of each protocol, bytes on the wire, and how many packets, as scapy reads them."""
    from scapy.layers.inet import ICMP, IP, TCP, UDP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.l2 import ARP
    from scapy.utils import PcapReader

    counts: Counter[tuple[str, str]] = Counter()
    size = packets = 0
    with PcapReader(str(path)) as reader:
        for packet in reader:
            packets += 1
            size += packet.wirelen or len(packet)
            for under, name, layer in (("", "IPv4", IP), ("", "IPv6", IPv6), ("", "ARP", ARP), ("IP", "TCP", TCP),
                                       ("IP", "UDP", UDP), ("IP", "ICMP", ICMP)):  # fmt: skip
                counts[under, name] += layer in packet
    return {place: count for place, count in counts.items() if count}, size, packets


def test_as_scapy_counts(capture: Path) -> None:
    if capture.name.startswith("cut-file"):
        pytest.skip("scapy counts the record that was cut off")
    expected, size, packets = _oracle(capture)
    survey = _of(capture)
    ours = _counts(survey)
    assert (survey.count, survey.wire) == (packets, size)
    assert {place: ours.get(place, 0) for place in expected} == expected


def test_both_loops_count_the_same(capture: Path, loops: None) -> None:
    survey = _of(capture)
    for under in ("", "IP"):
        shares = [share for share in survey.shares if share.under == under]
        if not under:
            assert sum(share.packets for share in shares) == survey.count
        else:
            assert sum(share.packets for share in shares) <= survey.count


@settings(deadline=None, max_examples=60)
@given(st.lists(st.binary(max_size=120), min_size=1, max_size=6), st.sampled_from([1, 113, 276, 0, 101, 105, -1]))
def test_any_bytes_are_counted(packets: list[bytes], link: int) -> None:
    survey = _survey(batch_of(*packets, link=link))
    assert survey.count == sum(share.packets for share in survey.shares if not share.under) == len(packets)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from([packet for packet, _ in _PACKETS]), st.integers(0, 200), st.binary(max_size=8))
def test_any_cut_packet_is_counted(packet: bytes, length: int, noise: bytes) -> None:
    at = min(length, len(packet))
    survey = _survey(batch_of(packet[:at] + noise, frame()))
    assert survey.count == sum(share.packets for share in survey.shares if not share.under) == 2


def test_formats_agree() -> None:
    records = [Record(frame(), START + n) for n in range(3)] + [Record(frame()[:40], START + 5, 54)]
    surveys = [_survey(*read(data).batches) for data in (pcap(records, unit=1), pcapng(records))]
    assert surveys[0].shares == surveys[1].shares
    assert [survey.cut for survey in surveys] == [1, 1]
    assert np.array_equal([survey.wire for survey in surveys], [216, 216])
