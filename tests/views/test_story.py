"""The story of a connection: true to what happened, without words that were not explained."""

from __future__ import annotations

from typing import get_args

import pytest

from netviz.analysis import course
from netviz.event import Outcome
from netviz.views.story import OUTCOMES, story
from tests.wire import ACK, FIN, PSH, RST, SERVER, SYN, Wire

_OPEN = "Three messages are just enough"


def _tell(wire: Wire) -> str:
    connection = wire.connection()
    return " ".join(story(connection, course(connection)))


@pytest.mark.parametrize(
    ("wire", "says", "never"),
    [
        (Wire().open().close(SERVER), [_OPEN, "this took 2 ms", "The server was the first to say", "1000"], ["hung up"]),
        (Wire().open().close(), ["The client was the first to say", "The server confirmed"], ["hung up"]),
        (Wire().open().server(RST | ACK), [_OPEN, "the server hung up without a goodbye (RST)"], ["(FIN)"]),
        (Wire().open().client(FIN | ACK).server(ACK), ["The client said", "may still send"], ["two FINs"]),
        (Wire().open().client(PSH | ACK, b"12345"), ["the client sent 5 bytes in 3 segments", "still connected"], ["(FIN)"]),
        (Wire().client(SYN).server(RST | ACK), ["(RST)", "no program waits at this port"], [_OPEN, "talked"]),
        (Wire().client(SYN), ["(SYN), once.", "Silence is not a refusal"], [_OPEN, "(RST)"]),
        (Wire().client(SYN).wait(1).client(SYN, seq=1000), ["(SYN), 2 times", "Nobody answered"], [_OPEN]),
        (Wire().client(SYN).icmp(3, 1, sender="10.0.0.254"), ["Then 10.0.0.254, on the way"], ["Silence is not a refusal"]),
        (Wire().client(SYN).server(SYN | ACK), ["but the client never said yes"], [_OPEN, "talked"]),
        (Wire().client(SYN).server(SYN | ACK).client(RST), ["the client said", "(RST)"], [_OPEN]),
        (Wire().client(ACK, b"x").server(ACK, b"y"), ["already talking", "1 byte in 1 segment"], [_OPEN, "number that"]),
        (Wire().client(SYN).client(SYN, seq=1000).server(SYN | ACK).client(ACK), [_OPEN, "1 message of these"], []),
        (Wire().client(SYN).server(SYN, unheard=True).client(SYN | ACK, seq=1000).server(SYN | ACK, seq=5000),
         ["at the same moment"], [_OPEN]),
    ],
)  # fmt: skip
def test_what_happened_is_told(wire: Wire, says: list[str], never: list[str]) -> None:
    text = _tell(wire)
    assert [words for words in says if words not in text] == []
    assert [words for words in never if words in text] == []


@pytest.mark.parametrize(("server", "same"), [("10.0.0.1", True), ("10.0.0.2", False)])
def test_one_machine_is_told(server: str, same: bool) -> None:
    text = _tell(Wire(("10.0.0.1", 40000), (server, 80)).open())
    assert ("both are on the same machine" in text) is same
    assert f"{server}, port 80" in text


def test_numbers_wrap_round() -> None:
    assert "easier to read than 0." in _tell(Wire(isn=(4_294_967_295, 0)).open())


@pytest.mark.parametrize("outcome", get_args(Outcome))
def test_every_outcome_is_explained_in_a_sentence(outcome: str) -> None:
    assert OUTCOMES[outcome].endswith(".")
    assert OUTCOMES.keys() == set(get_args(Outcome))
