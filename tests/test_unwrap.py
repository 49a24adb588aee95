"""Tunnels in tunnels, pieces in tunnels, tunnels in pieces; and captures that say the same as before they were wrapped.

The captures in captures/tunnels are those of the name behind the dot, wrapped by scapy; all but vxlan.pcapng: two Linux
machines with a WebSocket over a VXLAN whose packets are too long for what is below, so that some travel in pieces.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netviz.analysis import Analysis, trace
from netviz.capture.file import Files
from netviz.capture.source import open_capture
from netviz.event import Anatomy, CaptureProblem, Event, WebSocketMessage
from netviz.layers.fragments import Fragments
from netviz.layers.layer import Wanted
from netviz.samples import samples
from netviz.table import Table, table
from netviz.unwrap import unwrap
from tests.conftest import OTHERS
from tests.make import ACK, PSH, batch_of, ethernet, icmp, ipv4, ipv6, pieces, tcp, udp
from tests.run import ROOT, inside
from tests.wire import cut

pytestmark = pytest.mark.usefixtures("loops")

CAPTURES = {path.stem: path for path in sorted((OTHERS / "tunnels").glob("*.pcap"))}
REAL = OTHERS / "tunnels" / "vxlan.pcapng"

INNER = ipv4(tcp(51_000, 443, PSH | ACK, payload=bytes(range(200))), "192.0.2.7", "198.51.100.9")


def vxlan(frame: bytes) -> bytes:
    """An IPv4 packet with VXLAN in it."""
    return ipv4(udp(33_333, 4789, bytes.fromhex("0800000000002a00") + frame), protocol=17)


def kinds(found: Table) -> list[tuple[str, int, int]]:
    """What is not decoded, how often, and where first."""
    return [(notice.kind, notice.count, notice.packet) for notice in found.notices]


def carried(found: Table, packets: list[bytes], index: int = 0) -> bytes:
    """The payload of a segment as the packets hold it that are said to have carried it."""
    row = int(found.tcp.row[index])
    place = int(found.tcp.payload[index] - found.batch.offset[row])
    origins = found.origins(found.batch.first + row, place, int(found.tcp.captured[index]))
    return b"".join(packets[packet - 1][where : where + length] for _, length, packet, where in origins)


# Captures


def numbers(path: Path) -> dict[int, int]:
    """For each packet of a wrapped capture the number of the original, which came at the same time."""
    wrapped = [time for batch in Files([path]) for time in batch.time.tolist()]
    original = [time for batch in Files([samples()[path.stem.split(".")[1]]]) for time in batch.time.tolist()]
    assert len(set(original)) == len(original)
    return {number: original.index(time) + 1 for number, time in enumerate(wrapped, 1)}


def plain(value: Any, known: dict[int, int], key: str = "") -> Any:
    """A value of JSON with packet numbers of the original capture, each once and in order."""
    if isinstance(value, dict):
        return {name: plain(inner, known, name) for name, inner in value.items()}
    if isinstance(value, list):
        if "packet" in key and all(isinstance(inner, int) for inner in value):
            return sorted({known[inner] for inner in value})
        return [plain(inner, known, key) for inner in value]
    return known[value] if key.endswith("packet") and isinstance(value, int) else value


@pytest.mark.parametrize("command", ["handshake", "ws-trace"])
@pytest.mark.parametrize("name", CAPTURES)
def test_wrapped_captures_say_the_same(name: str, command: str) -> None:
    path, original = CAPTURES[name], samples()[name.split(".")[1]]
    known = numbers(path)
    runs = [inside(command, str(one.relative_to(ROOT)), "--json") for one in (path, original)]
    assert [(run.status, run.err) for run in runs] == [(0, "")] * 2
    found, expected = ([json.loads(line) for line in run.out.splitlines()] for run in runs)
    assert len(found) == len(expected) > 0
    same = {number: number for number in range(len(known) + 1)}
    for mine, theirs in zip(found, expected, strict=True):
        assert plain(mine, known) == plain(theirs, same)


@pytest.mark.parametrize("path", [*CAPTURES.values(), REAL], ids=lambda path: path.stem)
def test_batches_do_not_matter(path: Path) -> None:
    for wanted in (None, Wanted(), Wanted(contents=False)):
        whole = list(map(repr, events(path, wanted, 0)))
        for size in (1, 2, 7):
            assert list(map(repr, events(path, wanted, size))) == whole


def events(path: Path, wanted: Wanted | None, size: int) -> Iterator[Event]:
    """All events of a capture, so many packets at a time."""
    analysis = Analysis(wanted=wanted)
    for batch in open_capture(path):
        for part in cut(batch, size):
            yield from analysis.feed(part)
    yield from analysis.close()


def test_real_vxlan_in_pieces() -> None:
    told = list(trace(open_capture(REAL)))
    messages = [event for event in told if isinstance(event, WebSocketMessage)]
    assert not any(isinstance(event, CaptureProblem) for event in told)
    assert [(one.side, one.content) for one in messages[:8]] == [
        (side, content)
        for content in ("the ferry leaves pier 4 at 07:35", "x" * 3000, b"\x00\x01binary", "y" * 1500)
        for side in (0, 1)
    ]
    assert messages[2].packets[:2] == (22, 23)  # the first segment of the long message came in two pieces


def test_frames_of_real_vxlan_name_what_their_packets_cost() -> None:
    (anatomy,) = (e for e in events(REAL, Wanted(anatomy=(None, 3)), 0) if isinstance(e, Anatomy))
    first, second = anatomy.layers[:2]
    assert first.headers == (("Ethernet", 14), ("IPv4", 20), ("tunnel", 50), ("TCP", 32))
    assert second.headers == (("Ethernet", 14), ("IPv4", 20))
    assert (first.packet, second.packet, first.payload + second.payload) == (22, 23, 1448)
    assert 14 + 20 + 50 + 32 + first.payload == 1514
    assert all(sum(size for _, size in cost.headers) for cost in anatomy.layers)


# Levels


def deep(levels: int, packet: bytes = INNER) -> bytes:
    """A packet in so many tunnels."""
    for level in range(levels):
        packet = ipv4(packet, protocol=4) if level % 2 else ipv6(packet, protocol=4)
    return packet


def test_tunnels_in_tunnels_up_to_a_depth() -> None:
    assert table(batch_of(*map(deep, range(9)), link=101)).tcp.row.tolist() == list(range(9))
    found = table(batch_of(INNER, deep(9), deep(300), link=101))
    assert found.tcp.row.tolist() == [0]
    assert kinds(found) == [("tunnel-unknown", 2, 2)]
    assert found.notices[0].text == "in more tunnels than netviz unwraps: what is inside is not decoded"


def test_problems_inside_are_told_with_those_outside() -> None:
    bad = ipv4(tcp(), total=7)
    found = table(batch_of(INNER, bad, ipv4(bad, protocol=4), vxlan(ethernet(bad)), vxlan(ethernet(bad)[:20]), link=101))
    assert kinds(found) == [("ip-malformed", 3, 2), ("headers-cut", 1, 5)]


def test_only_the_innermost_counts() -> None:
    arp = vxlan(bytes(12) + b"\x08\x06" + bytes(28))
    echo = ipv4(ipv4(icmp(8, 0), protocol=1), protocol=4)
    found = table(batch_of(vxlan(ethernet(INNER)), vxlan(ethernet(ipv4(udp(), protocol=17))), arp, echo, link=101))
    assert found.counts == {"tcp": 1, "udp": 1, "icmp": 1, "arp": 1, "packets": 4}


def test_icmp_errors_in_tunnels_and_in_pieces() -> None:
    error = ipv4(icmp(3, 1, INNER), "192.0.2.1", protocol=1)
    parts = pieces(error, 48)
    found = table(batch_of(*parts, vxlan(ethernet(error)), error, link=101))
    assert [(quoted.row, quoted.sender) for quoted in found.icmp] == [
        (row, bytes([192, 0, 2, 1])) for row in (len(parts) - 1, len(parts), len(parts) + 1)
    ]
    assert len({quoted.quote for quoted in found.icmp}) == 1
    assert found.notices == ()


def test_a_tunnel_in_pieces() -> None:
    packets = [ethernet(part) for part in pieces(vxlan(ethernet(INNER)), 64)]
    found = table(batch_of(*packets))
    assert found.tcp.row.tolist() == [len(packets) - 1]
    assert carried(found, packets) == bytes(range(200))
    costs = [cost for number in range(1, len(packets) + 1) if (cost := found.cost(number)) is not None]
    assert [cost.packet for cost in costs] == list(range(1, len(packets) + 1))
    assert sum(cost.payload for cost in costs) == 200
    for cost, packet in zip(costs, packets, strict=True):
        assert sum(size for _, size in cost.headers) + cost.payload == len(packet)
    assert found.cost(len(packets) + 1) is None


def test_pieces_in_a_tunnel() -> None:
    packets = [ethernet(vxlan(ethernet(part))) for part in pieces(INNER, 64)]
    found = table(batch_of(*packets))
    assert found.tcp.row.tolist() == [len(packets) - 1]
    assert carried(found, packets) == bytes(range(200))
    cost = found.cost(2)
    assert cost is not None
    assert cost.headers == (("Ethernet", 14), ("IPv4", 20), ("UDP", 8), ("VXLAN", 8), ("Ethernet", 14), ("IPv4", 20))
    assert cost.payload == 64


def test_pieces_in_a_tunnel_in_pieces() -> None:
    """Every piece of the inner packet is carried by two of the outer ones."""
    outer = [pieces(vxlan(ethernet(part)), 80, number=n) for n, part in enumerate(pieces(INNER, 64))]
    packets = [ethernet(part) for parts in outer for part in parts]
    assert len(packets) > 2 * len(outer) - 2
    for order in (packets, packets[::-1]):
        found = table(batch_of(*order))
        assert (len(found), found.notices) == (1, ())
        assert carried(found, order) == bytes(range(200))


@pytest.mark.parametrize("times", [1, 2, 7, 8, 20])
def test_pieces_of_pieces_end(times: int) -> None:
    """The last piece of a datagram, in pieces, of which the last is in pieces, again and again."""
    packets = pieces(ipv6(tcp(payload=bytes(range(100)))), 64)
    for number in range(101, 100 + times):
        packets += pieces(packets.pop(), 8, number=number)
    found = table(batch_of(*packets, link=101))
    if times <= 8:
        assert (found.tcp.length.tolist(), found.notices) == ([100], ())
        assert carried(found, packets) == bytes(range(100))
    else:
        assert len(found) == 0
        assert ("tunnel-unknown", 1, len(packets)) in kinds(found)


def test_rows_in_between_stay_in_order() -> None:
    first, last = pieces(INNER, 128)
    packets = [ethernet(packet) for packet in (first, INNER, vxlan(ethernet(INNER)), last, INNER)]
    found = table(batch_of(*packets, first=100))
    assert found.tcp.row.tolist() == [1, 2, 3, 4]
    assert found.tcp.length.tolist() == [200] * 4
    assert [origin.packet for origin in found.origins(103, 40, 200)] == [100, 103]
    assert [origin.packet for origin in found.origins(102, 0, 10)] == [102]
    assert sorted(found.reassembled) == [3]
    # In the Batch of the Table the row is the whole datagram; the one that was given stays as it was.
    assert found.batch.packet(103)[20:] == INNER[20:]


def test_the_batch_that_was_given_is_not_changed() -> None:
    packets = [ethernet(part) for part in pieces(INNER, 128)]
    batch = batch_of(*packets)
    table(batch)
    assert [batch.packet(number) for number in (1, 2)] == packets


def test_nothing_is_unwrapped_where_there_is_nothing() -> None:
    batch = batch_of(*[ethernet(INNER)] * 3)
    found = unwrap(batch, batch.offset, Fragments())
    assert (len(found.levels), found.wholes, len(found.deep)) == (1, {}, 0)
    assert table(batch).batch is batch


def test_scapy_unwraps_the_same() -> None:
    """The innermost TCP segment of every tunnel that is not in pieces, by an independent reader."""
    scapy: Any = pytest.importorskip("scapy.all")
    scapy.load_layer("vxlan")
    for kind in ("gre", "ip-in-ip", "ip-in-ipv6", "pppoe"):
        path = CAPTURES[f"{kind}.websocket"]
        (batch,) = (part for part in Files([path]) if len(part))
        found = table(batch)
        theirs = []
        for number, packet in enumerate(scapy.rdpcap(str(path))):
            segment = packet.getlayer(scapy.TCP)
            if segment is not None:
                theirs.append((number, segment.sport, segment.dport, segment.seq, segment.ack, segment.window))
        seg = found.tcp
        columns = (seg.row, seg.source, seg.target, seg.seq, seg.ack, seg.window)
        assert list(zip(*(column.tolist() for column in columns), strict=True)) == theirs
