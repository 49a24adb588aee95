"""Which segment belongs to which connection: ports used again, numbering, what is let go and when, floods."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest

from netviz.analysis import Analysis
from netviz.capture.metadata import Metadata
from netviz.capture.stream import read_capture
from netviz.connection import Connection
from netviz.event import TcpConnection, Traffic
from netviz.table import table
from netviz.tracker import Tracker
from tests.wire import ACK, FIN, PSH, RST, START, SYN, TICK, Packet, Wire, batches, connections, cut, weave

_SIZES = [0, 1, 2, 5]
_FLOOD, _MOST = 120_000, 50_000


def _told(wire: Wire, size: int) -> list[tuple[str, int]]:
    """Outcome and packets of each connection."""
    return [(c.outcome, sum(t.packets for t in c.traffic)) for c in wire.connections(size)]


_REUSE: dict[str, tuple[Wire, list[tuple[str, int]]]] = {
    "after both FINs": (
        Wire().open().close().isn(9000, 8000).open(), [("established", 6), ("established", 3)]),
    "after both FINs with the same number": (
        Wire().open().close().isn(1000, 5000).open(), [("established", 6), ("established", 3)]),
    "after a reset": (Wire().open().server(RST).isn(9000, 8000).open(), [("established", 4), ("established", 3)]),
    "after a refusal": (
        Wire().client(SYN).server(RST | ACK, seq=0).isn(9000, 8000).client(SYN).server(RST | ACK, seq=0),
        [("refused", 2), ("refused", 2)]),
    "with another number while open": (
        Wire().open().isn(9000, 8000).open().close(), [("established", 3), ("established", 6)]),
    "with another number while nobody answers": (
        Wire().client(SYN).isn(2000, 1).client(SYN).isn(3000, 1).client(SYN), [("unanswered", 1)] * 3),
    "with the same number: repeated": (
        Wire().client(SYN).client(SYN, seq=1000).client(SYN, seq=1000), [("unanswered", 3)]),
    "SYN repeated in an open connection": (Wire().open().client(SYN, seq=1000), [("established", 4)]),
    "half-closed before": (
        Wire().open().client(FIN | ACK).server(ACK).isn(9000, 8000).open(), [("established", 5), ("established", 3)]),
    "joined in the middle before": (
        Wire().client(ACK, b"x").server(ACK).isn(9000, 8000).open(), [("partial", 2), ("established", 3)]),
    "joined in the middle, then a SYN-ACK": (
        Wire().client(ACK, b"x").server(ACK).isn(9000, 8000).client(SYN, lost=True).server(SYN | ACK).client(ACK),
        [("partial", 2), ("partial", 2)]),
    "by the other end": (
        Wire().open().close().server(SYN, seq=77).client(SYN | ACK, seq=88).server(ACK),
        [("established", 6), ("established", 3)]),
    "five times": (
        Wire().open().close().isn(1, 2).open().close().isn(3, 4).client(SYN).isn(5, 6).open().close().isn(7, 8).open(),
        [("established", 6), ("established", 6), ("unanswered", 1), ("established", 6), ("established", 3)]),
    "numbers that wrap are no reuse": (Wire(isn=(0xFFFFFFFF, 0xFFFFFFFF)).open().close(), [("established", 6)]),
    "late ACK of the last one": (
        Wire().open().close().client(ACK).isn(9000, 8000).open(), [("established", 7), ("established", 3)]),
}  # fmt: skip


@pytest.mark.parametrize("name", _REUSE)
@pytest.mark.parametrize("size", _SIZES)
def test_ports_used_again(name: str, size: int) -> None:
    wire, expected = _REUSE[name]
    found = wire.connections(size)
    assert [c.connection for c in found] == list(range(len(expected)))
    assert [(c.outcome, sum(t.packets for t in c.traffic)) for c in found] == expected
    firsts = [min(s.packet for s in c.segments) for c in found]
    assert firsts == sorted(firsts)


@pytest.mark.parametrize("client", ["10.0.0.1", "10.0.0.9"])
@pytest.mark.parametrize("size", _SIZES)
def test_counters_of_ports_used_again(client: str, size: int) -> None:
    wire = Wire((client, 40000)).open().close().isn(9000, 8000).client(SYN, b"abc").server(SYN | ACK)
    first, second = wire.connections(size)
    assert first.traffic == (Traffic(4, 0), Traffic(2, 0))
    assert second.traffic == (Traffic(1, 3), Traffic(1, 0))
    assert (first.start, first.time) == (START, START + 5 * TICK)
    assert (second.start, second.time) == (START + 6 * TICK, START + 7 * TICK)


@pytest.mark.parametrize("size", _SIZES)
def test_syn_ack_of_a_new_connection_where_only_the_server_was_captured(size: int) -> None:
    wire = Wire()
    for isn in (5000, 900_000):
        wire.isn(1000, isn).client(SYN, lost=True).server(SYN | ACK).client(ACK, lost=True).server(PSH | ACK, b"x")
        wire.server(FIN | ACK)
    assert _told(wire, size) == [("partial", 3), ("partial", 3)]


def test_refused_syn_tried_again_with_its_number() -> None:
    wire = Wire().client(SYN).server(RST | ACK, seq=0).wait(0.5).client(SYN, seq=1000).server(SYN | ACK).client(ACK).close()
    for size in _SIZES:
        (found,) = wire.connections(size)
        assert [s.step for s in found.steps] == ["SYN", "RST", "SYN", "SYN-ACK", "ACK"]
        assert [s.retransmission for s in found.steps] == [False, False, True, False, False]
        assert found.outcome == "established"


@pytest.mark.parametrize("size", _SIZES)
def test_numbers_go_by_the_first_packet(size: int) -> None:
    wires = [Wire((f"10.0.{9 - at}.1", 50_000 - 1000 * at)).open().close() for at in range(8)]
    order = [7, 0, 3, 3, 5, 1, 7, 2, 6, 4]
    found = connections(weave(wires, order), size)
    assert [c.client.port for c in found] == [50_000 - 1000 * at for at in (7, 0, 3, 5, 1, 2, 6, 4)]


def test_events_come_in_the_order_of_their_end() -> None:
    first, second = Wire(), Wire(("10.0.0.1", 40001))
    first.open().close()
    second.open().close()
    packets = weave([first, second], [0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0])
    analysis = Analysis()
    found = [event for batch in batches(packets) for event in analysis.feed(batch)] + list(analysis.close())
    assert [event.time for event in found] == sorted(event.time or 0 for event in found)
    assert [e.connection for e in found if isinstance(e, TcpConnection)] == [1, 0]


def _fed(packets: list[Packet], size: int) -> tuple[Analysis, list[TcpConnection]]:
    analysis = Analysis()
    found = [event for batch in batches(packets, size) for event in analysis.feed(batch)]
    return analysis, [event for event in found if isinstance(event, TcpConnection)]


def _tick(seconds: float) -> Packet:
    """A packet of another conversation, long behind everything."""
    return Wire(("10.9.9.9", 9), start=START + round(seconds * 1e9)).client(SYN).packets[0]


def test_let_go_soon_after_the_end() -> None:
    packets = Wire().open().close().packets
    assert not _fed([*packets, _tick(0.1)], 1)[1]
    assert [c.outcome for c in _fed([*packets, _tick(10)], 1)[1]] == ["established"]


def test_an_open_connection_is_not_let_go() -> None:
    assert not _fed([*Wire().open().packets, _tick(100_000)], 1)[1]


def test_an_unanswered_syn_is_let_go_when_nobody_can_wait_any_longer() -> None:
    packets = Wire().client(SYN).packets
    assert not _fed([*packets, _tick(130)], 1)[1]
    assert [c.outcome for c in _fed([*packets, _tick(500)], 1)[1]] == ["unanswered"]


def test_silence_lets_go_as_well() -> None:
    tracker = Tracker()
    for batch in batches(Wire().open().close().packets):
        tracker.feed(table(batch))
    assert not tracker.wait(1_000_000_000).over
    assert len(tracker.wait(5_000_000_000).over) == 1
    assert tracker.close() == []


_LATE = {
    "ACK": (ACK, b""), "FIN": (FIN | ACK, b""), "RST": (RST, b""), "data": (PSH | ACK, b"again"),
    "FIN with data": (FIN | ACK, b"again"),
}  # fmt: skip


@pytest.mark.parametrize("name", _LATE)
def test_late_segments_open_no_connection(name: str) -> None:
    flags, data = _LATE[name]
    wire = Wire().open().close().wait(20).client(flags, data, seq=1001, ack=5002)
    analysis, over = _fed([*wire.packets[:-1], _tick(10), wire.packets[-1]], 1)
    found = over + [event for event in analysis.close() if isinstance(event, TcpConnection)]
    assert sorted((c.client.port, sum(t.packets for t in c.traffic)) for c in found) == [(9, 1), (40000, 6)]
    assert analysis.tally.late == 1


def test_a_syn_after_let_go_opens_a_connection() -> None:
    wire = Wire().open().close().wait(20).isn(7, 8).open()
    found = connections([*wire.packets[:6], _tick(10), *wire.packets[6:]], 1)
    assert [(c.outcome, c.client.port) for c in found] == [("established", 40000), ("unanswered", 9), ("established", 40000)]


def _flood() -> bytes:
    """SYNs of as many sources, 0.1 ms apart, as records of a pcap file."""
    packet = Wire(("16.0.0.0", 1024)).client(SYN).packets[0].data
    record = np.frombuffer(struct.pack("<IIII", 0, 0, len(packet), len(packet)) + packet, np.uint8)
    records = np.tile(record, (_FLOOD, 1))
    index = np.arange(_FLOOD, dtype=np.uint32)
    seconds = (1_700_000_000 + index // 10_000).astype("<u4")
    records[:, 0:4] = seconds.view(np.uint8).reshape(-1, 4)
    records[:, 4:8] = ((index % 10_000) * 100_000).astype("<u4").view(np.uint8).reshape(-1, 4)
    records[:, 28:32] = (0x10000000 + index * 97).astype(">u4").view(np.uint8).reshape(-1, 4)
    return records.tobytes()


def test_a_flood_is_bounded_and_whole() -> None:
    header = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 101)
    quiet = Wire(start=START - 10**9).open().packets
    head = b"".join(struct.pack("<IIII", *divmod(t, 10**9), len(d), len(d)) + d for t, d in quiet)
    tracker = Tracker()
    held, over, first = 0, list[Connection](), 0
    for whole in read_capture(io.BytesIO(header + head + _flood()).readinto, "flood", Metadata()):
        for batch in cut(whole, 10_000):
            over += tracker.feed(table(batch)).over
            held = max(held, len(tracker._connections))
            first += len(batch)
    assert first == _FLOOD + 3
    assert held <= _MOST
    assert len(over) > _FLOOD - _MOST
    # The connection that works is not the one to be let go.
    assert 0 not in {connection.number for connection in over}
    rest = tracker.close()
    assert sorted(connection.number for connection in over + rest) == list(range(_FLOOD + 1))
    assert all(connection.traffic(0)[0] + connection.traffic(1)[0] == 1 for connection in over)
