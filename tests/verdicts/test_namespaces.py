"""Namespaces that were joined and refused, and acknowledgements that never came."""

from __future__ import annotations

from typing import Any

import pytest

from netviz.event import Acknowledged
from netviz.verdicts.namespaces import exchange, namespaces, reason, without_ack
from tests.engine import engine, scripted, socket
from tests.wire import CLIENT, SERVER


def test_each_namespace_goes_its_own_way() -> None:
    found = namespaces(scripted(
        *(socket(CLIENT, "CONNECT", namespace=name) for name in ("/", "/a", "/b", "/c")),
        socket(SERVER, "CONNECT", None, {"sid": "x"}, namespace="/", packets=(5,)),
        socket(SERVER, "CONNECT_ERROR", None, {"message": "no"}, namespace="/a"), socket(CLIENT, "DISCONNECT", namespace="/c"),
    ))  # fmt: skip
    assert [packet.namespace for packet in found.joined] == ["/"]
    assert [packet.namespace for packet in found.refused] == ["/a"]
    assert [packet.namespace for packet in found.silent] == ["/b"]
    assert [claim.text for claim in found.seen] == [
        "joined /", "/a was refused: “no”", "the client asked to join /b; no answer is in the capture",
    ]  # fmt: skip
    assert found.seen[0].packets == (5,)


def test_many_namespaces_are_counted() -> None:
    found = namespaces(scripted(*(socket(SERVER, "CONNECT", namespace=f"/{n}") for n in range(20))))
    assert found.seen[0].text == "joined /0, /1, /2, /3, /4, /5 and 14 more"


_DEEP: Any = None
for _ in range(100_000):
    _DEEP = [_DEEP]

#: Arguments of an error, its message, its data.
_REASONS: list[tuple[tuple[Any, ...], str, str]] = [
    (({"message": "no", "data": {"why": "token"}},), "no", '{"why": "token"}'),
    (({"message": "no"},), "no", ""),
    (({"message": "no", "data": None},), "no", ""),
    (("not authorized",), "not authorized", ""),
    ((), "", ""),
    (({"message": 5},), '{"message": 5}', ""),
    (({"message": "no", "data": b"\x01\x02"},), "no", '"<2 bytes>"'),
    (({"message": "x" * 500},), "x" * 120 + "…", ""),
    ((_DEEP,), "something nested too deep to quote", ""),
]


@pytest.mark.parametrize(("args", "message", "data"), _REASONS, ids=range(len(_REASONS)))
def test_an_error_has_a_reason(args: tuple[Any, ...], message: str, data: str) -> None:
    assert reason(socket(SERVER, "CONNECT_ERROR", None, *args)) == (message, data)


def test_acks_are_missing_only_after_a_while() -> None:
    asked = socket(CLIENT, "EVENT", "a", id=0, at=0)
    late, soon = engine(SERVER, "noop", at=1000), engine(SERVER, "noop", at=999)
    assert without_ack(scripted(asked, late)) == [asked]
    assert without_ack(scripted(asked, soon)) == []
    assert without_ack(scripted(socket(CLIENT, "EVENT", "a", id=0, ack=Acknowledged(9, 1)), late)) == []
    assert without_ack(scripted(asked, socket(SERVER, "ACK", id=0, at=1), late)) == []
    assert without_ack(scripted(asked, socket(CLIENT, "ACK", id=0, at=1), late)) == [asked]
    assert without_ack(scripted(asked, socket(SERVER, "ACK", id=1, at=1), late)) == [asked]
    assert without_ack(scripted(asked, socket(SERVER, "ACK", id=0, at=1, namespace="/a"), late)) == [asked]
    assert without_ack(scripted(socket(CLIENT, "EVENT", "a"), late)) == []


def test_without_events_packets_are_counted() -> None:
    assert [claim.text for claim in exchange(scripted(engine(CLIENT, "ping")))] == [
        "1 packet of Engine.IO, none of Socket.IO’s events"
    ]
    assert exchange(scripted()) == []
    assert exchange(scripted(socket(CLIENT, "CONNECT"))) == []


def test_what_is_left_out_is_said() -> None:
    trace = scripted(socket(CLIENT, "EVENT", "a"))
    trace.omitted = 7
    assert exchange(trace)[0].text.endswith("; 7 further packets are not looked at")
