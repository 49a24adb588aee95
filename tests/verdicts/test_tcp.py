"""Verdicts on TCP connections: each headline, and each likely cause only with its evidence."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from netviz.event import Endpoint, TcpConnection
from netviz.verdicts.neighbours import Neighbours
from netviz.verdicts.tcp import judge_tcp, severity
from netviz.verdicts.verdict import Verdict
from tests.wire import ACK, FIN, PSH, RST, START, SYN, Wire

_SIX = ("fd00::1", 40000), ("fd00::2", 80)
_SERVER, _OTHER_PORT, _OTHER_HOST = Endpoint("10.0.0.2", 80), Endpoint("10.0.0.2", 81), Endpoint("10.0.0.3", 80)

_OPEN = Wire().open().connection()
_REFUSED = Wire().client(SYN).server(RST | ACK, seq=0).connection()
_UNANSWERED = Wire().client(SYN).wait(1).client(SYN, seq=1000).connection()
_INCOMPLETE = Wire().client(SYN).server(SYN | ACK).connection()


def _judge(connection: TcpConnection, *others: TcpConnection) -> Verdict:
    known = Neighbours()
    for number, other in enumerate(others):
        known.add(replace(other, connection=number + 10))
    return judge_tcp(connection, known, START)


def _at(connection: TcpConnection, server: Endpoint) -> TcpConnection:
    return replace(connection, server=server)


def _likely(verdict: Verdict) -> str:
    return " | ".join(claim.text for claim in verdict.likely)


def _seen(verdict: Verdict) -> str:
    return " | ".join(claim.text for claim in verdict.seen)


_HEADLINES = {
    "refused": (_REFUSED, "REFUSED", "problem"),
    "unanswered": (_UNANSWERED, "NO ANSWER", "problem"),
    "unreachable": (Wire().client(SYN).icmp(3, 1).connection(), "UNREACHABLE", "problem"),
    "unreachable, IPv6": (Wire(*_SIX).client(SYN).icmp(1, 0).connection(), "UNREACHABLE", "problem"),
    "incomplete": (_INCOMPLETE, "INCOMPLETE", "problem"),
    "aborted": (Wire().client(SYN).server(SYN | ACK).client(RST).connection(), "ABORTED", "problem"),
    "partial": (Wire().client(PSH | ACK, b"x").server(ACK).connection(), "PARTIAL", "note"),
    "partial and reset": (Wire().client(PSH | ACK, b"x").server(RST).connection(), "PARTIAL", "problem"),
    "established": (_OPEN, "ESTABLISHED", "ok"),
    "closed": (Wire().open().close().connection(), "ESTABLISHED", "ok"),
    "half-closed": (Wire().open().client(FIN | ACK).server(ACK).connection(), "ESTABLISHED", "ok"),
    "reset": (Wire().open().server(RST).connection(), "ESTABLISHED, THEN RESET", "problem"),
    "reset after both FINs": (Wire().open().close().client(RST).connection(), "ESTABLISHED", "ok"),
    "SYN lost": (
        Wire().client(SYN).wait(1).client(SYN, seq=1000).server(SYN | ACK).client(ACK).connection(), "ESTABLISHED", "note"),
    "established, an ICMP error besides": (Wire().open().icmp(3, 4).connection(), "ESTABLISHED", "note"),
}  # fmt: skip


@pytest.mark.parametrize("name", _HEADLINES)
def test_headline(name: str) -> None:
    connection, headline, how = _HEADLINES[name]
    verdict = _judge(connection)
    assert (verdict.headline, verdict.severity) == (headline, how)
    assert severity(connection) == how
    assert verdict.means


@pytest.mark.parametrize("name", _HEADLINES)
def test_proof_names_packets_of_the_connection(name: str) -> None:
    connection, *_ = _HEADLINES[name]
    own = {s.packet for s in connection.segments} | {error.packet for error in connection.icmp}
    named = {packet for claim in _judge(connection).seen for packet in claim.packets}
    assert named <= own
    assert named or connection.outcome == "partial"


#: Words that a likely cause holds, with the evidence for it, and connections that are none.
_CAUSES: dict[str, tuple[TcpConnection, tuple[TcpConnection, ...], tuple[tuple[TcpConnection, ...], ...]]] = {
    "accept queue": (
        _UNANSWERED, (_OPEN,),
        ((), (_at(_OPEN, _OTHER_PORT),), (_at(_OPEN, _OTHER_HOST),), (_REFUSED,), (_INCOMPLETE,), (_UNANSWERED,))),
    "firewall drops packets to port 80": (
        _UNANSWERED, (_at(_REFUSED, _OTHER_PORT),),
        ((), (_at(_OPEN, _OTHER_HOST),), (_at(_UNANSWERED, _OTHER_PORT),), (_OPEN,))),
    "the program stopped or had not started yet": (
        _REFUSED, (_OPEN,), ((), (_at(_OPEN, _OTHER_PORT),), (_at(_OPEN, _OTHER_HOST),), (_REFUSED,))),
    "no program listens": (_REFUSED, (), ()),
    "SYN flood: 100": (_INCOMPLETE, (_INCOMPLETE,) * 100, ((), (_INCOMPLETE,) * 99, (_at(_INCOMPLETE, _OTHER_PORT),) * 200)),
}  # fmt: skip


@pytest.mark.parametrize("words", _CAUSES)
def test_likely_only_with_its_evidence(words: str) -> None:
    connection, evidence, others = _CAUSES[words]
    verdict = _judge(connection, *evidence)
    assert words in _likely(verdict)
    assert all(claim.known == "inferred" for claim in verdict.likely)
    for other in others:
        assert words not in _likely(_judge(connection, *other))


@pytest.mark.parametrize(("connection", "other"), [(_UNANSWERED, _OPEN), (_REFUSED, _OPEN)])
def test_likely_names_the_other_connection(connection: TcpConnection, other: TcpConnection) -> None:
    assert "connection 10 to the same port was accepted" in _likely(_judge(connection, other))


@pytest.mark.parametrize("connection", [_UNANSWERED, _INCOMPLETE, _HEADLINES["reset"][0]])
def test_without_evidence_the_capture_cannot_tell(connection: TcpConnection) -> None:
    verdict = _judge(connection)
    assert (verdict.likely, verdict.cause_wanted) == ((), True)


@pytest.mark.parametrize("name", ["established", "closed", "partial", "half-closed", "refused"])
def test_no_cause_is_wanted(name: str) -> None:
    assert not _judge(_HEADLINES[name][0]).cause_wanted


_ABORTS = {
    "scan": (Wire().client(SYN).server(SYN | ACK).client(RST), "port scan"),
    "client that gives up": (Wire().client(SYN).server(SYN | ACK).wait(1).client(RST), ""),
    "client that gives up without an answer": (Wire().client(SYN).client(RST), ""),
    "server": (Wire().client(SYN).server(SYN | ACK).server(RST), ""),
    "wrong number": (Wire().client(SYN).server(SYN | ACK, ack=77).client(RST, seq=77), "answers another SYN"),
    "wrong number, late": (Wire().client(SYN).server(SYN | ACK, ack=77).wait(1).client(RST, seq=77), "answers another SYN"),
}  # fmt: skip


@pytest.mark.parametrize("name", _ABORTS)
def test_aborted(name: str) -> None:
    wire, words = _ABORTS[name]
    verdict = _judge(wire.connection())
    assert verdict.headline == "ABORTED"
    assert words in _likely(verdict) if words else not verdict.likely
    assert ("the server" if name == "server" else "the client") in verdict.means


_TOLD = {
    "host": (Wire(), 3, 1, None, "the host itself cannot deliver", "ping"),
    "router": (Wire(), 3, 1, "10.0.0.254", "the router 10.0.0.254 cannot deliver", "ping"),
    "router forbids": (Wire(), 3, 13, "10.0.0.254", "the router 10.0.0.254 forbids", "firewall"),
    "host forbids": (Wire(), 3, 10, None, "the host itself forbids", "firewall"),
    "IPv6 router": (Wire(*_SIX), 1, 0, "fd00::fe", "the router fd00::fe cannot deliver", "ping"),
    "IPv6 forbids": (Wire(*_SIX), 1, 1, "fd00::fe", "the router fd00::fe forbids", "firewall"),
    "IPv6 code 13 is not IPv4's": (Wire(*_SIX), 1, 3, "fd00::fe", "cannot deliver the SYN: address unreachable", "ping"),
}  # fmt: skip


@pytest.mark.parametrize("name", _TOLD)
def test_unreachable(name: str) -> None:
    empty, kind, code, sender, means, advice = _TOLD[name]
    wire = Wire(*map(tuple, empty.ends)).client(SYN).icmp(kind, code, sender=sender)  # type: ignore[arg-type]
    verdict = _judge(wire.connection(), _OPEN)
    assert means in verdict.means
    assert advice in verdict.advice[0]
    assert "answered by ICMP" in _seen(verdict)
    assert not verdict.likely


_SAID = {
    "refused": (_REFUSED, "SYN to 10.0.0.2:80 at 0.000000 s; an RST came back 1 ms later"),
    "unanswered": (_UNANSWERED, "SYN sent 2 times at 0.000000, 1.001000 s; no segment came back"),
    "unanswered once": (Wire().client(SYN).connection(), "SYN sent once at 0.000000 s"),
    "incomplete": (_INCOMPLETE, "SYN-ACK sent once; no ACK followed"),
    "incomplete, no SYN of the server": (Wire().client(SYN).server(ACK).connection(), "without a SYN of its own"),
    "established": (_OPEN, "SYN, SYN-ACK, ACK, 2 ms in all"),
    "open": (_OPEN, "still open at the end of the capture"),
    "closed": (Wire().open().close().connection(), "closed by the client (FIN first), then by the other end after 5 ms"),
    "half-closed": (Wire().open().server(FIN | ACK).connection(), "the server sent FIN, the other end did not"),
    "reset": (Wire().open().client(RST).connection(), "the client sent RST after 3 ms"),
    "SYN lost": (_HEADLINES["SYN lost"][0], "the SYN had to be sent 2 times"),
    "split": (
        Wire().client(SYN).server(ACK).server(SYN).client(SYN | ACK, seq=1000).server(ACK).connection(), "split handshake"),
    "simultaneous": (
        Wire().client(SYN, unheard=True).server(SYN).client(SYN | ACK, seq=1000).server(SYN | ACK, seq=5000, ack=1001)
        .connection(), "simultaneous open"),
    "partial": (_HEADLINES["partial"][0], "is 1, and no SYN (who is the client is inferred)"),
}  # fmt: skip


@pytest.mark.parametrize("name", _SAID)
def test_seen(name: str) -> None:
    connection, words = _SAID[name]
    assert words in _seen(_judge(connection))


def test_partial_with_a_client_that_is_known() -> None:
    wire = Wire().client(PSH | ACK, b"GET / HTTP/1.1\r\n\r\n")
    assert "inferred" not in _seen(_judge(wire.connection()))


def test_partial_that_begins_with_a_syn_ack() -> None:
    found = Wire().client(SYN, lost=True).server(SYN | ACK).client(ACK).connection()
    assert found.segments[0].flags == SYN | ACK
    verdict = _judge(found)
    # Its options and the ISN of the server are in the capture: only the SYN is not.
    assert "ISNs are not in it" not in verdict.means


def test_inferred_outcome_is_said_to_be() -> None:
    wire = Wire().client(SYN).server(SYN | ACK, lost=True).client(ACK).client(PSH | ACK, b"x")
    verdict = _judge(wire.connection())
    assert verdict.seen[0].known == "inferred"
    assert _judge(_OPEN).seen[0].known == "seen"


@pytest.mark.parametrize(
    ("connection", "words"),
    [
        (_OPEN, "still open when the capture ended"),
        (Wire().open().close().connection(), "the connection works, and both ends know it"),
        (Wire().open().client(FIN | ACK).connection(), "the client will send nothing more"),
        (Wire().open().server(RST).connection(), "the server threw the connection away"),
    ],
)
def test_meaning(connection: TcpConnection, words: str) -> None:
    assert words in _judge(connection).means


@pytest.mark.parametrize(("name", "advised"), [("SYN lost", True), ("established", False), ("reset", True)])
def test_advice(name: str, advised: bool) -> None:
    assert bool(_judge(_HEADLINES[name][0]).advice) == advised


@pytest.mark.parametrize("name", _HEADLINES)
def test_packets_without_time(name: str) -> None:
    connection, headline, _ = _HEADLINES[name]
    steps = tuple(step._replace(segment=step.segment._replace(time=None)) for step in connection.steps)
    verdict = _judge(replace(connection, steps=steps, time=None, start=None))
    assert verdict.headline == headline
    assert "RST came back 1 ms" not in _seen(verdict)
    # A time that is not known is not told as 0 (of the file, or since 1970).
    assert not re.search(r" at \d", _seen(verdict))
