"""From packets to one connection: outcomes, who is the client, counters, ICMP errors, the end."""

from __future__ import annotations

import pytest

from netviz.analysis import analyze
from netviz.capture.source import open_capture
from netviz.event import Closing, TcpConnection, Traffic
from netviz.samples import samples
from netviz.table import table
from tests.wire import (
    ACK,
    CLIENT,
    FIN,
    PSH,
    RST,
    SERVER,
    START,
    SYN,
    TICK,
    Wire,
    batches,
    connections,
    echo,
    events,
    only,
)  # fmt: skip

_SIX = ("fd00::1", 40000), ("fd00::2", 80)
_REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
_HELLO = b"\x16\x03\x01\x00\x64\x01" + bytes(30)
_MASKED, _PLAIN = b"\x81\x83abcd123", b"\x81\x03abc"


def _steps(found: TcpConnection) -> str:
    return " ".join(f"{'CS'[s.segment.side]}:{s.step}{'*' * s.retransmission}" for s in found.steps)


def _whole(wire: Wire) -> Wire:
    return wire.open().client(PSH | ACK, _REQUEST).server(PSH | ACK, b"HTTP/1.1 200 OK\r\n\r\n").client(ACK).close()


@pytest.mark.parametrize("ends", [(("10.0.0.1", 40000), ("10.0.0.2", 80)), (("10.0.0.9", 80), ("10.0.0.2", 40000)), _SIX,
                                  (("fd00::9", 1), ("fd00::2", 65535))])  # fmt: skip
@pytest.mark.parametrize("size", [0, 1, 3])
def test_whole_conversation(ends: tuple[tuple[str, int], tuple[str, int]], size: int) -> None:
    found = _whole(Wire(*ends)).connection(size)
    assert (tuple(found.client), tuple(found.server)) == ends
    assert (found.outcome, found.application, found.inferred, found.problems) == ("established", "http", (), ())
    assert _steps(found) == "C:SYN S:SYN-ACK C:ACK"
    assert found.closing == Closing("fin", "client", (7, 8, 9))
    assert found.packets == (1, 2, 3, 7, 8, 9)
    assert found.rtt == (TICK, TICK, 2 * TICK)
    assert (found.start, found.time, found.duration) == (START, START + 8 * TICK, 8 * TICK)
    assert found.traffic == (Traffic(6, len(_REQUEST)), Traffic(3, 19))


@pytest.mark.parametrize("size", [0, 1])
@pytest.mark.parametrize(
    ("wire", "outcome", "closing"),
    [
        (Wire().open(), "established", "open"),
        (Wire().open().client(FIN | ACK).server(ACK), "established", "half-closed"),
        (Wire().open().server(RST), "established", "reset"),
        (Wire().open().close().client(RST), "established", "fin"),
        (Wire().client(SYN).server(RST | ACK, seq=0), "refused", None),
        (Wire().client(SYN), "unanswered", None),
        (Wire().client(SYN).server(SYN | ACK), "incomplete", None),
        (Wire().client(SYN).server(SYN | ACK).client(RST), "aborted", None),
        (Wire().server(PSH | ACK, b"x").client(ACK), "partial", "open"),
        (Wire().server(PSH | ACK, b"x").client(RST), "partial", "reset"),
        (Wire().close(), "partial", "fin"),
        (Wire().client(SYN, lost=True).server(SYN | ACK).client(ACK).client(FIN | ACK), "partial", "half-closed"),
    ],
)
def test_outcome_and_closing(wire: Wire, outcome: str, closing: str | None, size: int) -> None:
    found = wire.connection(size)
    assert found.outcome == outcome
    assert (found.closing and found.closing.how) == closing


_CLOSINGS = {
    "FIN with the last ACK of the handshake": (
        Wire().client(SYN).server(SYN | ACK).client(FIN | ACK).server(ACK).server(FIN | ACK).client(ACK),
        Closing("fin", "client", (3, 4, 5, 6))),
    "data and FIN with the last ACK of the handshake": (
        Wire().client(SYN).server(SYN | ACK).client(FIN | ACK, b"bye").server(FIN | ACK).client(ACK),
        Closing("fin", "client", (3, 4, 5))),
    "only the client's FIN, with the last ACK of the handshake": (
        Wire().client(SYN).server(SYN | ACK).client(FIN | ACK).server(ACK), Closing("half-closed", "client", (3, 4))),
    "at the same time": (
        Wire().open().client(FIN | ACK, unheard=True).server(FIN | ACK, unheard=True).client(ACK, ack=5002)
        .server(ACK, ack=1002), Closing("fin", "client", (4, 5, 6, 7))),
    "numbers wrap inside": (
        Wire(isn=(0xFFFFFFFA, 0xFFFFFFFE)).open().client(PSH | ACK, b"0123456789").server(PSH | ACK, b"abc").close(SERVER),
        Closing("fin", "server", (6, 7, 8))),
    "FIN of a side long after the other's": (
        Wire().open().client(FIN | ACK).server(ACK).server(ACK, b"a" * 10).client(ACK).wait(100).server(FIN | ACK).client(ACK),
        Closing("fin", "client", (4, 5, 8, 9))),
}  # fmt: skip


@pytest.mark.parametrize("name", _CLOSINGS)
@pytest.mark.parametrize("size", [0, 1])
def test_closing(name: str, size: int) -> None:
    wire, expected = _CLOSINGS[name]
    assert wire.connection(size).closing == expected


_REPEATED = {
    "SYN": (Wire().client(SYN).wait(1).client(SYN, seq=1000).server(SYN | ACK).client(ACK), "C:SYN C:SYN* S:SYN-ACK C:ACK"),
    "SYN-ACK": (
        Wire().client(SYN).server(SYN | ACK).server(SYN | ACK, seq=5000).client(ACK), "C:SYN S:SYN-ACK S:SYN-ACK* C:ACK"),
    "SYN-ACK and ACK": (
        Wire().open().server(SYN | ACK, seq=5000, ack=1001).client(ACK), "C:SYN S:SYN-ACK C:ACK S:SYN-ACK* C:ACK*"),
    "SYN-ACK behind a request": (
        Wire().client(SYN).server(SYN | ACK).client(ACK, lost=True, unheard=True).client(PSH | ACK, _REQUEST, unheard=True)
        .server(SYN | ACK, seq=5000, ack=1001).client(ACK), "C:SYN S:SYN-ACK C:ACK S:SYN-ACK* C:ACK"),
    "the ACKs of an open connection are no steps": (
        Wire().client(SYN).server(SYN | ACK).server(SYN | ACK, seq=5000).client(ACK).server(PSH | ACK, b"SSH-2.0-x\r\n")
        .client(ACK).client(ACK), "C:SYN S:SYN-ACK S:SYN-ACK* C:ACK"),
}  # fmt: skip


@pytest.mark.parametrize("name", _REPEATED)
@pytest.mark.parametrize("size", [0, 1])
def test_repeated_steps(name: str, size: int) -> None:
    wire, expected = _REPEATED[name]
    assert _steps(wire.connection(size)) == expected


def test_simultaneous_open() -> None:
    wire = (
        Wire().client(SYN, unheard=True).server(SYN).client(SYN | ACK, seq=1000).server(SYN | ACK, seq=5000, ack=1001)
        .client(ACK).close()
    )  # fmt: skip
    for size in (0, 1):
        found = wire.connection(size)
        assert (found.outcome, found.simultaneous, found.split) == ("established", True, False)
        assert found.client.port == 40000
        assert found.inferred == ()
        assert found.closing
        assert found.closing.how == "fin"
        assert {(s.step, s.segment.side) for s in found.steps[:4]} == {("SYN", 0), ("SYN", 1), ("SYN-ACK", 0), ("SYN-ACK", 1)}


def test_split_handshake() -> None:
    wire = Wire().client(SYN).server(ACK).server(SYN).client(SYN | ACK, seq=1000).server(ACK).close()
    for size in (0, 1):
        found = wire.connection(size)
        assert (found.outcome, found.simultaneous, found.split) == ("established", False, True)


def test_fast_open() -> None:
    wire = Wire().client(SYN, _REQUEST, options=b"\x22\x0a" + bytes(8)).server(SYN | ACK).client(ACK).close()
    for size in (0, 1):
        found = wire.connection(size)
        assert (found.outcome, found.application, found.problems) == ("established", "http", ())
        assert found.steps[0].segment.length == len(_REQUEST)
        assert found.steps[0].options.fast_open == "00" * 8


def test_round_trip_of_a_repeated_syn_from_the_wire() -> None:
    wire = (
        Wire().client(SYN, options=echo(10)).wait(1).client(SYN, seq=1000, options=echo(1010))
        .server(SYN | ACK, options=echo(7, 1010)).client(ACK, options=echo(1011, 7))
    )  # fmt: skip
    assert wire.connection().rtt == (TICK, TICK, 2 * TICK)


#: Who is the client: the conversation from the wire's client at the lower port, and whether that is inferred.
_LOW = ("10.0.0.1", 2000), ("10.0.0.2", 3000)
_CHOICES: dict[str, tuple[Wire, str, tuple[str, ...]]] = {
    "SYN": (Wire(*_LOW).client(SYN), "10.0.0.1", ()),
    "SYN-ACK's receiver": (Wire(*_LOW).client(SYN, lost=True).server(SYN | ACK), "10.0.0.1", ()),
    "request": (Wire(*_LOW).client(PSH | ACK, _REQUEST), "10.0.0.1", ()),
    "response": (Wire(*_LOW).server(PSH | ACK, b"HTTP/1.1 200 OK\r\n\r\n"), "10.0.0.1", ()),
    "hello": (Wire(*_LOW).server(ACK).client(PSH | ACK, _HELLO), "10.0.0.1", ()),
    "masked frames": (
        Wire(*_LOW).client(PSH | ACK, _MASKED).server(PSH | ACK, _PLAIN), "10.0.0.1", ("client", "server", "application")),
    "masked frames, answer first": (
        Wire(*_LOW).server(PSH | ACK, _PLAIN).client(PSH | ACK, _MASKED), "10.0.0.1", ("client", "server", "application")),
    "higher port": (Wire(*_LOW).client(PSH | ACK, b"\x00\x00"), "10.0.0.2", ("client", "server")),
    "higher port, other first": (Wire(*_LOW).server(ACK).client(ACK), "10.0.0.2", ("client", "server")),
    "SYN beats the port": (Wire(("10.0.0.1", 1), ("10.0.0.2", 60000)).open(), "10.0.0.1", ()),
    "SYN beats the payload": (Wire(*_LOW).open().server(PSH | ACK, _REQUEST), "10.0.0.1", ()),
}  # fmt: skip


@pytest.mark.parametrize("name", _CHOICES)
@pytest.mark.parametrize("size", [0, 1])
def test_client(name: str, size: int) -> None:
    wire, client, inferred = _CHOICES[name]
    found = wire.connection(size)
    assert found.client.address == client
    assert found.inferred == inferred
    # Segments and counters are told from the same point of view as the names.
    side = 0 if client == "10.0.0.1" else 1
    assert [s.side for s in found.segments] == [s.side ^ side for s in wire.segments if s.packet in _kept(found)]
    assert found.traffic[side].packets == sum(s.side == 0 for s in wire.segments)


def _kept(found: TcpConnection) -> set[int]:
    return {segment.packet for segment in found.segments}


def test_inferred_outcome() -> None:
    found = Wire().client(SYN).server(SYN | ACK, lost=True).client(ACK).client(PSH | ACK, b"x").connection()
    assert (found.outcome, found.inferred) == ("established", ("outcome",))


def test_only_the_server_captured() -> None:
    wire = Wire().client(SYN, lost=True).server(SYN | ACK).client(ACK, lost=True).server(PSH | ACK, b"x").server(FIN | ACK)
    found = wire.connection()
    assert (found.outcome, str(found.client), found.inferred) == ("partial", "10.0.0.1:40000", ())
    assert found.closing == Closing("half-closed", "server", (3,))


@pytest.mark.parametrize("size", [0, 1, 2])
def test_counters_are_plain_counting(size: int) -> None:
    wire = Wire().open()
    for at in range(40):
        wire.send(at % 3 == 0, PSH | ACK, b"x" * at)
    wire.client(PSH | ACK, b"x" * 9, seq=1001).close(SERVER).server(FIN | ACK, seq=9)
    found = wire.connection(size)
    for side in (CLIENT, SERVER):
        lengths = [s.length for s in wire.segments if s.side == side]
        assert found.traffic[side][:2] == (len(lengths), sum(lengths))


@pytest.mark.parametrize("name", sorted(samples()))
def test_counters_of_the_samples(name: str) -> None:
    tables = [table(batch) for batch in open_capture(samples()[name]) if len(batch)]
    found = [event for event in analyze(open_capture(samples()[name])) if isinstance(event, TcpConnection)]
    assert sum(t.packets for c in found for t in c.traffic) == sum(len(part) for part in tables)
    on_the_wire = sum(int(part.tcp.length.sum()) for part in tables)
    assert sum(t.bytes for c in found for t in c.traffic) == on_the_wire // (2 if name == "captured-twice" else 1)


_ERRORS = {
    "IPv4": (Wire(), 3, 1, "host unreachable", 0), "IPv6": (Wire(*_SIX), 1, 4, "port unreachable", 0),
    "IPv4, foreign number": (Wire(), 3, 1, "", 77), "IPv6, foreign number": (Wire(*_SIX), 1, 4, "", -1),
}  # fmt: skip


@pytest.mark.parametrize("name", _ERRORS)
@pytest.mark.parametrize("size", [0, 1])
def test_icmp_error_joins_what_it_quotes(name: str, size: int) -> None:
    empty, kind, code, meaning, spoil = _ERRORS[name]
    wire = Wire(*map(tuple, empty.ends), isn=(3_000_000_000, 1)).client(SYN)  # type: ignore[arg-type]
    found = wire.icmp(kind, code, sender=wire.ends[1].address[:-1] + "7", spoil=spoil).connection(size)
    assert [error.meaning for error in found.icmp] == [meaning] * (spoil == 0)
    assert found.outcome == "unanswered"
    assert found.traffic[0].packets == 1
    for error in found.icmp:
        assert (error.packet, error.sender, error.type, error.code) == (2, wire.ends[1].address[:-1] + "7", kind, code)


def test_icmp_error_about_other_endpoints_is_nobodys() -> None:
    other = Wire(("10.0.0.1", 40001)).client(SYN).icmp(3, 1)
    found = only(connections([*Wire().client(SYN).packets, other.packets[1]]))
    assert found.icmp == ()


def test_icmp_errors_are_bounded() -> None:
    wire = Wire().client(SYN)
    for _ in range(100):
        wire.icmp(3, 1, quotes=0)
    assert 1 <= len(wire.connection().icmp) <= 16


@pytest.mark.parametrize("size", [0, 1])
def test_icmp_error_joins_the_connection_it_quotes_and_not_the_next(size: int) -> None:
    wire = Wire().client(SYN).icmp(3, 1).isn(7_000, 9_000).client(SYN).server(SYN | ACK).client(ACK)
    first, second = wire.connections(size)
    assert ([error.packet for error in first.icmp], second.icmp) == ([2], ())


def test_special_segments_are_bounded_and_told() -> None:
    wire = Wire().open()
    for _ in range(2000):
        wire.client(FIN | ACK, seq=1001)
    found = wire.connection()
    assert len(found.segments) <= 512
    assert found.traffic[0].packets == 2002
    assert "segments-omitted" in [problem.kind for problem in found.problems]
    assert found.outcome == "established"
    assert found.closing == Closing("half-closed", "client", (4,))


def test_few_special_segments_are_all_kept() -> None:
    wire = Wire().open()
    for _ in range(100):
        wire.client(FIN | ACK, seq=1001)
    found = wire.connection()
    assert len(found.segments) == 103
    assert [problem.kind for problem in found.problems] == ["retransmissions"]


def test_nothing_else_is_told() -> None:
    assert [type(event) for event in events(_whole(Wire()).packets)] == [TcpConnection]
    assert len(batches(_whole(Wire()).packets, 2)) == 5
