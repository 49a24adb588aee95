"""Problems of a connection: each kind with what shows it, and none without."""

from __future__ import annotations

import pytest

from tests.wire import ACK, FIN, PSH, RST, SYN, Wire

_SIX = ("fd00::1", 40000), ("fd00::2", 80)
_SYN = Wire().client(SYN)

#: Conversation, then the kinds with the packet that each names.
_TABLE: dict[str, tuple[Wire, list[tuple[str, int]]]] = {
    "none": (Wire().open().client(PSH | ACK, b"x").close(), []),
    "none: still open": (Wire().open(), []),
    "none: half-closed": (Wire().open().client(FIN | ACK).server(ACK), []),
    "none: partial": (Wire().client(PSH | ACK, b"x").server(ACK), []),
    "refused": (Wire().client(SYN).server(RST | ACK, seq=0), [("connection-refused", 2)]),
    "no answer": (_SYN, [("no-answer", 1)]),
    "no answer, repeated": (
        Wire().client(SYN).wait(1).client(SYN, seq=1000).wait(2).client(SYN, seq=1000),
        [("no-answer", 3), ("syn-retransmitted", 2)]),
    "incomplete": (Wire().client(SYN).server(SYN | ACK), [("handshake-incomplete", 2)]),
    "incomplete, repeated": (
        Wire().client(SYN).server(SYN | ACK).wait(1).server(SYN | ACK, seq=5000),
        [("handshake-incomplete", 3), ("syn-ack-retransmitted", 3)]),
    "aborted": (Wire().client(SYN).server(SYN | ACK).client(RST), [("handshake-aborted", 3)]),
    "reset": (Wire().open().server(RST), [("connection-reset", 4)]),
    "reset of a half-closed one": (Wire().open().client(FIN | ACK).server(ACK).server(RST), [("connection-reset", 6)]),
    "reset after both FINs": (Wire().open().client(FIN | ACK).server(FIN | ACK).client(RST), []),
    "partial and reset": (Wire().client(PSH | ACK, b"x").server(RST), [("connection-reset", 2)]),
    "SYN lost": (Wire().client(SYN).wait(1).client(SYN, seq=1000).server(SYN | ACK).client(ACK), [("syn-retransmitted", 2)]),
    "SYN-ACK lost": (
        Wire().client(SYN).server(SYN | ACK).server(SYN | ACK, seq=5000).client(ACK), [("syn-ack-retransmitted", 3)]),
    "only the client": (
        Wire().client(SYN).server(SYN | ACK, lost=True).client(ACK).client(ACK, b"x"), [("syn-ack-not-captured", 1)]),
    "wrong number": (
        Wire().client(SYN).server(SYN | ACK, ack=77).client(RST, seq=77),
        [("handshake-aborted", 3), ("syn-ack-wrong-number", 2)]),
    "malformed option": (
        Wire().client(SYN, options=b"\x03\x02\x00\x00").server(SYN | ACK).client(ACK), [("tcp-option-malformed", 1)]),
    "unreachable": (Wire().client(SYN).icmp(3, 1), [("icmp-unreachable", 2), ("no-answer", 1)]),
    "unreachable, IPv6": (Wire(*_SIX).client(SYN).icmp(1, 3), [("icmp-unreachable", 2), ("no-answer", 1)]),
    "time exceeded": (Wire().client(SYN).icmp(11, 0), [("icmp-error", 2), ("no-answer", 1)]),
    "time exceeded, IPv6": (Wire(*_SIX).client(SYN).icmp(3, 0), [("icmp-error", 2), ("no-answer", 1)]),
}  # fmt: skip


@pytest.mark.parametrize("name", _TABLE)
def test_kinds(name: str) -> None:
    wire, expected = _TABLE[name]
    assert [(problem.kind, problem.packet) for problem in wire.connection().problems] == expected


_TEXTS = {
    "no answer": "the SYN was sent once; no segment came back",
    "no answer, repeated": "the SYN was sent 3 times; no segment came back",
    "aborted": "the client reset the connection before it was established",
    "reset": "the server reset the connection",
    "unreachable": "10.0.0.2 answered by ICMP: host unreachable",
    "unreachable, IPv6": "fd00::2 answered by ICMP: address unreachable",
    "SYN lost": "the SYN was sent 2 times, the last 1.001000 s after the first",
}


@pytest.mark.parametrize("name", _TEXTS)
def test_words(name: str) -> None:
    wire, _ = _TABLE[name]
    assert _TEXTS[name] in wire.connection().problems[0].text


def test_both_ends_repeat_their_syn() -> None:
    wire = (
        Wire().client(SYN, unheard=True).server(SYN, unheard=True).client(SYN, seq=1000).server(SYN, seq=5000)
        .client(SYN | ACK, seq=1000, ack=5001).server(SYN | ACK, seq=5000, ack=1001)
    )  # fmt: skip
    found = wire.connection()
    assert found.outcome == "established"
    told = [problem for problem in found.problems if problem.kind == "syn-retransmitted"]
    # Each SYN was sent twice, none three times.
    assert told
    assert all("sent 2 times" in problem.text for problem in told)


def test_omitted_segments_are_told() -> None:
    wire = Wire()
    for _ in range(700):
        wire.client(SYN, seq=1000)
    found = wire.connection()
    told = [problem for problem in found.problems if problem.kind == "segments-omitted"]
    assert [problem.text for problem in told] == ["188 more segments with SYN, FIN or RST are counted but not kept"]
    assert len(found.segments) == 512
    assert found.traffic[0].packets == 700
