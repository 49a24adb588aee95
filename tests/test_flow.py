"""Segments grouped by their two endpoints."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from netviz.capture.batch import NO_TIME
from netviz.capture.file import Files
from netviz.endpoint import endpoint_code
from netviz.flow import Flows
from netviz.table import table
from tests.make import ACK, PSH, RST, START, SYN, batch_of, ethernet, ipv4, ipv6, packed, tcp

ONE, TWO = "10.0.0.1", "10.0.0.2"


def segment(port: int, flags: int, *, back: bool = False, payload: bytes = b"", options: bytes = b"") -> bytes:
    """A segment of the connection from this port, or one that answers."""
    ports = (80, port) if back else (port, 80)
    hosts = (TWO, ONE) if back else (ONE, TWO)
    return ethernet(ipv4(tcp(*ports, flags, 100, 200, 300, options, payload), *hosts))


@pytest.fixture
def two() -> Flows:
    """Two connections whose packets alternate, and an IPv6 segment between them."""
    packets = [
        segment(5000, SYN, options=b"\x02\x04\x05\xb4"),
        segment(6000, SYN),
        segment(5000, SYN | ACK, back=True),
        ethernet(ipv6(tcp(5000, 80, ACK, payload=b"six"))),
        segment(6000, RST | ACK, back=True),
        segment(5000, ACK),
        segment(5000, PSH | ACK, payload=b"hello"),
        segment(5000, ACK, back=True, payload=b"hi"),
    ]
    return Flows(table(batch_of(*packets, first=11)))


def group_of(flows: Flows, *endpoints: tuple[str, int]) -> int:
    """The group between two endpoints."""
    low, high = sorted(endpoint_code(packed(address), port) for address, port in endpoints)
    return flows.keys().index((low, high))


def packets_in(flows: Flows, group: int) -> list[int]:
    """The packet numbers of a group."""
    positions = np.arange(flows.begin[group], flows.end[group])
    return [item[2] for item in flows.items(positions)]


def test_groups_are_connections_in_packet_order(two: Flows) -> None:
    assert len(two.keys()) == 3
    assert packets_in(two, group_of(two, (ONE, 5000), (TWO, 80))) == [11, 13, 16, 17, 18]
    assert packets_in(two, group_of(two, (ONE, 6000), (TWO, 80))) == [12, 15]
    assert packets_in(two, group_of(two, ("2001:db8::1", 5000), ("2001:db8::2", 80))) == [14]


def test_items_hold_every_field(two: Flows) -> None:
    group = group_of(two, (ONE, 5000), (TWO, 80))
    begin = int(two.begin[group])
    items = list(two.items(np.arange(begin, two.end[group])))
    assert [item[:2] for item in items] == [(group, begin + i) for i in range(5)]
    assert [item[3] for item in items] == [START + i for i in (0, 2, 5, 6, 7)]
    assert [item[4] for item in items] == [0, 1, 0, 0, 1]
    assert [item[5] for item in items] == [SYN, SYN | ACK, ACK, PSH | ACK, ACK]
    assert {item[6:9] for item in items} == {(100, 200, 300)}
    assert [item[9] for item in items] == [0, 0, 0, 5, 2]


def test_items_lead_to_payload_and_options() -> None:
    packet = segment(5000, SYN, options=b"\x02\x04\x05\xb4", payload=b"early")
    batch = batch_of(packet, packet[: 14 + 20 + 22], wire=[len(packet)] * 2)
    flows = Flows(table(batch))
    whole, cut = list(flows.items(np.arange(2)))
    assert batch.buffer[whole[10] : whole[11]].tobytes() == b"early"
    assert batch.buffer[whole[12] : whole[13]].tobytes() == b"\x02\x04\x05\xb4"
    assert batch.buffer[cut[10] : cut[11]].tobytes() == b""
    assert batch.buffer[cut[12] : cut[13]].tobytes() == b"\x02\x04"
    assert (whole[9], cut[9]) == (5, 5)


def test_a_time_that_is_not_there_is_none() -> None:
    batch = batch_of(segment(5000, SYN), segment(5000, ACK))
    batch.time[0] = NO_TIME
    assert [item[3] for item in Flows(table(batch)).items(np.arange(2))] == [None, START + 1]


def test_sides_follow_the_lower_endpoint() -> None:
    """Port 80 of the lower address answers: side 0 is the server here."""
    packets = [ethernet(ipv4(tcp(5000, 80), TWO, ONE)), ethernet(ipv4(tcp(80, 5000, SYN | ACK), ONE, TWO))]
    assert [item[4] for item in Flows(table(batch_of(*packets))).items(np.arange(2))] == [1, 0]


def test_group_of_each_row(two: Flows) -> None:
    assert sorted(set(two.group.tolist())) == list(range(len(two.begin)))
    for group, (begin, end) in enumerate(zip(two.begin.tolist(), two.end.tolist(), strict=True)):
        assert two.group[two.order[begin:end]].tolist() == [group] * (end - begin)


def test_groups_of_every_capture_are_the_pairs_of_endpoints(capture: Path) -> None:
    for batch in Files([capture]):
        found = table(batch)
        expected: dict[frozenset[tuple[bytes, int]], list[int]] = defaultdict(list)
        for i, row in enumerate(found.tcp.row.tolist()):
            source, target = found.addresses(i)
            ends = frozenset([(source, int(found.tcp.source[i])), (target, int(found.tcp.target[i]))])
            expected[ends].append(batch.first + row)
        if not len(found):
            continue
        flows = Flows(found)
        groups = [packets_in(flows, group) for group in range(len(flows.begin))]
        assert sorted(groups) == sorted(expected.values())
