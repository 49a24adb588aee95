"""What is counted packet by packet: protocols, bytes, times, cut packets; scapy says what it should be."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz.capture.batch import NO_TIME, Batch
from netviz.capture.source import open_capture
from netviz.survey import Survey
from tests.conftest import CAPTURES, OTHERS
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
    pieces,
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


_DNS = udp(5000, 53, bytes(40))
_INNER = ethernet(ipv4(tcp()))
_VXLAN = bytes.fromhex("0800000000002a00")


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        (ethernet(ipv4(ipv4(tcp()), protocol=4)), ["IPv4", "IP in IP", "TCP"]),
        (ethernet(ipv4(ipv4(ipv4(tcp()), protocol=4), protocol=4)), ["IPv4", "IP in IP", "TCP"]),
        (ethernet(ipv4(ipv6(_DNS, protocol=17), protocol=41)), ["IPv4", "IPv6", "IP in IP", "UDP", "DNS"]),
        (ethernet(ipv6(ipv4(tcp()), protocol=4)), ["IPv4", "IPv6", "IP in IP", "TCP"]),
        (ethernet(ipv4(b"\0\0\x08\0" + ipv4(tcp()), protocol=47)), ["IPv4", "GRE", "TCP"]),
        (ethernet(ipv4(b"\0\0\x65\x58" + ethernet(bytes(28), kind=0x0806), protocol=47)), ["IPv4", "ARP", "GRE"]),
        (ethernet(ipv4(b"\0\0\x12\x34" + bytes(20), protocol=47)), ["IPv4", "GRE"]),
        (ethernet(ipv4(udp(9, 4789, _VXLAN + _INNER), protocol=17)), ["IPv4", "UDP", "VXLAN", "TCP"]),
        (ethernet(ipv4(udp(9, 8472, _VXLAN + ethernet(ipv4(_DNS, protocol=17))), protocol=17)),
         ["IPv4", "UDP", "VXLAN", "DNS"]),
        (ethernet(ipv4(udp(9, 6081, bytes.fromhex("0000655800002a00") + _INNER), protocol=17)),
         ["IPv4", "UDP", "GENEVE", "TCP"]),
        (ethernet(bytes.fromhex("110000010036 0021") + ipv4(tcp()), kind=0x8864), ["IPv4", "PPPoE", "TCP"]),
        (ethernet(bytes.fromhex("110000010036 c021") + bytes(9), kind=0x8864), ["PPPoE", "other"]),
        (ethernet(bytes.fromhex("110900000000"), kind=0x8863), ["PPPoE"]),
        (ethernet(bytes.fromhex("000102ff 000103ff") + ipv6(tcp()), kind=0x8847), ["IPv6", "MPLS", "TCP"]),
        (ethernet(b"\0", kind=0x8847), ["MPLS"]),
    ],
)  # fmt: skip
def test_what_is_in_a_tunnel_counts_as_well(packet: bytes, expected: list[str]) -> None:
    survey = _survey(batch_of(b"", packet), batch_of(packet, first=3))
    counts = Counter(share.name for share in survey.shares for _ in range(share.packets))
    assert counts == Counter({"other": 1}) + Counter(expected * 2)
    assert all((share.bytes, share.first) == (2 * len(packet), 2) for share in survey.shares if share.name != "other")


@pytest.mark.parametrize("first", ["bytes", "port"])
def test_by_what_a_tunnel_is_known(first: str) -> None:
    told, guessed = (ethernet(ipv4(udp(9, 4789, head + _INNER), protocol=17)) for head in (_VXLAN, bytes(8)))
    assert {share.name: share.known for share in _survey(batch_of(told)).shares}["VXLAN"] == "bytes"
    both = [told, guessed] if first == "bytes" else [guessed, told]
    (share,) = [share for share in _survey(batch_of(*both)).shares if share.name == "VXLAN"]
    assert (share.packets, share.known) == (2, "port")
    nested = ethernet(ipv4(udp(9, 4789, _VXLAN + guessed), protocol=17))
    (share,) = [share for share in _survey(batch_of(nested)).shares if share.name == "VXLAN"]
    assert (share.packets, share.bytes, share.known) == (1, len(nested), "port")


@pytest.mark.parametrize("apart", [False, True])
def test_pieces_are_counted_and_what_they_make(apart: bool) -> None:
    packets = [ethernet(piece) for piece in pieces(ipv4(_DNS, protocol=17), 16)]
    batches = [batch_of(p, first=n) for n, p in enumerate(packets, 1)] if apart else [batch_of(*packets)]
    survey = _survey(*batches)
    assert _counts(survey) == {("", "IPv4"): 3, ("IP", "fragments"): 3, ("IP", "UDP"): 1, ("UDP", "DNS"): 1}
    assert [share.first for share in survey.shares] == [1, 1, 3, 3]


@pytest.mark.parametrize("name", [
    "geneve.websocket", "gre.ipv6", "gre.websocket", "gretap.websocket", "ip-in-ip.ipv6", "ip-in-ip.websocket",
    "ip-in-ipv6.ipv6", "ip-in-ipv6.websocket", "pppoe.ipv6", "pppoe.websocket", "vxlan.websocket",
])  # fmt: skip
def test_tunnels_as_scapy_counts(name: str) -> None:
    path = OTHERS / "tunnels" / f"{name}.pcap"
    expected, size, packets = _oracle(path)
    survey = _of(path)
    ours = _counts(survey)
    assert (survey.count, survey.wire) == (packets, size)
    assert {place: ours.get(place, 0) for place in expected} == expected


@pytest.mark.parametrize("expression", ["udp", "tcp port 8765", "not tcp", "arp or icmp", "less 70", "port 3"])
@pytest.mark.parametrize("name", ["mixed", "snaplen", "refused"])
def test_what_a_filter_leaves_out_does_not_count(name: str, expression: str) -> None:
    filtered = _survey(*open_capture(CAPTURES[name], matching=expression))
    single = Survey()
    for batch in open_capture(CAPTURES[name], matching=expression):
        for row in range(len(batch)) if batch.kept is None else batch.kept.tolist():
            single.feed(batch.part(row, row + 1))
    assert filtered.shares == single.shares
    assert filtered.span == single.span
    assert filtered.span.untimed == 0
    for key in ("count", "captured", "wire", "cut", "longest_cut"):
        assert getattr(filtered, key) == getattr(single, key)


def test_numbers_of_filtered_packets_are_those_of_the_capture(loops: None) -> None:
    whole = batch_of(frame(), ethernet(bytes(28), kind=0x0806), ethernet(ipv6(tcp())), frame(), b"", first=10)
    survey = _survey(replace(whole, kept=np.array([2, 3, 4])))
    assert {share.name: share.first for share in survey.shares} == {"IPv4": 13, "IPv6": 12, "other": 14, "TCP": 12}
    assert (survey.count, survey.wire) == (3, len(frame()) * 2 + 20)


def _oracle(path: Path) -> tuple[dict[tuple[str, str], int], int, int]:
    """Packets of each protocol, bytes on the wire, and how many packets, as scapy reads them."""
    from scapy.contrib.geneve import GENEVE
    from scapy.layers.inet import ICMP, IP, TCP, UDP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.l2 import ARP, GRE
    from scapy.layers.vxlan import VXLAN
    from scapy.utils import PcapReader

    counts: Counter[tuple[str, str]] = Counter()
    size = packets = 0
    with PcapReader(str(path)) as reader:
        for packet in reader:
            packets += 1
            size += packet.wirelen or len(packet)
            for under, name, layer in (("", "IPv4", IP), ("", "IPv6", IPv6), ("", "ARP", ARP), ("IP", "TCP", TCP),
                                       ("IP", "UDP", UDP), ("IP", "ICMP", ICMP), ("IP", "GRE", GRE),
                                       ("UDP", "VXLAN", VXLAN), ("UDP", "GENEVE", GENEVE)):  # fmt: skip
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
            assert sum(share.packets for share in shares) == survey.count  # none of them has a tunnel
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
