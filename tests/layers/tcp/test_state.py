"""The states of both ends after every segment, by the figures of RFC 9293 sections 3.5 and 3.6."""

from __future__ import annotations

import pytest

from netviz.layers.tcp.state import UNKNOWN, follow
from tests.wire import ACK, CLIENT, FIN, PSH, RST, SERVER, SYN, Wire

#: Short names, so that a conversation fits on a line: client state/server state, a question mark where inferred.
_SHORT = {
    "CLOSED": "CLOSED", "LISTEN": "LISTEN", "SYN-SENT": "SENT", "SYN-RECEIVED": "RCVD", "ESTABLISHED": "ESTAB",
    "FIN-WAIT-1": "FIN1", "FIN-WAIT-2": "FIN2", "CLOSE-WAIT": "CLOSE-WAIT", "CLOSING": "CLOSING", "LAST-ACK": "LAST",
    "TIME-WAIT": "TIME", UNKNOWN: "unknown",
}  # fmt: skip


def _states(wire: Wire) -> list[str]:
    return [
        "/".join(_SHORT[name] + "?" * inferred for name, inferred in zip(state.names, state.inferred, strict=True))
        for state in follow(wire.segments)
    ]


_OPENED = ["CLOSED?/LISTEN?", "SENT/RCVD", "ESTAB/RCVD", "ESTAB/ESTAB?"]
_MIDDLE = ["ESTAB?/ESTAB?"]

_TABLE = {
    "open, figure 6": (Wire().open(), _OPENED),
    "data confirms the server": (
        Wire().open().client(PSH | ACK, b"x").server(ACK), [*_OPENED, "ESTAB/ESTAB?", "ESTAB/ESTAB"]),
    "SYN alone": (Wire().client(SYN), ["CLOSED?/unknown?", "SENT/unknown?"]),
    "refused": (Wire().client(SYN).server(RST | ACK), ["CLOSED?/CLOSED?", "SENT/CLOSED?", "CLOSED?/CLOSED"]),
    "no last ACK": (Wire().client(SYN).server(SYN | ACK), ["CLOSED?/LISTEN?", "SENT/RCVD", "ESTAB?/RCVD"]),
    "SYN-ACK and RST": (
        Wire().client(SYN).server(SYN | ACK).client(RST), ["CLOSED?/LISTEN?", "SENT/RCVD", "ESTAB?/RCVD", "CLOSED/CLOSED?"]),
    "SYN repeated": (
        Wire().client(SYN).client(SYN, seq=1000).server(SYN | ACK),
        ["CLOSED?/LISTEN?", "SENT/LISTEN?", "SENT/RCVD", "ESTAB?/RCVD"]),
    "fast open": (
        Wire().client(SYN, b"GET").server(SYN | ACK).client(ACK), _OPENED),
    "SYN-ACK repeated, so the ACK was lost": (
        Wire().open().server(SYN | ACK, seq=5000), [*_OPENED, "ESTAB/RCVD"]),
    "closed by the client, figure 12": (
        Wire().open().client(FIN | ACK).server(ACK).server(FIN | ACK).client(ACK),
        [*_OPENED, "FIN1/CLOSE-WAIT", "FIN2?/CLOSE-WAIT", "TIME/LAST", "TIME/CLOSED?"]),
    "closed by the server": (
        Wire().open().server(FIN | ACK).client(ACK).client(FIN | ACK).server(ACK),
        [*_OPENED, "CLOSE-WAIT/FIN1", "CLOSE-WAIT/FIN2?", "LAST/TIME", "CLOSED?/TIME"]),
    "closed in three segments": (
        Wire().open().close(CLIENT), [*_OPENED, "FIN1/CLOSE-WAIT", "TIME/LAST", "TIME/CLOSED?"]),
    "half-closed": (
        Wire().open().client(FIN | ACK).server(ACK).server(PSH | ACK, b"x").client(ACK),
        [*_OPENED, "FIN1/CLOSE-WAIT", "FIN2?/CLOSE-WAIT", "FIN2?/CLOSE-WAIT", "FIN2/CLOSE-WAIT"]),
    "FIN that nobody answers": (Wire().open().client(FIN | ACK), [*_OPENED, "FIN1/CLOSE-WAIT?"]),
    "reset by the client": (Wire().open().client(RST), [*_OPENED, "CLOSED/CLOSED?"]),
    "reset by the server": (Wire().open().server(RST), [*_OPENED, "CLOSED?/CLOSED"]),
    "mid-stream": (Wire().client(PSH | ACK, b"x").server(ACK), [*_MIDDLE, "ESTAB/ESTAB?", "ESTAB/ESTAB"]),
    "mid-stream, closed": (
        Wire().close(SERVER), [*_MIDDLE, "CLOSE-WAIT/FIN1", "LAST/TIME", "CLOSED?/TIME"]),
    "from the SYN-ACK on": (
        Wire().client(SYN, lost=True).server(SYN | ACK).client(ACK),
        ["SENT?/LISTEN?", "ESTAB/RCVD", "ESTAB/ESTAB?"]),
    "numbers that wrap": (
        Wire(isn=(0xFFFFFFFF, 0xFFFFFFFE)).open().close(CLIENT), [*_OPENED, "FIN1/CLOSE-WAIT", "TIME/LAST", "TIME/CLOSED?"]),
}  # fmt: skip


@pytest.mark.parametrize("name", _TABLE)
def test_states(name: str) -> None:
    wire, expected = _TABLE[name]
    assert _states(wire) == expected


def test_simultaneous_open_figure_7() -> None:
    wire = Wire().client(SYN, unheard=True).server(SYN).client(SYN | ACK, seq=1000).server(SYN | ACK, seq=5000, ack=1001)
    names = [state.names for state in follow(wire.segments)]
    assert names[0] == ("CLOSED", "CLOSED")
    assert names[1][0] == "SYN-SENT"
    assert names[2] == ("SYN-RECEIVED", "SYN-SENT")
    assert names[-1] == ("ESTABLISHED", "ESTABLISHED")


def test_simultaneous_close_figure_13() -> None:
    wire = (
        Wire().open().client(FIN | ACK, unheard=True).server(FIN | ACK, unheard=True)
        .client(ACK, ack=5002).server(ACK, ack=1002)
    )  # fmt: skip
    found = [state.names for state in follow(wire.segments)][4:]
    # The server's FIN does not acknowledge the client's: it was sent in ESTABLISHED, so FIN-WAIT-1, never LAST-ACK.
    assert "LAST-ACK" not in {name for names in found for name in names}
    assert found[0][0] == "FIN-WAIT-1"
    assert found[-2][1] == "TIME-WAIT"
    assert found[-1] == ("TIME-WAIT", "TIME-WAIT")


def test_split_handshake() -> None:
    wire = Wire().client(SYN).server(ACK).server(SYN).client(SYN | ACK, seq=1000).server(ACK)
    names = [state.names for state in follow(wire.segments)]
    assert names[3][0] == "SYN-RECEIVED"
    assert names[-1] == ("ESTABLISHED", "ESTABLISHED")


def test_nothing() -> None:
    assert [state.names for state in follow([])] == [("ESTABLISHED", "ESTABLISHED")]
