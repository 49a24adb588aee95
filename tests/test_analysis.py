"""The one loop: what comes out does not depend on how the packets are cut into Batches or woven into each other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz.analysis import Analysis, analyze
from netviz.capture.batch import Batch
from netviz.capture.source import open_capture
from netviz.event import CaptureProblem, Event, TcpConnection, TcpOpening
from netviz.samples import samples
from tests.wire import ACK, FIN, PSH, RST, SERVER, SYN, TICK, Packet, Wire, batches, connections, cut, echo, events, weave

_REQUEST = b"GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n"
_SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
_SIZES = (1, 2, 7)


def _chatter(wire: Wire) -> Wire:
    for at in range(90):
        wire.send(at % 2, PSH | ACK, b"\x01" * (at % 7))
    return wire


#: Conversations, each written on a fresh Wire.
_SCRIPTS: tuple[Callable[[Wire], Wire], ...] = (
    lambda w: w.open((echo(1), echo(2, 1))).client(PSH | ACK, _REQUEST).server(PSH | ACK, _SWITCH).client(ACK).close(),
    lambda w: w.open().client(PSH | ACK, _REQUEST).server(ACK).close(SERVER).server(FIN | ACK, seq=0),
    lambda w: w.client(SYN).server(RST | ACK, seq=0).client(SYN, seq=1000).server(RST | ACK, seq=0),
    lambda w: w.client(SYN).client(SYN, seq=1000).client(SYN, seq=1000).icmp(3, 1) if w.ends[0].address[0] == "1"
    else w.client(SYN).icmp(1, 3).client(SYN, seq=1000),
    lambda w: w.open().close().isn(3, 4).open().server(RST).isn(5, 6).client(SYN).isn(7, 8).open().close(SERVER),
    lambda w: w.client(PSH | ACK, b"\x81\x83abcd123").server(PSH | ACK, b"\x81\x03abc").close(),
    lambda w: w.client(SYN, unheard=True).server(SYN).client(SYN | ACK, seq=1000).server(SYN | ACK, seq=5000, ack=1001).close(),
    lambda w: w.client(SYN, lost=True).server(SYN | ACK).client(ACK).server(PSH | ACK, b"SSH-2.0-x\r\n").client(RST),
    lambda w: w.client(SYN, b"GET / HTTP/1.1\r\n\r\n").server(SYN | ACK).server(SYN | ACK, seq=5000).client(ACK).close(),
    lambda w: w.client(SYN).server(SYN | ACK, lost=True).client(ACK).client(PSH | ACK, b"x").client(FIN | ACK),
    lambda w: _chatter(w.open()).close(),
    lambda w: _chatter(w),
)  # fmt: skip


def _wire(index: int, script: int) -> Wire:
    if index % 3 == 2:
        ends = (f"fd00::{index + 1:x}", 40000 + index), ("fd00::ffff", 80)
    else:
        ends = (f"10.0.0.{index + 1}", 40000 + index), ("10.0.1.1", 80)
    return _SCRIPTS[script](Wire(*ends))


def _by_number(found: list[Event]) -> list[Event]:
    return sorted(found, key=lambda e: e.connection if isinstance(e, TcpConnection) else -1)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, len(_SCRIPTS) - 1), min_size=1, max_size=5),
    st.lists(st.integers(0, 4), max_size=60),
)
def test_batches_do_not_matter(scripts: list[int], order: list[int]) -> None:
    wires = [_wire(index, script) for index, script in enumerate(scripts)]
    packets = weave(wires, [index % len(wires) for index in order])
    whole = _by_number(events(packets))
    for size in _SIZES:
        assert _by_number(events(packets, size)) == whole


def _bare(found: TcpConnection) -> tuple[object, ...]:
    """What does not depend on the other conversations: everything but numbers and times of packets."""
    return (
        found.client, found.server, found.outcome, found.simultaneous, found.split, found.application, found.inferred,
        [traffic[:9] for traffic in found.traffic], found.closing and (found.closing.how, found.closing.by),
        [(s.step, s.segment.side, s.segment.seq, s.options, s.retransmission) for s in found.steps],
        [(s.side, s.flags, s.seq, s.ack, s.length, s.ordinal) for s in found.segments],
        [(error.type, error.code) for error in found.icmp], sorted(problem.kind for problem in found.problems),
    )  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, len(_SCRIPTS) - 1), st.integers(0, 30)), min_size=2, max_size=5),
    st.sampled_from((0, *_SIZES)),
)
def test_other_conversations_do_not_matter(begun: list[tuple[int, int]], size: int) -> None:
    wires = [_wire(index, script) for index, (script, _) in enumerate(begun)]
    alone = [_bare(found) for wire in wires for found in wire.connections()]
    # Each keeps its pace: how far two packets lie apart tells a copy of one from a repetition.
    moved = [packet._replace(time=packet.time + begin * TICK // 2)
             for wire, (_, begin) in zip(wires, begun, strict=True) for packet in wire.packets]  # fmt: skip
    woven = [_bare(found) for found in connections(sorted(moved, key=lambda packet: packet.time), size)]
    assert sorted(woven, key=repr) == sorted(alone, key=repr)


_FLAGS = (SYN, SYN | ACK, ACK, PSH | ACK, FIN | ACK, FIN, RST, RST | ACK, 0, SYN | FIN, SYN | RST)
_NUMBERS = (0, 1, 5, 6, 0xFFFFFFFF, 1 << 31)
_SEGMENT = st.tuples(
    st.integers(0, 1), st.integers(0, 1), st.sampled_from(_FLAGS), st.sampled_from(_NUMBERS), st.sampled_from(_NUMBERS),
    st.sampled_from((b"", b"", b"abc", b"GET / HTTP/1.1\r\n\r\n")),
)  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(st.lists(_SEGMENT, min_size=1, max_size=40))
def test_batches_do_not_matter_for_any_segments(segments: list[tuple[int, int, int, int, int, bytes]]) -> None:
    wires = [Wire(), Wire(("10.0.0.3", 80), ("10.0.0.2", 40000))]
    for which, side, flags, seq, ack, data in segments:
        wires[which].send(side, flags, data, seq=seq, ack=ack)
    packets = weave(wires, [segment[0] for segment in segments])
    whole = connections(packets)
    assert sum(t.packets for c in whole for t in c.traffic) == len(segments)
    assert sum(t.bytes for c in whole for t in c.traffic) == sum(len(segment[5]) for segment in segments)
    for size in _SIZES:
        assert connections(packets, size) == whole


def _spread(parts: list[tuple[float, Packet]]) -> list[Packet]:
    return [Packet(parts[0][1].time + round(seconds * 1e9), packet.data) for seconds, packet in parts]


def _late(flags: int, data: bytes = b"") -> list[Packet]:
    """A whole connection, half a minute without it, and then a segment more of it."""
    wire = Wire().open().close().client(flags, data, seq=1001, ack=5002)
    other = Wire(("10.9.9.9", 9)).client(SYN)
    seconds = [*(at / 1000 for at in range(6)), 30.0]
    woven = list(zip(seconds, wire.packets, strict=True))
    return _spread([*woven[:-1], (15.0, other.packets[0]), woven[-1]])


@pytest.mark.parametrize(("flags", "data"), [(ACK, b""), (FIN | ACK, b""), (RST, b""), (PSH | ACK, b"again")])
def test_batches_do_not_matter_where_time_passes(flags: int, data: bytes) -> None:
    packets = _late(flags, data)
    whole = connections(packets)
    for size in _SIZES:
        assert connections(packets, size) == whole


def test_batches_do_not_matter_for_a_syn_repeated_very_late() -> None:
    syn, other = Wire().client(SYN).packets[0], Wire(("10.9.9.9", 9)).client(SYN).packets[0]
    packets = _spread([(0, syn), (300, other), (301, syn)])
    whole = connections(packets)
    for size in _SIZES:
        assert connections(packets, size) == whole


@pytest.mark.parametrize("name", sorted(samples()))
def test_batches_of_a_sample_do_not_matter(name: str) -> None:
    whole = list(analyze(open_capture(samples()[name])))
    for size in _SIZES:
        analysis = Analysis()
        found: list[Event] = []
        for batch in open_capture(samples()[name]):
            for piece in cut(batch, size):
                found += analysis.feed(piece)
        found += analysis.close()
        assert sorted(map(repr, found)) == sorted(map(repr, whole))


@pytest.mark.parametrize(
    ("name", "outcome"),
    [("handshake", "established"), ("refused", "refused"), ("unanswered", "unanswered"), ("unreachable", "unanswered"),
     ("midstream", "partial"), ("simultaneous-open", "established"), ("reset", "established")],
)  # fmt: skip
def test_samples(name: str, outcome: str) -> None:
    found = [event for event in analyze(open_capture(samples()[name])) if isinstance(event, TcpConnection)]
    assert [event.outcome for event in found] == [outcome]


def test_openings_are_told_once_and_first() -> None:
    wire = Wire().open().client(PSH | ACK, b"x").close().isn(1, 2).client(SYN).server(RST | ACK, seq=0)
    for size in (0, 1, 2):
        analysis = Analysis(openings=True)
        found = [event for batch in batches(wire.packets, size) for event in analysis.feed(batch)] + list(analysis.close())
        kinds = [(event.name, event.connection) for event in found if isinstance(event, TcpConnection)]
        assert sorted(kinds) == [("tcp.connection", 0), ("tcp.connection", 1), ("tcp.opening", 0), ("tcp.opening", 1)]
        assert all(kinds.index(("tcp.opening", n)) < kinds.index(("tcp.connection", n)) for n in (0, 1))


def test_opening_tells_the_handshake() -> None:
    analysis = Analysis(openings=True)
    batch = batches(Wire().open().packets)[0]
    (opening,) = analysis.feed(batch)
    assert isinstance(opening, TcpOpening)
    assert (opening.outcome, len(opening.steps), opening.rtt.total) == ("established", 3, 2 * TICK)


def test_without_openings_none_is_told() -> None:
    assert [event.name for event in events(Wire().open().packets, 1)] == ["tcp.connection"]


def test_start_is_the_first_packet() -> None:
    analysis = Analysis()
    assert analysis.start is None
    wire = Wire().open()
    for batch in batches(wire.packets, 1):
        list(analysis.feed(batch))
    assert analysis.start == wire.packets[0].time


def test_tally() -> None:
    analysis = Analysis()
    wire = Wire().open().icmp(3, 1)
    for batch in batches(wire.packets, 2):
        list(analysis.feed(batch))
    counts = analysis.tally.counts
    assert (counts["tcp"], counts["icmp"], counts["udp"], counts["packets"]) == (3, 1, 0, 4)
    assert analysis.tally.stop == wire.packets[-1].time


def test_problems_of_the_capture_are_told() -> None:
    problem = CaptureProblem(packets=(), time=None)
    assert list(Analysis().feed(Batch.empty(1, (problem,)))) == [problem]


def test_what_is_not_decoded_is_told_once_at_the_end() -> None:
    bad = b"\x45\x00\x00\x28" + bytes(5) + b"\x06" + bytes(10) + bytes(12) + b"\x10\x02" + bytes(6)
    for size in (0, 1):
        found = events(Wire().client(SYN).raw(bad).raw(bad).packets, size)
        told = [event for event in found if isinstance(event, CaptureProblem)]
        assert [(event.problems[0].kind, event.count, event.packets) for event in told] == [("tcp-malformed", 2, (2,))]
        assert found[-1] is told[0]


def test_nothing() -> None:
    assert events([]) == []
