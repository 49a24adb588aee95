"""The course of a connection: relative numbers, what each segment is called, and what it says."""

from __future__ import annotations

import pytest

from netviz.analysis import course
from netviz.layers.tcp.course import read_course
from tests.wire import ACK, CWR, ECE, FIN, PSH, RST, SYN, Wire

_WHOLE = Wire().open().client(PSH | ACK, b"hello").close()


def test_names() -> None:
    assert [moment.what for moment in read_course(_WHOLE.segments).moments] == [
        "SYN", "SYN-ACK", "ACK", "data", "FIN", "FIN", "ACK",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("flags", "what"),
    [
        (SYN | ECE | CWR, "SYN ECN"), (SYN | ACK | ECE, "SYN-ACK ECN"), (RST, "RST"), (RST | ACK, "RST"), (FIN, "FIN"),
        (FIN | ACK, "FIN"), (0, "segment"), (PSH, "segment"), (ACK | ECE, "ACK"), (SYN | FIN, "SYN-FIN"),
    ],
)  # fmt: skip
def test_name(flags: int, what: str) -> None:
    assert read_course(Wire().client(flags).segments).moments[0].what == what


@pytest.mark.parametrize("isn", [(1000, 5000), (0xFFFFFFFF, 0xFFFFFFFD), (0, 0)])
def test_numbers_count_from_the_first(isn: tuple[int, int]) -> None:
    found = read_course(Wire(isn=isn).open().client(PSH | ACK, b"hello").close().segments)
    assert found.base == isn
    assert [(m.seq, m.ack) for m in found.moments] == [(0, None), (0, 1), (1, 1), (1, 1), (6, 1), (1, 7), (7, 2)]


def test_numbers_where_no_syn_was_captured() -> None:
    found = read_course(Wire(isn=(100, 200)).client(PSH | ACK, b"abc", ack=200).server(ACK).segments)
    assert found.base == (100, 200)
    assert [(m.seq, m.ack) for m in found.moments] == [(0, 0), (0, 3)]


def test_number_of_an_end_that_sent_nothing() -> None:
    assert read_course(Wire().client(SYN).segments).base == (1000, None)


def test_states_go_with_the_moments() -> None:
    found = read_course(_WHOLE.segments)
    assert found.before == ("CLOSED", "LISTEN")
    assert found.moments[0].states == ("SYN-SENT", "SYN-RECEIVED")
    assert found.moments[-1].states == ("TIME-WAIT", "CLOSED")
    assert found.moments[-1].inferred == (False, True)


_OPEN = Wire().open()
_SAYS = {
    "SYN": (Wire().client(SYN), -1, ("May I talk to you?", "1000")),
    "SYN with data": (Wire().client(SYN, b"GET"), -1, ("May I talk to you?", "3 bytes of data")),
    "SYN-ACK": (Wire().client(SYN).server(SYN | ACK), -1, ("ack = 0 + 1", "5000")),
    "last ACK": (Wire().open(), -1, ("ack = 0 + 1", "Both directions are open")),
    "last ACK with data": (
        Wire().client(SYN).server(SYN | ACK).client(ACK, b"hello"), -1, ("Both directions are open", "5 bytes")),
    "ACK": (Wire().open().client(ACK), -1, ("I have everything up to here (ack = 1)",)),
    "data": (Wire().open().client(ACK, b"x" * 1234), -1, ("1,234 bytes of data.",)),
    "FIN": (Wire().open().client(FIN | ACK), -1, ("From my side that was all", "nothing more to send.")),
    "FIN with data": (Wire().open().client(FIN | ACK, b"bye"), -1, ("nothing more to send after 3 more bytes",)),
    "ACK of a FIN": (Wire().open().client(FIN | ACK).server(ACK), -1, ("I know that you are done (ack = 2)",)),
    "FIN that answers a FIN": (
        Wire().open().client(FIN | ACK).server(FIN | ACK), -1, ("I know that you are done (ack = 2). So", "nothing more")),
    "RST to a SYN": (Wire().client(SYN).server(RST | ACK, seq=0), -1, ("Nobody is listening",)),
    "RST": (Wire().open().server(RST), -1, ("drop this connection",)),
    "RST of a handshake": (Wire().client(SYN).server(SYN | ACK).client(RST), -1, ("drop this connection",)),
    "SYN again": (Wire().client(SYN).wait(1).client(SYN, seq=1000), -1, ("The same again", "1.001000 s without")),
    "SYN a third time": (
        Wire().client(SYN).wait(1).client(SYN, seq=1000).wait(2).client(SYN, seq=1000), -1, ("The same again", "2.001000 s")),
    "FIN again": (
        Wire().open().client(FIN | ACK).wait(0.2).client(FIN | ACK, seq=1001), -1, ("The same again", "0.201000 s")),
}  # fmt: skip


@pytest.mark.parametrize("name", _SAYS)
def test_meaning(name: str) -> None:
    wire, at, words = _SAYS[name]
    said = read_course(wire.segments).moments[at].meaning
    for word in words:
        assert word in said


def test_the_same_number_again_without_times() -> None:
    segments = [s._replace(time=None) for s in Wire().client(SYN).client(SYN, seq=1000).segments]
    assert "has not come" in read_course(segments).moments[1].meaning


def test_another_syn_is_not_the_same_again() -> None:
    assert "again" not in read_course(Wire().client(SYN).client(SYN, seq=7).segments).moments[1].meaning


def test_course_of_an_event() -> None:
    found = _WHOLE.connection()
    told = course(found)
    assert [m.segment for m in told.moments] == list(found.segments)
    assert told.moments[-1].states == ("TIME-WAIT", "CLOSED")


def test_nothing() -> None:
    assert read_course([]).moments == ()
