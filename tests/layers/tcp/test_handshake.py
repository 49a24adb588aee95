"""The handshake: outcomes, steps, repeated ones, ECN, round trips, simultaneous and split ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netviz.event import Outcome, Rtt
from netviz.layers.tcp import handshake
from netviz.layers.tcp.handshake import Handshake, read_handshake
from tests.wire import ACK, CWR, ECE, FIN, MSS, PSH, RST, SYN, TICK, Wire, echo


def _read(wire: Wire) -> Handshake:
    return read_handshake(wire.segments)


def _names(found: Handshake) -> str:
    """The steps: C or S for the side, a star for a retransmission."""
    return " ".join(f"{'CS'[s.segment.side]}:{s.step}{'*' * s.retransmission}" for s in found.steps)


def _syn() -> Wire:
    return Wire().client(SYN)


@dataclass(frozen=True)
class _Case:
    wire: Wire
    outcome: Outcome
    steps: str
    inferred: bool = False


_OUTCOMES = {
    "usual": _Case(Wire().open(), "established", "C:SYN S:SYN-ACK C:ACK"),
    "data behind it": _Case(
        Wire().open().client(PSH | ACK, b"x").server(ACK), "established", "C:SYN S:SYN-ACK C:ACK"),
    "ACK lost, data stands for it": _Case(
        _syn().server(SYN | ACK).client(ACK, lost=True).client(PSH | ACK, b"hello"), "established", "C:SYN S:SYN-ACK C:ACK"),
    "ACK carries data": _Case(
        _syn().server(SYN | ACK).client(PSH | ACK, b"hello"), "established", "C:SYN S:SYN-ACK C:ACK"),
    "ACK lost, server data shows it": _Case(
        _syn().server(SYN | ACK).client(ACK, lost=True).server(PSH | ACK, b"hello"), "established", "C:SYN S:SYN-ACK", True),
    "only client captured": _Case(
        _syn().server(SYN | ACK, lost=True).client(ACK).client(PSH | ACK, b"hi"), "established", "C:SYN", True),
    "refused": _Case(_syn().server(RST | ACK, seq=0), "refused", "C:SYN S:RST"),
    "refused at second try": _Case(
        _syn().wait(1).client(SYN, seq=1000).server(RST | ACK, seq=0), "refused", "C:SYN C:SYN* S:RST"),
    "unanswered": _Case(_syn(), "unanswered", "C:SYN"),
    "unanswered thrice": _Case(
        _syn().client(SYN, seq=1000).client(SYN, seq=1000), "unanswered", "C:SYN C:SYN* C:SYN*"),
    "incomplete": _Case(_syn().server(SYN | ACK), "incomplete", "C:SYN S:SYN-ACK"),
    "incomplete, repeated": _Case(
        _syn().server(SYN | ACK).server(SYN | ACK, seq=5000), "incomplete", "C:SYN S:SYN-ACK S:SYN-ACK*"),
    "incomplete, bare ACK from the server": _Case(_syn().server(ACK), "incomplete", "C:SYN"),
    "aborted by client after SYN-ACK": _Case(
        _syn().server(SYN | ACK).client(RST), "aborted", "C:SYN S:SYN-ACK C:RST"),
    "aborted by server after SYN-ACK": _Case(
        _syn().server(SYN | ACK).server(RST), "aborted", "C:SYN S:SYN-ACK S:RST"),
    "aborted by client after SYN": _Case(_syn().client(RST), "aborted", "C:SYN C:RST"),
    "reset after it": _Case(Wire().open().server(RST), "established", "C:SYN S:SYN-ACK C:ACK"),
    "SYN-ACK first": _Case(
        Wire().client(SYN, lost=True).server(SYN | ACK).client(ACK), "partial", "S:SYN-ACK C:ACK"),
    "SYN-ACK only": _Case(Wire().client(SYN, lost=True).server(SYN | ACK), "partial", "S:SYN-ACK"),
    "mid-stream": _Case(Wire().client(PSH | ACK, b"x").server(ACK), "partial", ""),
    "mid-stream reset": _Case(Wire().client(PSH | ACK, b"x").server(RST), "partial", ""),
    "fast open": _Case(
        Wire().client(SYN, b"GET", options=b"\x22\x0a" + bytes(8)).server(SYN | ACK).client(ACK),
        "established", "C:SYN S:SYN-ACK C:ACK"),
    "fast open, answer before the ACK": _Case(
        Wire().client(SYN, b"GET").server(SYN | ACK).server(PSH | ACK, b"200").client(ACK),
        "established", "C:SYN S:SYN-ACK C:ACK"),
    "fast open, answer and no ACK": _Case(
        Wire().client(SYN, b"GET").server(SYN | ACK).server(PSH | ACK, b"200"), "incomplete", "C:SYN S:SYN-ACK"),
    "ACK repeated for a repeated SYN-ACK": _Case(
        Wire().open().server(SYN | ACK, seq=5000).client(ACK), "established", "C:SYN S:SYN-ACK C:ACK S:SYN-ACK* C:ACK*"),
    "SYN repeated": _Case(
        _syn().wait(1).client(SYN, seq=1000).server(SYN | ACK).client(ACK), "established", "C:SYN C:SYN* S:SYN-ACK C:ACK"),
    "wrapping numbers": _Case(
        Wire(isn=(0xFFFFFFFF, 0xFFFFFFFE)).open().client(ACK, b"x"), "established", "C:SYN S:SYN-ACK C:ACK"),
    "FIN with the last ACK": _Case(
        _syn().server(SYN | ACK).client(FIN | ACK).server(ACK), "established", "C:SYN S:SYN-ACK C:ACK"),
}  # fmt: skip


@pytest.mark.parametrize("name", _OUTCOMES)
def test_outcome(name: str) -> None:
    case = _OUTCOMES[name]
    found = _read(case.wire)
    assert (found.outcome, _names(found), found.inferred) == (case.outcome, case.steps, case.inferred)
    assert (found.simultaneous, found.split) == (False, False)


def test_nothing() -> None:
    found = read_handshake([])
    assert (found.outcome, found.steps, found.ends) == ("partial", (), 0)


def test_last_ack_carries_its_data() -> None:
    found = _read(_syn().server(SYN | ACK).client(PSH | ACK, b"hello"))
    assert [step.segment.length for step in found.steps] == [0, 0, 5]


def test_another_number_is_no_retransmission() -> None:
    assert _names(_read(_syn().client(SYN, seq=7))) == "C:SYN C:SYN"


@pytest.mark.parametrize(
    ("syn", "answer", "ecn"),
    [
        (ECE | CWR, ECE, [True, True, False]),
        (ECE | CWR, 0, [True, False, False]),
        (ECE | CWR, ECE | CWR, [True, False, False]),
        (ECE | CWR, CWR, [True, False, False]),
        (ECE, 0, [False, False, False]),
        (CWR, 0, [False, False, False]),
        (0, 0, [False, False, False]),
    ],
)
def test_congestion_notification(syn: int, answer: int, ecn: list[bool]) -> None:
    found = _read(Wire().client(SYN | syn).server(SYN | ACK | answer).client(ACK))
    assert [step.ecn for step in found.steps] == ecn


def test_congestion_notification_given_up_in_the_second_syn() -> None:
    wire = Wire().client(SYN | ECE | CWR).client(SYN, seq=1000).server(SYN | ACK | ECE).client(ACK | ECE)
    assert [step.ecn for step in _read(wire).steps] == [True, False, True, False]


def test_options_of_the_steps() -> None:
    found = _read(Wire().open((MSS, b"\x02\x04\x02\x18")))
    assert [step.options.mss for step in found.steps] == [1460, 536, None]


_S = 1_000_000_000

_RTT = {
    "both halves": (_syn().wait(0.5).server(SYN | ACK).wait(0.2).client(ACK),
                    Rtt(TICK + _S // 2, TICK + _S // 5, 2 * TICK + 7 * _S // 10)),
    "no answer": (_syn(), Rtt()),
    "refused": (_syn().server(RST | ACK, seq=0), Rtt()),
    "no last ACK": (_syn().server(SYN | ACK), Rtt(server=TICK)),
    "SYN twice, no timestamps": (_syn().wait(1).client(SYN, seq=1000).server(SYN | ACK).client(ACK), Rtt(client=TICK)),
    "SYN twice, the second answered": (
        Wire().client(SYN, options=echo(10)).wait(1).client(SYN, seq=1000, options=echo(20))
        .server(SYN | ACK, options=echo(900, 20)).client(ACK, options=echo(21, 900)), Rtt(TICK, TICK, 2 * TICK)),
    "SYN twice, the first answered": (
        Wire().client(SYN, options=echo(10)).wait(1).client(SYN, seq=1000, options=echo(20))
        .server(SYN | ACK, options=echo(900, 10)).client(ACK, options=echo(21, 900)),
        Rtt(2 * TICK + _S, TICK, 3 * TICK + _S)),
    "SYN twice, one timestamp": (
        Wire().client(SYN, options=echo(10)).client(SYN, seq=1000, options=echo(10))
        .server(SYN | ACK, options=echo(900, 10)).client(ACK, options=echo(21, 900)), Rtt(client=TICK)),
    "SYN twice, an echo of neither": (
        Wire().client(SYN, options=echo(10)).client(SYN, seq=1000, options=echo(20))
        .server(SYN | ACK, options=echo(900, 15)).client(ACK, options=echo(21, 900)), Rtt(client=TICK)),
    "SYN-ACK twice, no timestamps": (
        _syn().server(SYN | ACK).wait(1).server(SYN | ACK, seq=5000).client(ACK), Rtt(server=TICK)),
    "SYN-ACK twice, the second answered": (
        Wire().client(SYN, options=echo(10)).server(SYN | ACK, options=echo(900, 10)).wait(1)
        .server(SYN | ACK, seq=5000, options=echo(950, 10)).client(ACK, options=echo(11, 950)), Rtt(TICK, TICK, 2 * TICK)),
    "SYN repeated behind the SYN-ACK": (
        _syn().server(SYN | ACK, unheard=True).client(SYN, seq=1000).client(ACK, ack=5001), Rtt(TICK, 2 * TICK, 3 * TICK)),
    "partial": (Wire().client(SYN, lost=True).server(SYN | ACK).client(ACK), Rtt(client=TICK)),
    "simultaneous": (Wire().client(SYN, unheard=True).server(SYN).client(SYN | ACK, seq=1000)
                     .server(SYN | ACK, seq=5000, ack=1001), Rtt()),
    "mid-stream": (Wire().client(ACK, b"x"), Rtt()),
}  # fmt: skip


@pytest.mark.parametrize("name", _RTT)
def test_round_trips(name: str) -> None:
    wire, expected = _RTT[name]
    assert _read(wire).rtt == expected


@pytest.mark.parametrize(
    ("without", "expected"),
    [(0, Rtt(client=TICK)), (1, Rtt()), (2, Rtt(server=TICK))],
)
def test_a_packet_without_time_hides_only_its_own_halves(without: int, expected: Rtt) -> None:
    segments = Wire().open().segments
    segments[without] = segments[without]._replace(time=None)
    assert read_handshake(segments).rtt == expected


_CROSSED = {
    "both answer": (Wire().client(SYN, unheard=True).server(SYN).client(SYN | ACK, seq=1000)
                    .server(SYN | ACK, seq=5000, ack=1001), True, False, "C:SYN S:SYN C:SYN-ACK S:SYN-ACK"),
    "both answer, then ACK": (Wire().client(SYN, unheard=True).server(SYN).client(SYN | ACK, seq=1000)
                              .server(SYN | ACK, seq=5000, ack=1001).client(ACK).server(ACK), True, False,
                              "C:SYN S:SYN C:SYN-ACK S:SYN-ACK C:ACK S:ACK"),
    "one answers, the other acknowledges": (Wire().client(SYN, unheard=True).server(SYN).server(SYN | ACK, seq=5000, ack=1001)
                                            .client(ACK), True, False, "C:SYN S:SYN S:SYN-ACK C:ACK"),
    "split": (_syn().server(ACK).server(SYN).client(SYN | ACK, seq=1000).server(ACK), False, True,
              "C:SYN S:SYN C:SYN-ACK S:ACK"),
    "split, bare SYN alone": (_syn().server(SYN).client(SYN | ACK, seq=1000).server(ACK), False, True,
                              "C:SYN S:SYN C:SYN-ACK S:ACK"),
}  # fmt: skip


@pytest.mark.parametrize("name", _CROSSED)
def test_two_syns(name: str) -> None:
    wire, simultaneous, split, steps = _CROSSED[name]
    found = _read(wire)
    assert (found.outcome, found.simultaneous, found.split, _names(found)) == ("established", simultaneous, split, steps)


def test_two_syns_and_no_answer_are_not_established() -> None:
    assert _read(Wire().client(SYN, unheard=True).server(SYN)).outcome == "incomplete"


@pytest.mark.parametrize(
    ("ack", "syn_data", "wrong"),
    [(1001, b"", False), (1000, b"", True), (1002, b"", True), (1001, b"a", False), (1002, b"a", False), (1003, b"a", True)],
)
def test_number_that_the_syn_ack_acknowledges(ack: int, syn_data: bytes, wrong: bool) -> None:
    # Whoever gets a wrong one resets; who goes on all the same has a usual handshake, of which that is told as well.
    for flags in (RST, ACK):
        found = _read(Wire().client(SYN, syn_data).server(SYN | ACK, ack=ack).client(flags))
        assert [(problem.kind, problem.packet) for problem in found.problems] == [("syn-ack-wrong-number", 2)] * wrong


def test_number_that_the_syn_ack_acknowledges_wraps() -> None:
    assert not _read(Wire(isn=(0xFFFFFFFF, 1)).open()).problems


_MALFORMED = b"\x02\x03\x00\x00"


@pytest.mark.parametrize("which", [(), (0,), (1,), (2,), (0, 2), (0, 1, 2)])
def test_malformed_options_are_told_with_their_packets(which: tuple[int, ...]) -> None:
    first, second, third = (_MALFORMED if step in which else MSS for step in range(3))
    usual = Wire().client(SYN, options=first).server(SYN | ACK, options=second).client(ACK, options=third)
    again = Wire().client(SYN, options=first).server(SYN | ACK, options=second).client(ACK, options=third).client(ACK)
    for found in (_read(usual), _read(again), _read(usual.server(SYN | ACK, seq=5000))):
        told = [(problem.kind, problem.packet) for problem in found.problems]
        assert told == [("tcp-option-malformed", step + 1) for step in which]


def test_a_malformed_option_and_a_wrong_number_are_both_told() -> None:
    found = _read(Wire().client(SYN, options=_MALFORMED).server(SYN | ACK, ack=7).client(ACK))
    assert sorted(problem.kind for problem in found.problems) == ["syn-ack-wrong-number", "tcp-option-malformed"]


_segments = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 1]),
        st.sampled_from([SYN, SYN | ACK, ACK, ACK, FIN | ACK, RST, SYN | ECE | CWR, SYN | ACK | ECE]),
        st.sampled_from([b"", b"", b"x"]), st.sampled_from([b"", MSS, _MALFORMED, echo(5, 7)]),
        st.sampled_from([None, None, None, 7]), st.booleans(),
    ),
    max_size=3,
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(before=_segments, steps=st.lists(st.sampled_from([b"", MSS, _MALFORMED]), min_size=3, max_size=3), after=_segments,
       flags=st.sampled_from([0, 0, ECE, CWR, ECE | CWR, FIN, PSH]), timed=st.booleans())  # fmt: skip
def test_the_short_way_says_what_the_long_way_says(
    before: list[Any], steps: list[bytes], after: list[Any], flags: int, timed: bool
) -> None:
    wire = Wire()
    for part in (before, None, after):
        if part is None:
            wire.client(SYN, options=steps[0]).server(SYN | ACK | flags & (ECE | CWR), options=steps[1])
            wire.client(ACK | flags, options=steps[2])
            continue
        for side, bits, data, options, ack, lost in part:
            wire.send(side, bits, data, options=options, ack=ack, lost=lost)
    segments = wire.segments if timed else [segment._replace(time=None) for segment in wire.segments]
    for begin in {0, len(before)}:
        short = read_handshake(segments[begin:])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(handshake, "_usual", lambda _: None)
            assert read_handshake(segments[begin:]) == short
