"""The end of a connection: FINs, resets, who began, and the packets that show it."""

from __future__ import annotations

import pytest

from netviz.event import Closing
from netviz.layers.tcp.closing import read_closing
from tests.wire import ACK, CLIENT, FIN, PSH, RST, SERVER, Wire

_TABLE = {
    "open": (Wire().client(PSH | ACK, b"x").server(ACK), Closing("open", None, ())),
    "nothing": (Wire(), Closing("open", None, ())),
    "by the client, three segments": (Wire().close(CLIENT), Closing("fin", "client", (1, 2, 3))),
    "by the server, three segments": (Wire().close(SERVER), Closing("fin", "server", (1, 2, 3))),
    "by the client, four segments": (
        Wire().client(FIN | ACK).server(ACK).server(FIN | ACK).client(ACK), Closing("fin", "client", (1, 2, 3, 4))),
    "last ACK not seen": (Wire().client(FIN | ACK).server(FIN | ACK), Closing("fin", "client", (1, 2))),
    "FIN with data": (Wire().client(FIN | ACK, b"bye").server(FIN | ACK, b"bye bye").client(ACK),
                      Closing("fin", "client", (1, 2, 3))),
    "data between the FINs": (
        Wire().client(FIN | ACK).server(ACK).server(PSH | ACK, b"more").client(ACK).server(FIN | ACK).client(ACK),
        Closing("fin", "client", (1, 2, 5, 6))),
    "FIN repeated": (
        Wire().client(FIN | ACK).client(FIN | ACK, seq=1000).server(FIN | ACK).client(ACK),
        Closing("fin", "client", (1, 3, 4))),
    "FIN repeated by the other end": (
        Wire().client(FIN | ACK).server(FIN | ACK).server(FIN | ACK, seq=5000).client(ACK),
        Closing("fin", "client", (1, 2, 4))),
    "at the same time": (
        Wire().client(FIN | ACK, unheard=True).server(FIN | ACK, unheard=True).client(ACK, ack=5001).server(ACK, ack=1001),
        Closing("fin", "client", (1, 2, 3, 4))),
    "half-closed by the client": (Wire().client(FIN | ACK).server(ACK), Closing("half-closed", "client", (1, 2))),
    "half-closed by the server": (
        Wire().server(FIN | ACK).client(ACK).client(PSH | ACK, b"x"), Closing("half-closed", "server", (1, 2))),
    "reset by the client": (Wire().client(RST), Closing("reset", "client", (1,))),
    "reset by the server": (Wire().client(PSH | ACK, b"x").server(RST | ACK), Closing("reset", "server", (2,))),
    "reset of a half-closed one": (
        Wire().client(FIN | ACK).server(ACK).server(RST | ACK), Closing("reset", "server", (1, 2, 3))),
    "reset after both FINs": (
        Wire().client(FIN | ACK).server(FIN | ACK).client(RST), Closing("fin", "client", (1, 2, 3))),
    "what comes after an RST": (Wire().client(RST).server(FIN | ACK), Closing("reset", "client", (1,))),
    "numbers that wrap": (
        Wire(isn=(0xFFFFFFFF, 0xFFFFFFFF)).client(FIN | ACK).server(ACK).server(FIN | ACK, b"abc").client(ACK),
        Closing("fin", "client", (1, 2, 3, 4))),
    "an older ACK is not the FIN's": (
        Wire().client(FIN | ACK).server(ACK, ack=1000).server(ACK), Closing("half-closed", "client", (1, 3))),
}  # fmt: skip


@pytest.mark.parametrize("name", _TABLE)
def test_closing(name: str) -> None:
    wire, expected = _TABLE[name]
    assert read_closing(wire.segments) == expected
